"""A node gets its channel, or is heard of again after a long time (spec 4.1, D33)."""

from __future__ import annotations

from stateward.access.principals import Scope
from stateward.nodes import store
from stateward.nodes.facts import NodeConnected
from stateward.storage import Transaction

LONG_AWAY_MS = 30 * 24 * 60 * 60 * 1000


async def connect(tx: Transaction, scope: Scope, node_id: str, replica: str, epoch: str) -> None:
    """This replica holds the node's channel now; runs that the node missed are caught up."""
    away = await was_long_away(tx, node_id)
    await store.open_channel(tx, node_id, replica, epoch)
    await store.touch(tx, node_id)
    tx.record(NodeConnected(scope, node_id, away))


async def was_long_away(tx: Transaction, node_id: str) -> bool:
    """Whether nothing was heard of the node for more than thirty days; false for a new one."""
    heard_ms = await store.last_heard(tx, node_id)
    return heard_ms > 0 and tx.now - heard_ms > LONG_AWAY_MS
