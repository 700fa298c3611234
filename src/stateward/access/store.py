"""Access keys, node keys, used signatures and answers kept for retries."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stateward.storage import Snapshot, Transaction


class AccessKeyRow(msgspec.Struct, frozen=True):
    access_key_id: str
    account_id: str
    role: str
    secret_sealed: str


class ListedKeyRow(msgspec.Struct, frozen=True):
    """An access key without its secret."""

    access_key_id: str
    account_id: str
    role: str
    created_ms: int
    last_used_ms: int | None


class NodeKeyRow(msgspec.Struct, frozen=True):
    node_id: str
    account_id: str
    region: str
    public_key: str
    fingerprint: str
    credentials_not_before_ms: int
    removed_ms: int | None


ACCESS_KEY = "SELECT access_key_id, account_id, role, secret_sealed FROM access_keys WHERE access_key_id = $1"
FIRST_ACCESS_KEY = """
SELECT access_key_id, account_id, role, secret_sealed FROM access_keys
 WHERE account_id = $1 AND role = 'administrator' ORDER BY created_ms, access_key_id LIMIT 1
"""
ACCESS_KEYS = """
SELECT access_key_id, account_id, role, created_ms, last_used_ms FROM access_keys
 ORDER BY created_ms, access_key_id COLLATE "C"
"""
KNOWN_ACCESS_KEYS = "SELECT access_key_id FROM access_keys WHERE access_key_id IN (ids_of($1))"
USE_ACCESS_KEY = "UPDATE access_keys SET last_used_ms = $2 WHERE access_key_id = $1"
REVOKE_ACCESS_KEY = "DELETE FROM access_keys WHERE access_key_id = $1"
PUT_ACCESS_KEY = """
INSERT INTO access_keys (access_key_id, account_id, role, secret_sealed, created_ms) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (access_key_id) DO UPDATE SET account_id = excluded.account_id, role = excluded.role,
 secret_sealed = excluded.secret_sealed
"""
FORGET_ACCESS_KEYS = "DELETE FROM access_keys"
NODE_KEY = """
SELECT node_id, account_id, region, public_key, fingerprint, credentials_not_before_ms, removed_ms
  FROM node_keys WHERE node_id = $1
"""
ADD_NODE_KEY = """
INSERT INTO node_keys (node_id, account_id, region, public_key, fingerprint, credentials_not_before_ms, created_ms,
 key_since_ms)
