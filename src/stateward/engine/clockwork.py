"""The loop that does what is due: woken by commits, else sleeping until the earliest due time (design 1, 4)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import structlog

from stateward.clock import Clock, FiredLog, Timer
from stateward.storage import Database, Snapshot, Transaction

RETRY_S = 1.0
log = structlog.get_logger("stateward.engine")

Fired = Callable[[str], None]


class Duty(msgspec.Struct, frozen=True):
    """One kind of work: `run` does one slice and says whether it did any; `next_due` is its next instant in ms.

    `when_idle`: housekeeping that waits until nothing else is to be done, and is not told as what is due next.
    """

    name: str
    run: Callable[[Database, Fired], Awaitable[bool]]
    next_due: Callable[[Snapshot], Awaitable[int | None]] | None = None
    when_idle: bool = False


class Engine:
    """Runs the duties. A lost wake-up costs nothing: each pass asks the database (design 1)."""

    def __init__(self, db: Database, clock: Clock, duties: Sequence[Duty]) -> None:
        self._db = db
        self._clock = clock
        self._duties = duties
        self._woken = asyncio.Event()
        self._release: Callable[[], None] | None = None
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self.fired = FiredLog()
        self.next_due: tuple[int, str] | None = None

    def wake(self) -> None:
        """Ask for a pass; the clock is held until that pass has ended."""
        if self._release is None:
            self._release = self._clock.hold()
        self._woken.set()

    async def note(self, tx: Transaction, facts: list[Any]) -> None:
        """The reaction to facts that may have made something due."""
        tx.after_commit(self.wake)

    def start(self) -> None:
        self.wake()
        self._task = asyncio.create_task(self._run(), name="engine")

    async def stop(self) -> None:
        """End after the transaction at hand."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            try:
                await self._pass()
                await self._set_timer()
            except Exception:
                log.exception("a pass of the engine failed and is tried again", retry_s=RETRY_S)
                asyncio.get_running_loop().call_later(RETRY_S, self.wake)
            finally:
                self._rest()

    async def _pass(self) -> None:
        """Go round the duties until none has found anything since the last that did; then the housekeeping."""
        self._woken.clear()
        regular = [duty for duty in self._duties if not duty.when_idle]
        housekeeping = [duty for duty in self._duties if duty.when_idle]
        while True:
            idle = 0
            for duty in itertools.cycle(regular):
                idle = 0 if await self._does(duty) else idle + 1
                if idle >= len(regular):
                    break
            if not [duty for duty in housekeeping if await self._does(duty)]:
                return

    async def _does(self, duty: Duty) -> bool:
        if not await duty.run(self._db, self._note_fired):
            return False
        # Every duty looks again after this: whatever has woken the engine so far, its own writes too, is seen then.
        self._woken.clear()
        return True

    def _rest(self) -> None:
        """Let the clock go on, unless somebody has asked for another pass meanwhile."""
        if self._release is not None and not self._woken.is_set():
            self._release()
            self._release = None

    async def _set_timer(self) -> None:
        async with self._db.reading() as tx:
            dues = [
                (due, duty.name, duty.when_idle)
                for duty in self._duties
                if duty.next_due is not None and (due := await duty.next_due(tx)) is not None
            ]
        self.next_due = min(((due, name) for due, name, idle in dues if not idle), default=None)
        earliest = min(((due, name) for due, name, _ in dues), default=None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if earliest is not None:
            self._timer = self._clock.at(*earliest, self.wake)

    def _note_fired(self, what: str) -> None:
        self.fired.add(self._clock.now(), what)
