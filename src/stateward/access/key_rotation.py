"""A node changes its key: the offered one is good beside the old until it is used, or for 30 days (D54)."""

from __future__ import annotations

import msgspec

from stateward.access import store_rotation
from stateward.access.signing import Authorization, SignedRequest, verify_rsa
from stateward.access.store import NodeKeyRow
from stateward.access.store_rotation import CandidateRow
from stateward.storage import Transaction

OPERATION = "UpdateManagedInstancePublicKey"
CANDIDATE_LIFE_MS = 30 * 24 * 60 * 60 * 1000
LONGEST_KEY = 4096


class _Offer(msgspec.Struct, frozen=True):
    NewPublicKey: str


def offered_key(body: bytes) -> str | None:
    """The key that a request offers, as it is written there; None when there is nothing that could be one."""
    try:
        key = msgspec.json.decode(body, type=_Offer).NewPublicKey
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return key if 0 < len(key) <= LONGEST_KEY else None


def signing_key(
    request: SignedRequest, authorization: Authorization, key: NodeKeyRow, candidate: CandidateRow | None, wall_ms: int
) -> str | None:
    """Which of a node's public keys the signature fits; None: neither."""
    if verify_rsa(request, authorization, key.public_key):
        return key.public_key
    if candidate is None or wall_ms - candidate.candidate_since_ms > CANDIDATE_LIFE_MS:
        return None
    try:
        fits = verify_rsa(request, authorization, candidate.candidate_public_key)
    except ValueError:  # it was kept unseen, and is no key
        return None
    return candidate.candidate_public_key if fits else None


async def note(tx: Transaction, key: NodeKeyRow, used: str, offered: str | None, wall_ms: int) -> None:
    """A candidate that has signed is the node's key; what is offered is kept before anything else can fail."""
    if used != key.public_key:
        await store_rotation.adopt(tx, key.node_id, used, wall_ms)
    if offered is not None and offered != used:
        await store_rotation.offer(tx, key.node_id, offered, wall_ms)
