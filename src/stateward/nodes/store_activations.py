"""Activations: permissions to register."""

from __future__ import annotations

import msgspec

from stateward.access.principals import Scope
from stateward.storage import Snapshot, Transaction


class ActivationRow(msgspec.Struct, frozen=True):
    activation_id: str
    account_id: str
    region: str
    code_hash: str
    description: str | None
    default_instance_name: str | None
    iam_role: str
    registration_limit: int
    registrations_count: int
    tags: str
    created_ms: int
    expires_ms: int


COLUMNS = """
SELECT activation_id, account_id, region, code_hash, description, default_instance_name, iam_role,
 registration_limit, registrations_count, tags, created_ms, expires_ms FROM activations
"""
ACTIVATION = COLUMNS + " WHERE activation_id = $1 AND deleted_ms IS NULL FOR UPDATE"
ACTIVATIONS_AFTER = (
    COLUMNS
    + """ WHERE account_id = $1 AND region = $2 AND deleted_ms IS NULL AND (created_ms, activation_id) > ($3, $4)
 ORDER BY created_ms, activation_id COLLATE "C" LIMIT $5
"""
)
ADD = """
INSERT INTO activations (activation_id, account_id, region, code_hash, description, default_instance_name, iam_role,
 registration_limit, registrations_count, tags, created_ms, expires_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11)
"""
COUNT_REGISTRATION = "UPDATE activations SET registrations_count = registrations_count + 1 WHERE activation_id = $1"
DELETE = """
UPDATE activations SET deleted_ms = $4
 WHERE activation_id = $1 AND account_id = $2 AND region = $3 AND deleted_ms IS NULL
"""
REGISTERED_NODE = """
SELECT n.node_id FROM nodes n JOIN node_keys k ON k.node_id = n.node_id
 WHERE n.activation_id = $1 AND n.removed_ms IS NULL AND k.fingerprint = $2 AND k.public_key = $3
"""


async def lock(tx: Transaction, activation_id: str) -> ActivationRow | None:
    """An activation that was not deleted, held until the end of the transaction."""
    return await tx.row(ActivationRow, ACTIVATION, activation_id)


async def after(tx: Snapshot, scope: Scope, created_ms: int, activation_id: str, limit: int) -> list[ActivationRow]:
    return await tx.rows(ActivationRow, ACTIVATIONS_AFTER, *scope, created_ms, activation_id, limit)


async def add(tx: Transaction, row: ActivationRow) -> None:
    await tx.execute(
        ADD,
        row.activation_id,
        row.account_id,
        row.region,
        row.code_hash,
        row.description,
        row.default_instance_name,
        row.iam_role,
        row.registration_limit,
        row.tags,
        row.created_ms,
        row.expires_ms,
    )


async def count_registration(tx: Transaction, activation_id: str) -> None:
    await tx.execute(COUNT_REGISTRATION, activation_id)


async def delete(tx: Transaction, scope: Scope, activation_id: str) -> bool:
    return await tx.execute(DELETE, activation_id, *scope, tx.now) == 1


async def registered_node(tx: Transaction, activation_id: str, fingerprint: str, public_key: str) -> str | None:
    """The node that the same machine registered with the same key before: its answer may have been lost."""
    return await tx.value(REGISTERED_NODE, activation_id, fingerprint, public_key)  # type: ignore[no-any-return]
