"""The virtual clock's time survives a restart: history, due times and their order go on where they stood (design 4)."""

from __future__ import annotations

from typing import Any

from stateward.access import store as values
from stateward.clock import VirtualClock
from stateward.storage import Database, Transaction

KEPT = "domain time"


class KeptTime:
    """Keeps the time beside what happened at it."""

    def __init__(self, db: Database, clock: VirtualClock) -> None:
        self._db = db
        self._clock = clock
        self._is_taken_up = False

    async def take_up(self) -> None:
        """Set the clock to where the last process left it, unless the wall is further on."""
        async with self._db.reading() as tx:
            kept = await values.known_value(tx, KEPT)
        if kept is not None:
            self._clock.begin_at(int(kept))
        self._is_taken_up = True

    async def keep(self) -> None:
        """Note the time as it is now: after it was turned, and at the end."""
        if not self._is_taken_up:
            return  # the start has failed: what is kept is not known here

        async def work(tx: Transaction) -> None:
            await values.put_value(tx, KEPT, str(tx.now))

        await self._db.write(work)

    async def note(self, tx: Transaction, facts: list[Any]) -> None:
        """The reaction to facts of the history: a kill in mid-advance must not take the time back behind them."""
        await values.put_value(tx, KEPT, str(tx.now))
