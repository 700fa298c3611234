"""What nodes have of each inventory type, the custom types, and deletions."""

from __future__ import annotations

import json
from collections.abc import Sequence

from stateward.access.principals import Scope
from stateward.inventory.rows import CustomTypeRow, DeletionRow, HashRow, ItemRow, VersionCountRow
from stateward.storage import Snapshot, Transaction

ITEM_COLUMNS = """
SELECT node_id, type_name, schema_version, capture_time, content_hash, content FROM inventory_items
 WHERE account_id = $1 AND region = $2
"""
ITEM = ITEM_COLUMNS + " AND node_id = $3 AND type_name = $4"
ITEMS_OF_NODES = ITEM_COLUMNS + " AND node_id IN (ids_of($3)) AND type_name IN (ids_of($4))"
HASH = """
SELECT content_hash FROM inventory_items WHERE account_id = $1 AND region = $2 AND node_id = $3 AND type_name = $4
"""
BYTES_OF_NODE = """
SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM inventory_items
 WHERE account_id = $1 AND region = $2 AND node_id = $3
"""
PUT_ITEM = """
INSERT INTO inventory_items (account_id, region, node_id, type_name, schema_version, capture_time, content_hash,
 content, size_bytes, stored_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (account_id, region, node_id, type_name) DO UPDATE SET schema_version = excluded.schema_version,
 capture_time = excluded.capture_time, content_hash = excluded.content_hash, content = excluded.content,
 size_bytes = excluded.size_bytes, stored_ms = excluded.stored_ms
"""
TOUCH_ITEM = """
UPDATE inventory_items SET capture_time = $5, stored_ms = $6
 WHERE account_id = $1 AND region = $2 AND node_id = $3 AND type_name = $4
"""
FORGET_NODE = "DELETE FROM inventory_items WHERE account_id = $1 AND region = $2 AND node_id = $3"
VERSIONS_OF_TYPE = """
SELECT schema_version, COUNT(*) AS nodes FROM inventory_items
 WHERE account_id = $1 AND region = $2 AND type_name = $3 GROUP BY schema_version ORDER BY schema_version COLLATE "C"
"""
DELETE_TYPE = "DELETE FROM inventory_items WHERE account_id = $1 AND region = $2 AND type_name = $3"
CUSTOM_TYPES = """
SELECT type_name, version, attributes, disabled_version FROM inventory_custom_types
 WHERE account_id = $1 AND region = $2 ORDER BY type_name COLLATE "C"
"""
CUSTOM_TYPE = """
SELECT type_name, version, attributes, disabled_version FROM inventory_custom_types
 WHERE account_id = $1 AND region = $2 AND type_name = $3 FOR UPDATE
"""
PUT_CUSTOM_TYPE = """
INSERT INTO inventory_custom_types (account_id, region, type_name, version, attributes, disabled_version)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id, region, type_name) DO UPDATE SET version = excluded.version,
 attributes = excluded.attributes, disabled_version = excluded.disabled_version
"""
DELETE_CUSTOM_TYPE = "DELETE FROM inventory_custom_types WHERE account_id = $1 AND region = $2 AND type_name = $3"
DELETION_COLUMNS = """
SELECT deletion_id, type_name, schema_option, summary, started_ms FROM inventory_deletions
 WHERE account_id = $1 AND region = $2
"""
DELETION = DELETION_COLUMNS + " AND deletion_id = $3"
DELETION_BY_TOKEN = DELETION_COLUMNS + " AND client_token = $3"
DELETIONS_BELOW = (
    DELETION_COLUMNS
    + """ AND (started_ms, deletion_id) < ($3, $4)
 ORDER BY started_ms DESC, deletion_id COLLATE "C" DESC LIMIT $5
"""
)
ADD_DELETION = """
INSERT INTO inventory_deletions (deletion_id, account_id, region, type_name, schema_option, client_token, summary,
 started_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def item(tx: Snapshot, scope: Scope, node_id: str, type_name: str) -> ItemRow | None:
    return await tx.row(ItemRow, ITEM, *scope, node_id, type_name)


async def items_of(tx: Snapshot, scope: Scope, node_ids: Sequence[str], types: Sequence[str]) -> list[ItemRow]:
    """What these nodes have of these types."""
    return await tx.rows(ItemRow, ITEMS_OF_NODES, *scope, json.dumps(list(node_ids)), json.dumps(list(types)))


async def hash_of(tx: Snapshot, scope: Scope, node_id: str, type_name: str) -> HashRow | None:
    """The hash of what is stored, None when nothing is."""
    return await tx.row(HashRow, HASH, *scope, node_id, type_name)


async def bytes_of_node(tx: Snapshot, scope: Scope, node_id: str) -> int:
    return int(await tx.value(BYTES_OF_NODE, *scope, node_id))


async def put_item(tx: Transaction, scope: Scope, row: ItemRow) -> None:
    """Replace what the node has of this type."""
    size = len(row.content.encode())
    await tx.execute(
        PUT_ITEM,
        *scope,
        row.node_id,
        row.type_name,
        row.schema_version,
        row.capture_time,
        row.content_hash,
        row.content,
        size,
        tx.now,
    )


async def touch_item(tx: Transaction, scope: Scope, node_id: str, type_name: str, capture_time: str) -> None:
    """The same was found again."""
    await tx.execute(TOUCH_ITEM, *scope, node_id, type_name, capture_time, tx.now)


async def forget_node(tx: Transaction, scope: Scope, node_id: str) -> None:
    await tx.execute(FORGET_NODE, *scope, node_id)


async def versions_of_type(tx: Snapshot, scope: Scope, type_name: str) -> list[VersionCountRow]:
    return await tx.rows(VersionCountRow, VERSIONS_OF_TYPE, *scope, type_name)


async def delete_type(tx: Transaction, scope: Scope, type_name: str) -> None:
    """Every node's data of a type."""
    await tx.execute(DELETE_TYPE, *scope, type_name)


