"""Duty: history past its time goes, slice by slice, when nothing else is to be done (spec 4.9, D48)."""

from __future__ import annotations

from stateward.associations import store_retention as associations
from stateward.associations import store_strips
from stateward.clock import Clock
from stateward.commands import store_retention as commands
from stateward.engine.clockwork import Duty, Fired
from stateward.storage import Database, Snapshot, Transaction

SLICE = 500
LOOK_MS = 12 * 60 * 60 * 1000
STRIPS_MS = 400 * 24 * 60 * 60 * 1000
"""How long strips stay at least: a year, so that a look back ends on the same day."""


class Retention:
    """Forgets what ended more than `keep_ms` ago (None: keeps everything), and step output after `keep_output_ms`."""

    def __init__(self, clock: Clock, keep_ms: int | None, keep_output_ms: int | None) -> None:
        self._keep_ms = keep_ms
        self._keep_output_ms = keep_output_ms
        self._look_ms = clock.now()

    @property
    def duty(self) -> Duty:
        return Duty("retention", self._run, self._next_look, when_idle=True)

    async def _run(self, db: Database, fired: Fired) -> bool:
        async with db.reading() as tx:
            now_ms = tx.now
        if now_ms < self._look_ms:
            return False

        async def work(tx: Transaction) -> int:
            return await self._forget(tx, now_ms)

        if await db.write(work):
            return True
        self._look_ms = now_ms + LOOK_MS
        return False

    async def _forget(self, tx: Transaction, now_ms: int) -> int:
        gone = 0
        if self._keep_ms is not None:
            before_ms = now_ms - self._keep_ms
            gone += await associations.forget_executions(tx, before_ms, SLICE)
            gone += await commands.forget_commands(tx, before_ms, SLICE)
            gone += await store_strips.forget(tx, now_ms - max(self._keep_ms, STRIPS_MS), SLICE)
        if self._keep_output_ms is not None:
            gone += await commands.forget_output(tx, now_ms - self._keep_output_ms, SLICE)
        return gone

    async def _next_look(self, tx: Snapshot) -> int | None:
        """Not before the oldest thing is past its time: a clock that is turned by years must not stop for nothing."""
        oldest_ms = await commands.oldest_end(tx)
        keeps = [keep_ms for keep_ms in (self._keep_ms, self._keep_output_ms) if keep_ms is not None]
        if oldest_ms is None or not keeps:
            return None
        return max(self._look_ms, oldest_ms + min(keeps))
