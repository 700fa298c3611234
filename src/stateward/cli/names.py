"""What people call things: associations, executions, nodes (console 6). By operations of the API, so on AWS as well.

An association: its name, its id, or the beginning of one of them, at least four letters, that no other has. An
execution: its id or the beginning, or `<association>/412`, `<association>/last`, `<association>/last~1`. A node: its id
or its name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, NoReturn

import msgspec

from stateward.cli.server import FAILED, NOT_FOUND, USAGE, Server, fail

LEAST_PREFIX = 4
SHOWN = 10
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ID_PREFIX = re.compile(r"[0-9a-f][0-9a-f-]{3,35}")
NODE_ID = re.compile(r"m?i-[0-9a-z]{8,17}")
LAST = re.compile(r"last(?:~(\d{1,6}))?")


class Association(msgspec.Struct, frozen=True):
    """An association: its id, what people call it, and its document."""

    id: str
    name: str
    document: str = ""


class Execution(msgspec.Struct, frozen=True):
    """An execution; `number` is None where the server has no numbers (AWS)."""

    id: str
    association: Association
    number: int | None = None

    @property
    def called(self) -> str:
        """`nightly-patch #412`, else the id."""
        return f"{self.association.name} #{self.number}" if self.number else f"{self.association.name} {self.id}"

    @property
    def word(self) -> str:
        """What other commands take: `nightly-patch/412`, else the id."""
        return f"{self.association.name}/{self.number}" if self.number else self.id


class Names:
    """Looks things up on one server; what is not found, or is not one thing only, ends the program."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @cached_property
    def associations(self) -> list[Association]:
        """All of them."""
        return [_association(row) for row in self._server.pages("list_associations", "Associations", MaxResults=50)]

    def association(self, text: str) -> Association:
        """The one that is meant."""
        if UUID.fullmatch(text):
            return _association(self._server.call("describe_association", AssociationId=text)["AssociationDescription"])
        named = [one for one in self.associations if one.name == text]
        if not named and len(text) >= LEAST_PREFIX:
            named = [one for one in self.associations if one.name.startswith(text) or one.id.startswith(text.lower())]
        if not named:
            near = [one.name for one in self.associations]
            fail(f"there is no association {text!r}{did_you_mean(text, near)}", NOT_FOUND)
        found: Association = _only(text, named, lambda one: f"{one.id}  {one.name}", "associations")
        return found

    def execution(self, text: str) -> Execution:
        """The one that is meant."""
        name, slash, rest = text.partition("/")
        if slash:
            return self._of(self.association(name), rest, text)
        if UUID.fullmatch(text):
            return self._by_id(text.lower())
        if not ID_PREFIX.fullmatch(text.lower()):
            fail(
                f"{text!r} is no execution: write its id, the first {LEAST_PREFIX} signs of it or more, or an "
                f"association with a number, as in {self._example()}/412 or {self._example()}/last",
                USAGE,
            )
        found = [
            Execution(row["ExecutionId"], association)
            for association in self.associations
            for row in self._executions(association, None)
            if row["ExecutionId"].startswith(text.lower())
        ]
        if not found:
            fail(f"there is no execution that begins with {text}", NOT_FOUND)
        return self.numbered(_only(text, found, lambda one: f"{one.id}  {one.association.name}", "executions"))

    def numbered(self, execution: Execution) -> Execution:
        """With its number, where the server has numbers."""
        if execution.number is not None:
            return execution
        told = self._server.own(f"/_stateward/executions/{execution.id}/progress")
        return execution if told is None else msgspec.structs.replace(execution, number=told["number"])

    def node(self, text: str) -> str:
        """The id of a node."""
        if NODE_ID.fullmatch(text):
            return text
        rows = self._server.pages("describe_instance_information", "InstanceInformationList", MaxResults=50)
        named = [row for row in rows if text in (row.get("Name"), row.get("ComputerName"))]
        if not named:
            near = [node_name(row) for row in rows]
            fail(f"there is no node {text!r}{did_you_mean(text, near)}", NOT_FOUND)
        found: dict[str, Any] = _only(text, named, lambda row: f"{row['InstanceId']}  {node_name(row)}", "nodes")
        return str(found["InstanceId"])

    def node_names(self, ids: Iterable[str]) -> dict[str, str]:
        """Id → name; the id where it has none, or where several have the same."""
        named = self.own_names(ids)
        often = Counter(named.values())
        return {node_id: name if often[name] == 1 else node_id for node_id, name in named.items()}

    def own_names(self, ids: Iterable[str]) -> dict[str, str]:
        """Id → name, also where several have the same; the id where it has none."""
        wanted = list(dict.fromkeys(ids))
        named = {node_id: node_id for node_id in wanted}
        for at in range(0, len(wanted), 50):
            filters = [{"Key": "InstanceIds", "Values": wanted[at : at + 50]}]
            answer = self._server.call("describe_instance_information", Filters=filters, MaxResults=50)
            named |= {row["InstanceId"]: node_name(row) for row in answer["InstanceInformationList"]}
        return named

    def _of(self, association: Association, text: str, whole: str) -> Execution:
        """`412`, `last`, `last~1`, or the beginning of an id, of one association."""
        last = LAST.fullmatch(text)
        if last is not None:
            return self.numbered(self._newest(association, int(last[1] or 0)))
        if text.isascii() and text.isdecimal() and len(text) < 16:
            return self._at(association, int(text), whole)
        found = [row for row in self._executions(association, None) if row["ExecutionId"].startswith(text.lower())]
        if len(text) < LEAST_PREFIX or not found:
            fail(f"{whole!r}: {association.name} has no execution {text!r}; `last` is its newest one", NOT_FOUND)
        row = _only(whole, found, lambda one: str(one["ExecutionId"]), "executions")
        return self.numbered(Execution(row["ExecutionId"], association))

    def _newest(self, association: Association, back: int) -> Execution:
        rows = self._executions(association, back + 1)
        if len(rows) <= back:
            has = f"only {len(rows)}" if rows else "none"
            fail(f"{association.name} has no execution {back} before the last: it has {has}", NOT_FOUND)
        return Execution(rows[back]["ExecutionId"], association)

    def _at(self, association: Association, number: int, whole: str) -> Execution:
        query = {"runs": "1", "rows": "1", "partial": "own", "before": str(number + 1)}
        told = self._server.own(f"/_stateward/associations/{association.id}/map", query=query)
        if told is None:
            fail(f"{whole!r}: this server has no run numbers (AWS): write the id, or {association.name}/last~1", FAILED)
        run = next((run for run in told["runs"] if run["n"] == number), None)
        if run is None:
            fail(f"{association.name} has no execution #{number}", NOT_FOUND)
        return Execution(run["id"], association, number)

    def _by_id(self, execution_id: str) -> Execution:
        told = self._server.own(f"/_stateward/executions/{execution_id}/progress")
        if told is not None:
            return Execution(execution_id, self.association(told["association"]), told["number"])
        filters = [{"Key": "ExecutionId", "Type": "EQUAL", "Value": execution_id}]
        members = {"Filters": filters}
        for one in self.associations:
            answer = self._server.call("describe_association_executions", AssociationId=one.id, **members)
            if answer["AssociationExecutions"]:
                break
        else:
            fail(f"there is no execution {execution_id}", NOT_FOUND)
        return Execution(execution_id, one)

    def _executions(self, association: Association, limit: int | None) -> list[dict[str, Any]]:
        """Newest first."""
        return self._server.some(
            "describe_association_executions", "AssociationExecutions", limit, AssociationId=association.id
        )

    def _example(self) -> str:
        return self.associations[0].name if self.associations else "nightly-patch"


def node_name(row: dict[str, Any]) -> str:
    """What people call a node."""
    return str(row.get("Name") or row.get("ComputerName") or row["InstanceId"])


def did_you_mean(text: str, names: Sequence[str]) -> str:
    """`; did you mean nightly-patch?`, or nothing."""
    from difflib import get_close_matches

    near = get_close_matches(text, names, n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def association_name(row: dict[str, Any]) -> str:
    """Its name; of one without, the document's name."""
    return str(row.get("AssociationName") or row.get("Name", ""))


def _association(row: dict[str, Any]) -> Association:
    return Association(row["AssociationId"], association_name(row), row.get("Name", ""))


def _only(text: str, found: Sequence[Any], shown: Callable[[Any], str], what: str) -> Any:
    if len(found) > 1:
        _ambiguous(text, [shown(one) for one in found], what)
    return found[0]


def _ambiguous(text: str, lines: Sequence[str], what: str) -> NoReturn:
    more = [f"… and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    shown = "".join(f"\n  {line}" for line in [*lines[:SHOWN], *more])
    fail(f"{text!r} means {len(lines)} {what}: write one of these ids{shown}", USAGE)
