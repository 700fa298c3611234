"""Duties: commands with free slots release targets, commands that were cut short end theirs."""

from __future__ import annotations

from stateward.commands import lifecycle, store
from stateward.engine.clockwork import Duty, Fired
from stateward.storage import Database, Transaction


async def release(db: Database, fired: Fired) -> bool:
    """One slice of the oldest command that may release."""
    async with db.reading() as tx:
        command = await store.releasable(tx)
    if command is None:
        return False

    async def work(tx: Transaction) -> None:
        await lifecycle.release(tx, command.command_id)

    await db.write(work)
    return True


async def end(db: Database, fired: Fired) -> bool:
    """One slice of the oldest command that is being cut short."""
    async with db.reading() as tx:
        command = await store.ending(tx)
    if command is None:
        return False

    async def work(tx: Transaction) -> None:
        await lifecycle.end_slice(tx, command.command_id)

    await db.write(work)
    return True


RELEASES = Duty("a release", release)
ENDINGS = Duty("an ending", end)
