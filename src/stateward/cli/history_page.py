"""What `stateward history ASSOC` shows: the runs as a table, or nodes by runs as signs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import typer

from stateward.cli import colours, tables
from stateward.cli.names import Association
from stateward.cli.presentation import Column, Listing, Look, width
from stateward.cli.runs import changes_of, map_of, rows_of, runs_of, since_of
from stateward.cli.server import FAILED, Server, fail
from stateward.statuses import BY_LETTER

LONGEST_NAME = 24
TAIL = 4


def show(server: Server, association: Association, look: Look, *, limit: int, since: str, failed: bool) -> None:
    """The table; what changed is told of runs over all targets."""
    runs = runs_of(server, association, limit=limit, since=since_of(server, since), failed=failed)
    changes: Mapping[int, str] = {}
    if runs and look.output in ("table", "wide") and not look.query:
        span = (runs[0].number or 0) - (runs[-1].number or 0) + 2
        found = map_of(server, association, span)
        changes = changes_of(found) if found else {}
    listing = Listing(
        columns=(
            Column("RUN", lambda run: f"#{run.number}" if run.number else run.id, "id"),
            Column("STARTED", lambda run: run.created, "instant"),
            Column("CAUSE", lambda run: run.cause, spare=2),
            Column("VERSION", lambda run: run.version or "", "id", spare=3),
            Column("STATUS", lambda run: run.status, "status"),
            Column("DETAILS", lambda run: run.detailed_status, wide=True),
            Column("NODES", lambda run: run.nodes),
            Column("TOOK", lambda run: run.took, "id"),
            Column("CHANGED", lambda run: changes.get(run.number or 0, "")),
            Column("EXECUTION", lambda run: run.id, "id", wide=True),
        ),
        name=lambda run: run.word,
        none=f"{association.name} has no such run; `stateward why {association.name}` says why",
    )
    look.show(listing, runs, [run.plain for run in runs])


def show_map(server: Server, association: Association, look: Look, limit: int) -> None:
    """The newest runs from left to right, the worst nodes first; equal rows are one."""
    room = max(10, width() - LONGEST_NAME - 3) if look.is_terminal else limit
    found = map_of(server, association, min(limit, room))
    if found is None:
        fail("AWS keeps no map of an association's nodes and runs: `stateward history` lists the runs", FAILED)
    if look.is_plain:
        look.show_plain(found)
        return
    if not found["runs"]:
        look.say(f"{association.name} has not run yet; `stateward why {association.name}` says why")
        return
    if not look.no_header:
        first, last = found["runs"][0]["n"], found["runs"][-1]["n"]
        typer.echo(f"{association.name}   #{first} to #{last}, newest on the right; worst first")
    often = Counter(row.get("name") for row in found["rows"] if row["count"] == 1)
    for row, letters in list(zip(found["rows"], rows_of(found), strict=True))[: look.limit or None]:
        error = f"  {tables.safe(row['error'])}" if row.get("error") and row["count"] == 1 else ""
        typer.echo(f"{_name(row, often):<{LONGEST_NAME}}  {_signs(letters, look)}{error}".rstrip())


def _name(row: Mapping[str, Any], often: Mapping[str | None, int]) -> str:
    """Nodes that share a name are told apart by the end of their id."""
    if row["count"] > 1:
        return f"{row['count']} nodes"
    name = tables.safe(row.get("name") or row["node"])
    end = f" …{row['node'][-TAIL:]}" if often[row.get("name")] > 1 and row.get("name") else ""
    return name[: LONGEST_NAME - len(end)] + end


def _signs(letters: str, look: Look) -> str:
    """On a terminal signs in their colours; small letters are runs that hold others on some nodes."""
    if not look.is_terminal:
        return letters
    told = []
    for letter in letters:
        status = BY_LETTER[letter.upper()].name
        told.append(look.painted(colours.sign(status), status))
    return "".join(told)
