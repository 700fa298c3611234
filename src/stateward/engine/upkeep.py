"""Work that nobody waits for: moving the log into the database file, looking after what has become old."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from stateward.access import store as access
from stateward.access.call import RETRY_WINDOW_MS
from stateward.clock import Clock
from stateward.storage import Database, Transaction

PAUSE_S = 60.0
Chore = Callable[[], Awaitable[object]]
log = structlog.get_logger("stateward.engine")


async def keep_up(db: Database, clock: Clock, chores: Sequence[Chore]) -> None:
    """Run for ever, once a minute; a failure is logged and tried again. Each chore looks after what has become old."""
    while True:
        await asyncio.sleep(PAUSE_S)
        oldest_ms = clock.wall() - RETRY_WINDOW_MS

        async def forget(tx: Transaction, oldest_ms: int = oldest_ms) -> None:
            await access.forget_answers(tx, oldest_ms)

        try:
            await db.write(forget)
            for chore in chores:
                await chore()
            await db.checkpoint()
        except Exception:
            log.exception("upkeep failed and is tried again", retry_s=PAUSE_S)
