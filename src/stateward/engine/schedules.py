"""Duty: associations whose scheduled time has come."""

from __future__ import annotations

from stateward.associations import lifecycle, store
from stateward.engine.clockwork import Duty, Fired
from stateward.storage import Database, Transaction

AT_ONCE = 20


async def run(db: Database, fired: Fired) -> bool:
    """Fire up to twenty associations."""
    async with db.reading() as tx:
        due = await store.due(tx, tx.now, AT_ONCE)
    if not due:
        return False

    async def work(tx: Transaction) -> None:
        for row in due:
            await lifecycle.fire(tx, row.association_id)

    await db.write(work)
    for row in due:
        fired(f"schedule of association {row.association_id}")
    return True


DUTY = Duty("a schedule", run, store.next_due)