async def custom_types(tx: Snapshot, scope: Scope) -> list[CustomTypeRow]:
    return await tx.rows(CustomTypeRow, CUSTOM_TYPES, *scope)


async def custom_type(tx: Snapshot, scope: Scope, type_name: str) -> CustomTypeRow | None:
    return await tx.row(CustomTypeRow, CUSTOM_TYPE, *scope, type_name)


async def put_custom_type(tx: Transaction, scope: Scope, row: CustomTypeRow) -> None:
    await tx.execute(PUT_CUSTOM_TYPE, *scope, row.type_name, row.version, row.attributes, row.disabled_version)


async def delete_custom_type(tx: Transaction, scope: Scope, type_name: str) -> None:
    await tx.execute(DELETE_CUSTOM_TYPE, *scope, type_name)


async def deletion(tx: Snapshot, scope: Scope, deletion_id: str) -> DeletionRow | None:
    return await tx.row(DeletionRow, DELETION, *scope, deletion_id)


async def deletion_by_token(tx: Snapshot, scope: Scope, client_token: str) -> DeletionRow | None:
    return await tx.row(DeletionRow, DELETION_BY_TOKEN, *scope, client_token)


async def deletions_below(
    tx: Snapshot, scope: Scope, started_ms: int, deletion_id: str, limit: int
) -> list[DeletionRow]:
    """The next older deletions, newest first."""
    return await tx.rows(DeletionRow, DELETIONS_BELOW, *scope, started_ms, deletion_id, limit)


async def add_deletion(tx: Transaction, scope: Scope, row: DeletionRow, client_token: str | None) -> None:
    await tx.execute(
        ADD_DELETION,
        row.deletion_id,
        *scope,
        row.type_name,
        row.schema_option,
        client_token,
        row.summary,
        row.started_ms,
    )
