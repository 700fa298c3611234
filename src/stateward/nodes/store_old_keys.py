"""Connected nodes whose keys have been in use for long."""

from __future__ import annotations

from stateward.storage import Snapshot

OLD_KEYS = """
SELECT k.node_id FROM node_keys k JOIN nodes n ON n.node_id = k.node_id JOIN node_channels c ON c.node_id = k.node_id
 WHERE k.key_since_ms <= $1 AND k.removed_ms IS NULL AND n.agent_name = $2 AND k.candidate_public_key IS NULL
   AND (k.key_to_replace IS NULL OR k.key_to_replace <> k.public_key)
 ORDER BY k.key_since_ms, k.node_id LIMIT $3
"""


async def old_keys(tx: Snapshot, wall_ms: int, agent_name: str, limit: int) -> list[str]:
    """Nodes with a channel and this agent whose key is as old as that or older, and was not asked for; oldest first."""
    return await tx.column(OLD_KEYS, wall_ms, agent_name, limit)
