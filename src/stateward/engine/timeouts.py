"""Duty: what waited too long (D2, D4, D5), and runs whose Duration is over (D38)."""

from __future__ import annotations

from stateward.commands import ending, lifecycle, store
from stateward.commands.rows import InvocationRow
from stateward.engine.clockwork import Duty, Fired
from stateward.storage import Database, Transaction

AT_ONCE = 200


async def run(db: Database, fired: Fired) -> bool:
    """End invocations past their time, cancels without an answer, busy time of superseded runs, and long commands."""
    async with db.reading() as tx:
        due_ms = await store.next_due(tx)
        if due_ms is None or due_ms > tx.now:
            return False
        expired = await store.expired(tx, tx.now, AT_ONCE)
        unanswered = await store.unanswered_cancels(tx, tx.now, AT_ONCE)
        freed = await store.busy_over(tx, tx.now, AT_ONCE)
        too_long = await store.past_cut_off(tx, tx.now, AT_ONCE)
    if not (expired or unanswered or freed or too_long):
        return False

    async def work(tx: Transaction) -> None:
        def late(row: InvocationRow) -> InvocationRow | None:
            still = not row.is_final and row.expires_ms is not None and row.expires_ms <= tx.now
            return ending.undelivered(row, tx.now) if still else None

        def silent(row: InvocationRow) -> InvocationRow | None:
            return None if row.is_final else ending.unanswered(row, tx.now)

        for row in expired:
            await lifecycle.change_one(tx, row.command_id, row.resource_id, late)
        for row in unanswered:
            await lifecycle.change_one(tx, row.command_id, row.resource_id, silent)
        for row in freed:
            await lifecycle.free_node(tx, row.command_id, row.resource_id)
        for command in too_long:
            await lifecycle.begin_ending(tx, command.command_id, "duration", None)

    await db.write(work)
    for row in expired:
        fired(f"time-out of command {row.command_id} on {row.resource_id}")
    for command in too_long:
        fired(f"the duration of command {command.command_id}")
    for row in unanswered:
        fired(f"unanswered cancel of command {row.command_id} on {row.resource_id}")
    return True


DUTY = Duty("a time-out", run, store.next_due)