VALUES ($1, $2, $3, $4, $5, 0, $6, $6)
"""
CHANGE_FINGERPRINT = """
UPDATE node_keys SET fingerprint = $2, credentials_not_before_ms = $3 WHERE node_id = $1 AND removed_ms IS NULL
"""
REMOVE_NODE_KEY = "UPDATE node_keys SET removed_ms = $2 WHERE node_id = $1 AND removed_ms IS NULL"
USE_SIGNATURE = """
INSERT INTO used_signatures (node_id, signature_hash, seen_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
FORGET_SIGNATURES = "DELETE FROM used_signatures WHERE seen_ms < $1"
ANSWER = """
SELECT answer_sealed FROM answered_calls
 WHERE principal = $1 AND invocation_id = $2 AND request_hash = $3 AND answered_ms >= $4
"""
KEEP_ANSWER = """
INSERT INTO answered_calls (principal, invocation_id, request_hash, answer_sealed, answered_ms)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (principal, invocation_id, request_hash) DO UPDATE SET answer_sealed = excluded.answer_sealed,
 answered_ms = excluded.answered_ms
"""
FORGET_ANSWERS = "DELETE FROM answered_calls WHERE answered_ms < $1"
FORGET_EVERY_ANSWER = "DELETE FROM answered_calls"
SERVER_VALUE = "SELECT value FROM server_values WHERE name = $1"
PUT_SERVER_VALUE = """
INSERT INTO server_values (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


async def access_key(tx: Snapshot, access_key_id: str) -> AccessKeyRow | None:
    return await tx.row(AccessKeyRow, ACCESS_KEY, access_key_id)


async def first_access_key(tx: Snapshot, account_id: str) -> AccessKeyRow | None:
    """The oldest administrator's key of an account: the one that the first start made."""
    return await tx.row(AccessKeyRow, FIRST_ACCESS_KEY, account_id)


async def access_keys(tx: Snapshot) -> list[ListedKeyRow]:
    """Every access key, oldest first, without secrets."""
    return await tx.rows(ListedKeyRow, ACCESS_KEYS)


async def known_access_keys(tx: Snapshot, access_key_ids: Sequence[str]) -> set[str]:
    """Those of the keys that were not revoked."""
    return set(await tx.column(KNOWN_ACCESS_KEYS, msgspec.json.encode(list(access_key_ids)).decode()))


async def use_access_key(tx: Transaction, access_key_id: str, wall_ms: int) -> None:
    """Note when a key was used."""
    await tx.execute(USE_ACCESS_KEY, access_key_id, wall_ms)


async def revoke_access_key(tx: Transaction, access_key_id: str) -> bool:
    """From the next request on the key is unknown; False when it was already."""
    return await tx.execute(REVOKE_ACCESS_KEY, access_key_id) == 1


async def put_access_key(
    tx: Transaction, access_key_id: str, account_id: str, role: str, secret_sealed: str, wall_ms: int
) -> None:
    """Add a key, or give a known id a new secret (a container's start with keys from its environment)."""
    await tx.execute(PUT_ACCESS_KEY, access_key_id, account_id, role, secret_sealed, wall_ms)


async def node_key(tx: Snapshot, node_id: str) -> NodeKeyRow | None:
    return await tx.row(NodeKeyRow, NODE_KEY, node_id)


async def add_node_key(
    tx: Transaction, node_id: str, account_id: str, region: str, public_key: str, fingerprint: str, wall_ms: int
) -> None:
    await tx.execute(ADD_NODE_KEY, node_id, account_id, region, public_key, fingerprint, wall_ms)


async def change_fingerprint(tx: Transaction, node_id: str, fingerprint: str, wall_ms: int) -> None:
    """Another machine has the node's key; credentials that were issued before are good no more."""
    await tx.execute(CHANGE_FINGERPRINT, node_id, fingerprint, wall_ms)


async def remove_node_key(tx: Transaction, node_id: str, wall_ms: int) -> None:
    """From the next call on nothing that this node signs is believed."""
    await tx.execute(REMOVE_NODE_KEY, node_id, wall_ms)


async def use_signature(tx: Transaction, node_id: str, signature_hash: str, wall_ms: int, window_ms: int) -> bool:
    """Note an RSA signature; False when it was used before inside the window (node protocol 3.2: no nonce)."""
    await tx.execute(FORGET_SIGNATURES, wall_ms - 2 * window_ms)
    return await tx.execute(USE_SIGNATURE, node_id, signature_hash, wall_ms) == 1


async def kept_answer(
    tx: Snapshot, principal: str, invocation_id: str, request_hash: str, not_before_ms: int
) -> str | None:
    return await tx.value(ANSWER, principal, invocation_id, request_hash, not_before_ms)  # type: ignore[no-any-return]


async def keep_answer(
    tx: Transaction, principal: str, invocation_id: str, request_hash: str, answer_sealed: str, wall_ms: int
) -> None:
    await tx.execute(KEEP_ANSWER, principal, invocation_id, request_hash, answer_sealed, wall_ms)


async def forget_answers(tx: Transaction, before_ms: int) -> int:
    return await tx.execute(FORGET_ANSWERS, before_ms)


async def forget_sealed(tx: Transaction) -> None:
    """Drop the access keys and kept answers of every account: nobody can read them any more."""
    await tx.execute(FORGET_ACCESS_KEYS)
    await tx.execute(FORGET_EVERY_ANSWER)


async def known_value(tx: Snapshot, name: str) -> str | None:
    """A value that the server keeps about itself, if it has been set."""
    return await tx.value(SERVER_VALUE, name)  # type: ignore[no-any-return]


async def put_value(tx: Transaction, name: str, value: str) -> None:
    """Keep a value that the server needs again after a restart."""
    await tx.execute(PUT_SERVER_VALUE, name, value)
