"""Writing the strip of a run that closes: at once, or of many targets in slices afterwards (console 4).

What is left to do stands in a row that is written when the run closes. What was read so far is in memory only: after a
kill it is read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from stateward.associations import store, store_slots, store_strips, strips
from stateward.associations.facts import ExecutionChanged
from stateward.associations.rows import AssociationRow, ExecutionRow
from stateward.associations.store_strips import DueStrip, StripRow
from stateward.commands import store as commands
from stateward.storage import Database, Transaction

SLICE = 500
LONG = 500
"""The strip of a run on more targets than so many is made in slices."""


async def keep(tx: Transaction, execution: ExecutionRow, targets: int) -> ExecutionRow:
    """Write the strip of an execution that closes, or note that it is due; the execution with its slowest node."""
    if targets > LONG:
        await store_strips.add_due(tx, execution.association_id, execution.number)
        return execution
    gathered = strips.Gathering()
    if execution.command_id is not None and targets:
        results = await store_strips.results(tx, execution.command_id, 0, targets)
        gathered.add(results, await _missing_slots(tx, execution.association_id, results))
    return await _put(tx, execution, gathered)


async def with_slots(
    tx: Transaction, association: AssociationRow, node_ids: Sequence[str]
) -> tuple[AssociationRow, dict[str, int]]:
    """The places of these nodes in the association's strips; a node that comes back has the one that it had."""
    if not node_ids:
        return association, {}
    slots = await store_slots.of_nodes(tx, association.association_id, node_ids)
    fresh = [node_id for node_id in node_ids if node_id not in slots]
    given = dict(zip(fresh, range(association.slots, association.slots + len(fresh)), strict=True))
    await store_slots.add(tx, association.association_id, given)
    return msgspec.structs.replace(association, slots=association.slots + len(fresh)), slots | given


class LongStrips:
    """Makes the strips that are due, the oldest first, a slice of targets at a time."""

    def __init__(self) -> None:
        self._due: DueStrip | None = None
        self._gathered = strips.Gathering()
        self._next = 0

    async def go_on(self, db: Database) -> bool:
        """Read one slice more, and write the strip after the last; False when none is due."""
        async with db.reading() as tx:
            due = self._due or await store_strips.oldest_due(tx)
            if due is None:
                return False
            if self._due is None:
                self._due, self._gathered, self._next = due, strips.Gathering(), 0
            execution = await store.execution(tx, due.association_id, due.number)
            command = None
            if execution is not None and execution.command_id is not None:
                command = await commands.command(tx, execution.command_id)
            results: list[strips.Result] = []
            if command is not None and self._next < command.target_count:
                results = await store_strips.results(tx, command.command_id, self._next, self._next + SLICE)
        if execution is None or command is None:
            await db.write(lambda tx: store_strips.forget_due(tx, due))  # its history went before it was made
            self._due = None
        elif self._next < command.target_count:
            await self._gather(db, due, results)
        else:
            await self._finish(db, due)
        return True

    async def _gather(self, db: Database, due: DueStrip, results: list[strips.Result]) -> None:
        slots: dict[str, int] = {}
        if any(one.slot is None for one in results):
            slots = await db.write(lambda tx: _missing_slots(tx, due.association_id, results))
        self._gathered.add(results, slots)
        self._next += SLICE
        await asyncio.sleep(0)  # reads alone never let others go on

    async def _finish(self, db: Database, due: DueStrip) -> None:
        async def work(tx: Transaction) -> None:
            execution = await store.execution(tx, due.association_id, due.number)
            if execution is not None:
                after = await _put(tx, execution, self._gathered)
                await store.save_execution(tx, execution, after)
                tx.record(ExecutionChanged(execution, after))
            await store_strips.forget_due(tx, due)

        await db.write(work)
        self._due = None


async def _missing_slots(tx: Transaction, association_id: str, results: Sequence[strips.Result]) -> dict[str, int]:
    """Slots for nodes that came in this very transaction, or after their association was deleted."""
    missing = [one.resource_id for one in results if one.slot is None]
    association = await store.lock(tx, association_id) if missing else None
    if association is None:
        return {}
    association, slots = await with_slots(tx, association, missing)
    await store.save(tx, association)
    return slots


async def _put(tx: Transaction, execution: ExecutionRow, gathered: strips.Gathering) -> ExecutionRow:
    assert execution.ended_ms is not None, "a closed execution has an end"
    row = StripRow(
        association_id=execution.association_id,
        number=execution.number,
        is_full=int(execution.scope_nodes is None),
        execution_id=execution.execution_id,
        cause=execution.cause,
        association_version=execution.association_version,
        created_ms=execution.created_ms,
        ended_ms=execution.ended_ms,
        status=execution.status,
        cells=gathered.packed(),
    )
    await store_strips.put(tx, row)
    slowest = gathered.slowest
    if slowest is None:
        return execution
    return msgspec.structs.replace(execution, slowest_node=slowest.node_id, slowest_ms=slowest.took_ms)
