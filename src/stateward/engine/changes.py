"""Duty: the associations behind a changed document or parameter start again, in slices (spec 4.1, D31)."""

from __future__ import annotations

from stateward.associations import changes, store_changes
from stateward.engine.clockwork import Duty, Fired
from stateward.storage import Database, Transaction


async def run(db: Database, fired: Fired) -> bool:
    """One slice of the oldest change."""
    async with db.reading() as tx:
        change = await store_changes.oldest(tx)
    if change is None:
        return False

    async def work(tx: Transaction) -> int:
        return await changes.work_off(tx, change)

    if await db.write(work):
        fired(f"a change of {change.name}")
    return True


DUTY = Duty("a change", run)
