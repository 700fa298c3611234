"""Which nodes are asked to change their keys: those that still have the key that was to be replaced (D54)."""

from __future__ import annotations

from stateward.storage import Snapshot, Transaction

ASK = """
UPDATE node_keys SET key_to_replace = public_key, asked_ms = $2 WHERE node_id = $1 AND removed_ms IS NULL
"""
IS_ASKED = """
SELECT COUNT(*) FROM node_keys
 WHERE node_id = $1 AND removed_ms IS NULL AND key_to_replace = public_key AND candidate_public_key IS NULL
"""
ASKED_SINCE = """
SELECT COUNT(*) FROM node_keys WHERE asked_ms >= $1 AND removed_ms IS NULL AND key_to_replace = public_key
"""


async def ask(tx: Transaction, node_id: str, wall_ms: int) -> None:
    """Have the node change the key that it has now."""
    await tx.execute(ASK, node_id, wall_ms)


async def is_asked(tx: Snapshot, node_id: str) -> bool:
    """Whether the node has neither changed its key since it was asked, nor offered another."""
    return bool(await tx.value(IS_ASKED, node_id))


async def asked_since(tx: Snapshot, wall_ms: int) -> int:
    """How many nodes that were asked since then do not sign with another key yet."""
    return int(await tx.value(ASKED_SINCE, wall_ms))
