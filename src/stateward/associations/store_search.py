"""What a few signs may mean: ranges of keys and names, each along its index."""

from __future__ import annotations

import msgspec

from stateward.access.principals import Scope
from stateward.storage import Snapshot

LAST_SIGN = "\U0010ffff"


class Hit(msgspec.Struct, frozen=True):
    """Something that was found: its kind, its id, its name, and the association it belongs to, where there is one."""

    kind: str
    id: str
    name: str | None
    of: str | None = None


# `|| ''` keeps the planner to the range of ids, which is short; by the scope it would sort all there is.
ASSOCIATIONS_BY_ID = """
SELECT 'association' AS kind, association_id AS id, association_name AS name,
 CAST(NULL AS TEXT) AS of FROM associations
 WHERE association_id >= $3 AND association_id < $4 AND account_id || '' = $1 AND region = $2 AND deleted_ms IS NULL
 ORDER BY association_id LIMIT $5
"""
ASSOCIATIONS_BY_NAME = """
SELECT 'association' AS kind, association_id AS id, association_name AS name,
 CAST(NULL AS TEXT) AS of FROM associations
 WHERE account_id = $1 AND region = $2 AND deleted_ms IS NULL AND association_name IS NOT NULL
 AND association_name >= $3 AND association_name < $4
 ORDER BY association_name, association_id LIMIT $5
"""
EXECUTIONS_BY_ID = """
SELECT 'execution' AS kind, execution_id AS id, CAST(number AS TEXT) AS name,
 association_id AS of FROM executions
 WHERE execution_id >= $3 AND execution_id < $4 AND account_id = $1 AND region = $2 ORDER BY execution_id LIMIT $5
"""
COMMANDS_BY_ID = """
SELECT 'command' AS kind, command_id AS id, document_name AS name,
 CAST(NULL AS TEXT) AS of FROM commands
 WHERE command_id >= $3 AND command_id < $4 AND account_id || '' = $1 AND region = $2 AND kind = 'command'
 ORDER BY command_id LIMIT $5
"""
NODES_BY_ID = """
SELECT 'node' AS kind, node_id AS id, COALESCE(name, computer_name) AS name,
 CAST(NULL AS TEXT) AS of FROM nodes
 WHERE node_id >= $3 AND node_id < $4 AND account_id = $1 AND region = $2 AND removed_ms IS NULL
 ORDER BY node_id LIMIT $5
"""
NODES_BY_NAME = """
SELECT 'node' AS kind, node_id AS id, name AS name,
 CAST(NULL AS TEXT) AS of FROM nodes
 WHERE account_id = $1 AND region = $2 AND removed_ms IS NULL AND name IS NOT NULL AND name >= $3 AND name < $4
 ORDER BY name, node_id LIMIT $5
"""
NODES_BY_COMPUTER = """
SELECT 'node' AS kind, node_id AS id, computer_name AS name,
 CAST(NULL AS TEXT) AS of FROM nodes
 WHERE account_id = $1 AND region = $2 AND removed_ms IS NULL AND computer_name IS NOT NULL
 AND computer_name >= $3 AND computer_name < $4
 ORDER BY computer_name, node_id LIMIT $5
"""
DOCUMENTS_BY_NAME = """
SELECT 'document' AS kind, name AS id, name AS name,
 CAST(NULL AS TEXT) AS of FROM documents
 WHERE account_id = $1 AND region = $2 AND name >= $3 AND name < $4 ORDER BY name LIMIT $5
"""
NODES_BY_TAG = """
SELECT 'tag' AS kind, resource_id AS id, tag_key || '=' || tag_value AS name,
 CAST(NULL AS TEXT) AS of FROM tags
 WHERE account_id = $1 AND region = $2 AND resource_type = 'ManagedInstance' AND tag_key = $3
 AND tag_value >= $4 AND tag_value < $5
 ORDER BY tag_value, resource_id LIMIT $6
"""
NUMBERED = """
SELECT 'execution' AS kind, execution_id AS id, CAST(number AS TEXT) AS name,
 association_id AS of FROM executions
 WHERE association_id = $1 AND number <= $2 ORDER BY number DESC LIMIT 1
"""


async def associations(tx: Snapshot, scope: Scope, text: str, limit: int) -> list[Hit]:
    """Associations whose id or name begins so."""
    found = await tx.rows(Hit, ASSOCIATIONS_BY_NAME, *scope, text, text + LAST_SIGN, limit)
    return found + await tx.rows(Hit, ASSOCIATIONS_BY_ID, *scope, text, text + LAST_SIGN, limit)


async def executions(tx: Snapshot, scope: Scope, text: str, limit: int) -> list[Hit]:
    """Executions whose id begins so."""
    return await tx.rows(Hit, EXECUTIONS_BY_ID, *scope, text, text + LAST_SIGN, limit)


async def commands(tx: Snapshot, scope: Scope, text: str, limit: int) -> list[Hit]:
    """Commands whose id begins so."""
    return await tx.rows(Hit, COMMANDS_BY_ID, *scope, text, text + LAST_SIGN, limit)


async def nodes(tx: Snapshot, scope: Scope, text: str, limit: int) -> list[Hit]:
    """Nodes whose name, computer name or id begins so."""
    found = await tx.rows(Hit, NODES_BY_NAME, *scope, text, text + LAST_SIGN, limit)
    found += await tx.rows(Hit, NODES_BY_COMPUTER, *scope, text, text + LAST_SIGN, limit)
    return found + await tx.rows(Hit, NODES_BY_ID, *scope, text, text + LAST_SIGN, limit)


async def documents(tx: Snapshot, scope: Scope, text: str, limit: int) -> list[Hit]:
    """Documents whose name begins so."""
    return await tx.rows(Hit, DOCUMENTS_BY_NAME, *scope, text, text + LAST_SIGN, limit)


async def tagged(tx: Snapshot, scope: Scope, key: str, value: str, limit: int) -> list[Hit]:
    """Nodes with a tag whose value begins so."""
    return await tx.rows(Hit, NODES_BY_TAG, *scope, key, value, value + LAST_SIGN, limit)


async def numbered(tx: Snapshot, association_id: str, number: int) -> Hit | None:
    """The execution of an association with this number, or the next lower one that there is."""
    return await tx.row(Hit, NUMBERED, association_id, number)
