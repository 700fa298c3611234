"""The runs of an association as people read them: the API's rows, and what only Stateward knows beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from stateward.associations import causes
from stateward.cli.names import Association
from stateward.cli.server import USAGE, Server, fail
from stateward.console import times

COUNTED = (
    ("Success", "success"),
    ("Failed", "failed"),
    ("TimedOut", "timed_out"),
    ("Cancelled", "cancelled"),
    ("Skipped", "skipped"),
    ("InProgress", "in_progress"),
    ("Pending", "pending"),
)
COUNT = re.compile(r"(\w+)=(\d+)")
UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
SPAN = re.compile(r"(\d{1,6})([mhdw])")
MOST_MAP_RUNS = 500
MOST_MAP_ROWS = 20_000


class Run(msgspec.Struct, frozen=True):
    """An execution; what AWS does not tell is None or empty. `plain` has the API's members, and Stateward's own."""

    id: str
    association: Association
    status: str
    detailed_status: str
    created: datetime
    counts: dict[str, int]
    plain: dict[str, Any]
    number: int | None = None
    version: int | None = None
    cause: str = ""
    took_ms: int | None = None

    @property
    def word(self) -> str:
        return f"{self.association.name}/{self.number}" if self.number else self.id

    @property
    def nodes(self) -> str:
        """`209 Success, 5 Failed`."""
        return counted(self.counts)

    @property
    def took(self) -> str:
        return times.span(self.took_ms) if self.took_ms is not None else ""


def runs_of(
    server: Server, association: Association, *, limit: int, since: datetime | None, failed: bool = False
) -> list[Run]:
    """The newest runs, newest first."""
    rows = _rows(server, association, limit, since, failed=failed)
    known = _known(server, association, rows)
    return [_run(row, association, known.get(row["ExecutionId"])) for row in rows]


def counted(counts: Mapping[str, int]) -> str:
    """`209 Success, 5 Failed`: what is none is left out."""
    return ", ".join(f"{counts[name]} {name}" for name, _ in COUNTED if counts.get(name))


def counts_of(text: str) -> dict[str, int]:
    """The API's `{Failed=2, Success=18}`."""
    return {name: int(count) for name, count in COUNT.findall(text)}


def since_of(server: Server, text: str, option: str = "--since") -> datetime | None:
    """`7d` ago or an instant; None for nothing. Server time, which may be a virtual clock's."""
    if not text:
        return None
    span = SPAN.fullmatch(text)
    if span is not None:
        return datetime.fromtimestamp((server.now_ms() - int(span[1]) * UNITS_MS[span[2]]) / 1000, UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fail(
            f"{option} {text!r}: write minutes, hours, days or weeks, as in 7d, or an instant: 2026-12-24T18:00:00Z",
            USAGE,
        )
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def map_of(server: Server, association: Association, runs: int) -> dict[str, Any] | None:
    """The whole map of the newest runs over all targets, equal rows folded; None on AWS."""
    path = f"/_stateward/associations/{association.id}/map"
    query = {"runs": str(min(max(runs, 1), MOST_MAP_RUNS)), "rows": "500"}
    found: dict[str, Any] | None = server.own(path, query=query)
    page = found
    while found is not None and page is not None and page.get("next") and len(found["rows"]) < MOST_MAP_ROWS:
        page = server.own(path, query={**query, "after": page["next"]})
        if page is not None and [run["n"] for run in page["runs"]] == [run["n"] for run in found["runs"]]:
            found["rows"] += page["rows"]
            found["cells"] += page["cells"]
    return found


def changes_of(found: Mapping[str, Any]) -> dict[int, str]:
    """Run number → what is different from the run before: `2 S→F 1 F→S`."""
    numbers = [run["n"] for run in found["runs"]]
    told: dict[int, dict[str, int]] = {number: {} for number in numbers[1:]}
    for row, letters in zip(found["rows"], rows_of(found), strict=True):
        for at, number in enumerate(numbers[1:], 1):
            before, after = letters[at - 1].upper(), letters[at].upper()
            if before != after and "." not in (before, after):
                change = f"{before}→{after}"
                told[number][change] = told[number].get(change, 0) + row["count"]
    return {
        number: " ".join(f"{count} {change}" for change, count in sorted(kinds.items(), key=lambda one: -one[1]))
        for number, kinds in told.items()
    }


def rows_of(found: Mapping[str, Any]) -> Sequence[str]:
    """The map's letters, a text for each row."""
    width = len(found["runs"])
    return [found["cells"][at * width : (at + 1) * width] for at in range(len(found["rows"]))]


def _rows(
    server: Server, association: Association, limit: int, since: datetime | None, *, failed: bool
) -> list[dict[str, Any]]:
    if not failed:
        return _listed(server, association, limit, since, "")
    found = [row for status in ("Failed", "TimedOut") for row in _listed(server, association, limit, since, status)]
    found.sort(key=lambda row: row["CreatedTime"], reverse=True)
    return found[:limit] if limit else found


def _listed(
    server: Server, association: Association, limit: int, since: datetime | None, status: str
) -> list[dict[str, Any]]:
    filters = [{"Key": "Status", "Type": "EQUAL", "Value": status}] if status else []
    if since is not None:
        value = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        filters.append({"Key": "CreatedTime", "Type": "GREATER_THAN", "Value": value})
    members: dict[str, Any] = {"Filters": filters} if filters else {}
    return server.some(
        "describe_association_executions",
        "AssociationExecutions",
        limit,
        AssociationId=association.id,
        MaxResults=50,
        **members,
    )


def _known(server: Server, association: Association, rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What Stateward has to say of these rows, by execution; nothing on AWS."""
    if not rows:
        return {}
    oldest = min(row["CreatedTime"] for row in rows).astimezone(UTC).isoformat(timespec="seconds")
    query = {"rows": "executions", "association": association.id, "since": oldest.replace("+00:00", "Z")}
    with server.stream("/_stateward/history", query) as answer:
        if answer is None:
            return {}
        lines = (msgspec.json.decode(line, type=dict[str, Any]) for line in answer.iter_lines() if line)
        return {line["execution_id"]: line for line in lines}


def _run(row: dict[str, Any], association: Association, known: dict[str, Any] | None) -> Run:
    counts = counts_of(row.get("ResourceCountByStatus", ""))
    made = Run(
        row["ExecutionId"], association, row["Status"], row.get("DetailedStatus", ""), row["CreatedTime"], counts, row
    )
    if known is None:
        return made
    began = known["last_execution"] or known["created"]
    return msgspec.structs.replace(
        made,
        number=known["number"],
        version=known["association_version"],
        cause=causes.words(known["cause"], known["started_by"]),
        took_ms=_apart_ms(began, known["ended"]),
        counts={name: known[member] for name, member in COUNTED if known[member]},
        plain={**row, "Stateward": known},
    )


def _apart_ms(began: str, ended: str | None) -> int | None:
    if ended is None:
        return None
    return int((datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds() * 1000)
