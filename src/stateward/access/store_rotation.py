"""The key that a node has offered and not used yet (node protocol 3.4)."""

from __future__ import annotations

import msgspec

from stateward.storage import Snapshot, Transaction


class CandidateRow(msgspec.Struct, frozen=True):
    candidate_public_key: str
    candidate_since_ms: int


CANDIDATE = """
SELECT candidate_public_key, candidate_since_ms FROM node_keys
 WHERE node_id = $1 AND candidate_public_key IS NOT NULL
"""
OFFER = "UPDATE node_keys SET candidate_public_key = $2, candidate_since_ms = $3 WHERE node_id = $1"
ADOPT = """
UPDATE node_keys SET public_key = $2, key_since_ms = $3, candidate_public_key = NULL, candidate_since_ms = NULL
 WHERE node_id = $1 AND candidate_public_key = $2
"""


async def candidate(tx: Snapshot, node_id: str) -> CandidateRow | None:
    return await tx.row(CandidateRow, CANDIDATE, node_id)


async def offer(tx: Transaction, node_id: str, public_key: str, wall_ms: int) -> None:
    """Keep a key beside the node's own; an earlier offer is forgotten."""
    await tx.execute(OFFER, node_id, public_key, wall_ms)


async def adopt(tx: Transaction, node_id: str, public_key: str, wall_ms: int) -> None:
    """The offered key is the node's own from now on."""
    await tx.execute(ADOPT, node_id, public_key, wall_ms)
