"""What pages count of nodes."""

from __future__ import annotations

from stateward.access.principals import Scope
from stateward.nodes.store import ReachRow
from stateward.storage import Snapshot

REACH_OF_SCOPE = """
SELECT COUNT(*), COALESCE(SUM(CASE WHEN c.node_id IS NOT NULL OR n.last_ping_ms >= $3 THEN 1 ELSE 0 END), 0)
  FROM nodes n LEFT JOIN node_channels c ON c.node_id = n.node_id
 WHERE n.account_id = $1 AND n.region = $2 AND n.removed_ms IS NULL
"""


async def reach_of_scope(tx: Snapshot, scope: Scope, heard_after_ms: int) -> ReachRow:
    """How many nodes an account and region has, and how many have a channel or were heard of since an instant."""
    found = await tx.row(ReachRow, REACH_OF_SCOPE, *scope, heard_after_ms)
    assert found is not None, "a count has a row"
    return found
