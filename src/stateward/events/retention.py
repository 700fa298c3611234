"""Deleting events that are old and that every sink has taken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from stateward.events import store
from stateward.storage import Database, Transaction

ROWS_AT_ONCE = 500
DAY_MS = 24 * 60 * 60 * 1000


class Retention:
    """Keeps events for `days` of domain time, and longer what one of `sinks` has yet to take."""

    def __init__(self, db: Database, days: int, sinks: Sequence[str]) -> None:
        self._db = db
        self._keep_ms = days * DAY_MS
        self._sinks = sinks

    async def clean(self) -> int:
        """Delete in slices until nothing is left to delete; how many events went."""
        total = 0
        while deleted := await self._db.write(self._slice):
            total += deleted
            await asyncio.sleep(0)
        return total

    async def _slice(self, tx: Transaction) -> int:
        through = await store.slowest(tx, self._sinks)
        return await store.forget(tx, tx.now - self._keep_ms, through, ROWS_AT_ONCE)
