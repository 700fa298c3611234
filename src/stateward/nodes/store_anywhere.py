"""Nodes wherever they are registered, removed ones too: for telling people why something does not reach one."""

from __future__ import annotations

import msgspec

from stateward.storage import Snapshot


class AnywhereRow(msgspec.Struct, frozen=True):
    account_id: str
    region: str
    removed_ms: int | None
    last_ping_ms: int | None
    first_online_ms: int | None
    connected: int


NODE = """
SELECT n.account_id, n.region, n.removed_ms, n.last_ping_ms, n.first_online_ms,
 CASE WHEN c.node_id IS NULL THEN 0 ELSE 1 END AS connected
  FROM nodes n LEFT JOIN node_channels c ON c.node_id = n.node_id WHERE n.node_id = $1
"""


async def find(tx: Snapshot, node_id: str) -> AnywhereRow | None:
    return await tx.row(AnywhereRow, NODE, node_id)
