"""Duties: commands with free slots release targets, commands that were cut short end theirs (spec 4.6, 4.8)."""

from __future__ import annotations

from stateward.alarms.source import OK, UNKNOWN, AlarmSource
from stateward.commands import lifecycle, store
from stateward.commands.rows import CommandRow
from stateward.engine.clockwork import Duty, Fired
from stateward.storage import Database, Transaction


class Releases:
    """The duty that releases; `alarms` are asked outside of transactions, before each release (D37)."""

    def __init__(self, alarms: AlarmSource) -> None:
        self._alarms = alarms

    @property
    def duty(self) -> Duty:
        return Duty("a release", self._release)

    async def _release(self, db: Database, fired: Fired) -> bool:
        """One slice of the oldest command that may release."""
        async with db.reading() as tx:
            command = await store.releasable(tx)
        if command is None:
            return False
        state = await self._state_of(command)

        async def work(tx: Transaction) -> None:
            if stops(state, ignore_failure=bool(command.ignore_alarm_failure)):
                await lifecycle.begin_ending(tx, command.command_id, "alarm", None, state)
            else:
                await lifecycle.release(tx, command.command_id)

        await db.write(work)
        return True

    async def _state_of(self, command: CommandRow) -> str:
        return OK if command.alarm_name is None else await self._alarms.state(command.alarm_name)


def stops(state: str, *, ignore_failure: bool) -> bool:
    """Whether an alarm's state stops a command: ALARM does, UNKNOWN unless failures are to be ignored (spec 4.8)."""
    return state != OK and not (state == UNKNOWN and ignore_failure)


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


ENDINGS = Duty("an ending", end)
