"""Overview: what is not as it should be, what runs, what comes next, and the fleet in numbers."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from stateward.associations import rollup, standing, store, store_pages, store_read_models
from stateward.associations.rows import AssociationRow, ExecutionRow
from stateward.commands import store_history
from stateward.console import words
from stateward.console.visit import Page, Visit
from stateward.nodes import ping
from stateward.nodes import store as nodes
from stateward.storage import Snapshot

WRONG, RUNNING, NEXT = 20, 10, 8
EXPLAINED = 5
"""For so many of the worst the error is looked up: each costs a statement."""


class Wrong(msgspec.Struct, frozen=True):
    """An association that is not well, with the error of its worst node."""

    row: AssociationRow
    name: str
    stand: words.Stand
    error: str

    @property
    def is_failed(self) -> bool:
        return self.row.state_rank == standing.FAILED and self.row.bad_nodes > 0


class Running(msgspec.Struct, frozen=True):
    """An execution under way, with its counters worst first."""

    row: ExecutionRow
    name: str
    counts: list[tuple[str, int]]

    @property
    def total(self) -> int:
        return sum(count for _, count in self.counts)


async def show(visit: Visit) -> Response:
    async with visit.reading() as tx:
        wrong = await store_read_models.not_well(tx, visit.scope, WRONG)
        errors = [await _error_of(tx, row) for row in wrong[:EXPLAINED]]
        executions = await store_read_models.running(tx, visit.scope, RUNNING)
        coming = await store_read_models.next_due(tx, visit.scope, NEXT)
        named = await store_pages.of_ids(tx, visit.scope, [row.association_id for row in executions])
        carriers = await store_history.carriers(tx, [row.command_id for row in executions if row.command_id])
        reach = await nodes.presence(tx, visit.scope, tx.now - ping.SILENCE_MS)
        total = await store.count(tx, visit.scope)
    running = [
        Running(row, words.name_of(named[row.association_id]), counts_of(carriers.get(row.command_id or "")))
        for row in executions
        if row.association_id in named
    ]
    shown = [
        Wrong(row, words.name_of(row), words.stand_of(row), error)
        for row, error in zip(wrong, errors + [""] * (len(wrong) - len(errors)), strict=True)
    ]
    title = f"{len(wrong)} not as they should be" if wrong else "Overview"
    return visit.page(
        "overview.html",
        title,
        wrong=shown,
        more_wrong=len(wrong) == WRONG,
        running=running,
        coming=[(row, words.name_of(row)) for row in coming],
        online=reach.online,
        lost=reach.registered - reach.online,
        total=total,
    )


async def _error_of(tx: Snapshot, row: AssociationRow) -> str:
    """What the worst node failed of."""
    if not row.bad_nodes:
        return ""
    worst = await store_read_models.worst_nodes(tx, row.association_id, None, 1)
    return (worst[0].error_key or "") if worst else ""


def counts_of(row: object) -> list[tuple[str, int]]:
    """Status → count, worst first."""
    order = ("Failed", "TimedOut", "Cancelled", "InProgress", "Pending", "Skipped", "Success")
    counts = {} if row is None else rollup.counts_of(row)
    return [(status, counts[status]) for status in order if counts.get(status)]


PAGES = (Page("/", show),)
