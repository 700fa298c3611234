"""Nodes are asked for another key when theirs is old: a few at a time, and only where all is well (D54)."""

from __future__ import annotations

import structlog

from stateward.access import store_asking
from stateward.clock import Clock
from stateward.gateway import operations
from stateward.nodes import store_old_keys
from stateward.storage import Database, Transaction

AT_ONCE = 25
"""An agent asks for a token every half hour: 1,200 nodes a day, a hundred thousand in three months."""

DAY_MS = 24 * 60 * 60 * 1000
GIVEN_UP_MS = DAY_MS
"""A node that was asked so long ago is asked still, but others need not wait for it."""

OFFICIAL = "amazon-ssm-agent"
log = structlog.get_logger("stateward.gateway")


class OldKeys:
    """Looks for keys that are `days` old, by protocol time; `ask` is one look."""

    def __init__(self, db: Database, clock: Clock, days: int) -> None:
        self._db = db
        self._clock = clock
        self._age_ms = days * DAY_MS
        self._quiet_until_ms = clock.wall() + operations.QUIET_MS

    async def ask(self) -> None:
        """Have the nodes with the oldest keys asked, with their next token, as far as there are places."""
        wall_ms = self._clock.wall()
        if wall_ms < self._quiet_until_ms:
            return

        async def work(tx: Transaction) -> list[str]:
            places = AT_ONCE - await store_asking.asked_since(tx, wall_ms - GIVEN_UP_MS)
            found = await store_old_keys.old_keys(tx, wall_ms - self._age_ms, OFFICIAL, max(0, places))
            for node_id in found:
                await store_asking.ask(tx, node_id, wall_ms)
            return found

        for node_id in await self._db.write(work):
            log.info("a node is asked for another key, since its own is old", node=node_id)
