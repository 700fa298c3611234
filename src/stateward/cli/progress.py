"""How far an execution has come: as Stateward tells it, or from what AWS's API has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stateward.cli.names import Execution, Names
from stateward.cli.runs import counts_of
from stateward.cli.server import NOT_FOUND, Server, exit_code_of, fail

BAD = ("Failed", "TimedOut")
OVER = ("Success", "Failed", "TimedOut", "Skipped", "Cancelled")
FAILURES_READ = 50


class Group(msgspec.Struct, frozen=True):
    """Failures of one kind: the error, on how many nodes, the first of them by name."""

    error: str
    nodes: int
    first: tuple[str, ...]


class Progress(msgspec.Struct, frozen=True):
    """An execution at one moment. `plain` is what the server has said."""

    execution: Execution
    status: str
    is_over: bool
    counts: dict[str, int]
    targets: int
    groups: tuple[Group, ...]
    plain: dict[str, Any]
    version: int | None = None
    elapsed_ms: int | None = None
    remaining_ms: int | None = None
    slots: int | None = None
    errors_allowed: int | None = None
    detailed_status: str = ""

    @property
    def finished(self) -> int:
        return sum(count for status, count in self.counts.items() if status in OVER)


class Lost(Exception):
    """The server did not answer; it may in a moment."""


class StatewardSource:
    """Progress and groups of errors in two requests, the second only when there are other failures than before."""

    def __init__(self, server: Server, execution: Execution) -> None:
        self._server = server
        self._names = Names(server)
        self._path = f"/_stateward/executions/{execution.id}"
        self._execution = execution
        self._groups: tuple[Group, ...] = ()
        self._bad = 0

    def read(self) -> Progress:
        """Raises Lost."""
        told = self._get("/progress")
        bad = sum(told["counts"].get(status, 0) for status in BAD)
        if bad != self._bad:
            self._groups, self._bad = self._grouped(told), bad
        return Progress(
            execution=msgspec.structs.replace(self._execution, number=told["number"]),
            status=told["status"],
            detailed_status=told["detailed_status"],
            is_over=told["phase"] == "closed",
            counts={name: count for name, count in told["counts"].items() if count},
            targets=told["targets"],
            groups=self._groups,
            plain=told,
            version=told["version"],
            elapsed_ms=told["elapsed_ms"],
            remaining_ms=told["remaining_ms"],
            slots=told.get("slots", {}).get("of"),
            errors_allowed=told.get("errors", {}).get("allowed"),
        )

    def _grouped(self, told: Mapping[str, Any]) -> tuple[Group, ...]:
        errors = self._get("/errors")["errors"]
        first: dict[str, list[str]] = {one["error"]: [] for one in errors}
        for failure in told["first_failures"]:
            first.setdefault(failure["error"], []).append(failure["node"])
        named = self._names.node_names(
            node for one in errors for node in (first[one["error"]] or [one["first_node"]]) if node
        )
        return tuple(
            Group(
                described(one["step"], one["exit_code"], one["sample"] or one["error"]),
                one["nodes"],
                tuple(named[node] for node in first[one["error"]] or [one["first_node"]] if node),
            )
            for one in errors
        )

    def _get(self, path: str) -> dict[str, Any]:
        import httpx

        try:
            with self._server.attempt(self._path + path, {}, {}) as answer:
                body = answer.read()
                if answer.status_code >= 500 or answer.status_code == 429:
                    raise Lost(f"HTTP {answer.status_code}")
                told: dict[str, Any] = msgspec.json.decode(body)
        except (httpx.HTTPError, OSError, msgspec.DecodeError) as error:
            raise Lost(str(error) or type(error).__name__) from error
        if answer.status_code != 200:
            code = NOT_FOUND if answer.status_code == 404 else exit_code_of(told["error"])
            fail(f"{told['error']}: {told['message']}", code)
        return told


class AwsSource:
    """The same from DescribeAssociationExecutions and its targets."""

    def __init__(self, server: Server, execution: Execution) -> None:
        self._server = server
        self._execution = execution
        self._groups: tuple[Group, ...] = ()
        self._bad = 0

    def read(self) -> Progress:
        filters = [{"Key": "ExecutionId", "Type": "EQUAL", "Value": self._execution.id}]
        association_id = self._execution.association.id
        rows = self._server.call("describe_association_executions", AssociationId=association_id, Filters=filters)
        (row,) = rows["AssociationExecutions"]
        counts = counts_of(row.get("ResourceCountByStatus", ""))
        bad = sum(counts.get(status, 0) for status in BAD)
        if bad != self._bad:
            self._groups, self._bad = self._grouped(association_id), bad
        return Progress(
            execution=self._execution,
            status=row["Status"],
            detailed_status=row.get("DetailedStatus", ""),
            is_over=row["Status"] in OVER,
            counts=counts,
            targets=sum(counts.values()),
            groups=self._groups,
            plain=row,
        )

    def _grouped(self, association_id: str) -> tuple[Group, ...]:
        found: dict[str, list[str]] = {}
        for status in BAD:
            rows = self._server.some(
                "describe_association_execution_targets",
                "AssociationExecutionTargets",
                FAILURES_READ,
                AssociationId=association_id,
                ExecutionId=self._execution.id,
                Filters=[{"Key": "Status", "Value": status}],
            )
            for row in rows:
                found.setdefault(row.get("DetailedStatus") or status, []).append(row["ResourceId"])
        return tuple(Group(error, len(nodes), tuple(nodes)) for error, nodes in found.items())


def source(server: Server, execution: Execution) -> StatewardSource | AwsSource:
    """What tells of this execution here."""
    if server.own(f"/_stateward/executions/{execution.id}/progress") is None:
        return AwsSource(server, execution)
    return StatewardSource(server, execution)


def described(step: str | None, exit_code: int | None, sample: str) -> str:
    """`restart exit 1: disk full`."""
    head = " ".join(filter(None, (step, f"exit {exit_code}" if exit_code else "")))
    line = " ".join(sample.split())
    if not head or line.startswith(head):
        return line
    return f"{head}: {line}" if line else head
