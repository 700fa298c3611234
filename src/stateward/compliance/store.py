"""Compliance items, and how many of each kind a node has.

The summaries are counted anew from the items of the nodes that a write touched, so they cannot drift from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from stateward.access.principals import Scope
from stateward.compliance.rows import HolderRow, ItemRow, SummaryRow, UploadRow
from stateward.compliance.upload import Execution, Item
from stateward.storage import Snapshot, Transaction

ITEM_COLUMNS = """
SELECT resource_id, compliance_type, item_id, title, severity, status, details, execution_ms, execution_id,
 execution_type FROM compliance_items WHERE account_id = $1 AND region = $2
"""
ITEMS_AFTER = (
    ITEM_COLUMNS
    + """ AND (resource_id, compliance_type, item_id) > ($3, $4, $5)
 ORDER BY resource_id COLLATE "C", compliance_type COLLATE "C", item_id COLLATE "C" LIMIT $6
"""
)
ITEMS_OF_NODE_AFTER = (
    ITEM_COLUMNS
    + """ AND resource_id = $3 AND (compliance_type, item_id) > ($4, $5)
 ORDER BY compliance_type COLLATE "C", item_id COLLATE "C" LIMIT $6
"""
)
SUMMARIES_AFTER = """
SELECT resource_id, compliance_type, execution_ms, execution_id, execution_type, compliant_critical, compliant_high,
 compliant_medium, compliant_low, compliant_informational, compliant_unspecified, other_critical, other_high,
 other_medium, other_low, other_informational, other_unspecified
  FROM compliance_summaries
 WHERE account_id = $1 AND region = $2 AND (resource_id, compliance_type) > ($3, $4) AND items > 0
 ORDER BY resource_id COLLATE "C", compliance_type COLLATE "C" LIMIT $5
"""
UPLOAD = """
SELECT execution_ms, content_hash FROM compliance_summaries
 WHERE account_id = $1 AND region = $2 AND resource_id = $3 AND compliance_type = $4 FOR UPDATE
"""
ITEM_IDS = """
SELECT item_id FROM compliance_items
 WHERE account_id = $1 AND region = $2 AND resource_id = $3 AND compliance_type = $4
"""
CUSTOM_TYPES = """
SELECT COUNT(*) FROM compliance_summaries
 WHERE account_id = $1 AND region = $2 AND resource_id = $3 AND items > 0 AND substr(compliance_type, 1, 7) = 'Custom:'
"""
BYTES_OF_NODE = """
SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM compliance_summaries
 WHERE account_id = $1 AND region = $2 AND resource_id = $3
"""
PUT_ITEM = """
INSERT INTO compliance_items (account_id, region, resource_id, compliance_type, item_id, title, severity, status,
 details, execution_ms, execution_id, execution_type, size_bytes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (account_id, region, resource_id, compliance_type, item_id) DO UPDATE SET title = excluded.title,
 severity = excluded.severity, status = excluded.status, details = excluded.details,
 execution_ms = excluded.execution_ms, execution_id = excluded.execution_id,
 execution_type = excluded.execution_type, size_bytes = excluded.size_bytes
 WHERE excluded.execution_ms >= compliance_items.execution_ms
"""
REFRESH_ITEMS = """
UPDATE compliance_items SET execution_ms = $5, execution_id = $6, execution_type = $7
 WHERE account_id = $1 AND region = $2 AND resource_id = $3 AND compliance_type = $4 AND execution_ms <= $5
 AND item_id IN (ids_of($8))
"""
REMOVE_ITEMS = """
DELETE FROM compliance_items WHERE account_id = $1 AND region = $2 AND resource_id = $3 AND compliance_type = $4
"""
HOLDERS = """
SELECT resource_id FROM compliance_items
 WHERE account_id = $1 AND region = $2 AND compliance_type = $3 AND item_id = $4
 ORDER BY resource_id COLLATE "C" LIMIT $5
"""
REMOVE_FROM_HOLDERS = """
DELETE FROM compliance_items WHERE account_id = $1 AND region = $2 AND compliance_type = $3 AND item_id = $4
 AND resource_id IN (ids_of($5))
"""
ZERO_SUMMARIES = """
UPDATE compliance_summaries SET size_bytes = 0, items = 0, compliant_critical = 0, compliant_high = 0,
 compliant_medium = 0, compliant_low = 0, compliant_informational = 0, compliant_unspecified = 0, other_critical = 0,
 other_high = 0, other_medium = 0, other_low = 0, other_informational = 0, other_unspecified = 0
 WHERE account_id = $1 AND region = $2 AND compliance_type = $3 AND resource_id IN (ids_of($4))
"""
COUNT_SUMMARIES = """
INSERT INTO compliance_summaries (account_id, region, resource_id, compliance_type, execution_ms, execution_id,
 execution_type, size_bytes, items, compliant_critical, compliant_high, compliant_medium, compliant_low,
 compliant_informational, compliant_unspecified, other_critical, other_high, other_medium, other_low,
 other_informational, other_unspecified)
SELECT account_id, region, resource_id, compliance_type, MAX(execution_ms), '', '', SUM(size_bytes), COUNT(*),
 SUM(CASE WHEN status = 'COMPLIANT' AND severity = 'CRITICAL' THEN 1 ELSE 0 END),
 SUM(CASE WHEN status = 'COMPLIANT' AND severity = 'HIGH' THEN 1 ELSE 0 END),
 SUM(CASE WHEN status = 'COMPLIANT' AND severity = 'MEDIUM' THEN 1 ELSE 0 END),
 SUM(CASE WHEN status = 'COMPLIANT' AND severity = 'LOW' THEN 1 ELSE 0 END),
 SUM(CASE WHEN status = 'COMPLIANT' AND severity = 'INFORMATIONAL' THEN 1 ELSE 0 END),
 SUM(CASE WHEN status = 'COMPLIANT' AND severity = 'UNSPECIFIED' THEN 1 ELSE 0 END),
 SUM(CASE WHEN status <> 'COMPLIANT' AND severity = 'CRITICAL' THEN 1 ELSE 0 END),
 SUM(CASE WHEN status <> 'COMPLIANT' AND severity = 'HIGH' THEN 1 ELSE 0 END),
 SUM(CASE WHEN status <> 'COMPLIANT' AND severity = 'MEDIUM' THEN 1 ELSE 0 END),
 SUM(CASE WHEN status <> 'COMPLIANT' AND severity = 'LOW' THEN 1 ELSE 0 END),
 SUM(CASE WHEN status <> 'COMPLIANT' AND severity = 'INFORMATIONAL' THEN 1 ELSE 0 END),
 SUM(CASE WHEN status <> 'COMPLIANT' AND severity = 'UNSPECIFIED' THEN 1 ELSE 0 END)
  FROM compliance_items
 WHERE account_id = $1 AND region = $2 AND compliance_type = $3 AND resource_id IN (ids_of($4))
 GROUP BY account_id, region, resource_id, compliance_type
ON CONFLICT (account_id, region, resource_id, compliance_type) DO UPDATE SET size_bytes = excluded.size_bytes,
 items = excluded.items,
 execution_id = CASE WHEN excluded.execution_ms > compliance_summaries.execution_ms
 THEN excluded.execution_id ELSE compliance_summaries.execution_id END,
 execution_type = CASE WHEN excluded.execution_ms > compliance_summaries.execution_ms
 THEN excluded.execution_type ELSE compliance_summaries.execution_type END,
 execution_ms = CASE WHEN excluded.execution_ms > compliance_summaries.execution_ms
 THEN excluded.execution_ms ELSE compliance_summaries.execution_ms END,
 compliant_critical = excluded.compliant_critical, compliant_high = excluded.compliant_high,
 compliant_medium = excluded.compliant_medium, compliant_low = excluded.compliant_low,
 compliant_informational = excluded.compliant_informational,
 compliant_unspecified = excluded.compliant_unspecified, other_critical = excluded.other_critical,
 other_high = excluded.other_high, other_medium = excluded.other_medium, other_low = excluded.other_low,
 other_informational = excluded.other_informational, other_unspecified = excluded.other_unspecified
"""
NOTE_UPLOAD = """
INSERT INTO compliance_summaries (account_id, region, resource_id, compliance_type, execution_ms, execution_id,
 execution_type, content_hash, size_bytes, items, compliant_critical, compliant_high, compliant_medium, compliant_low,
 compliant_informational, compliant_unspecified, other_critical, other_high, other_medium, other_low,
 other_informational, other_unspecified)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
ON CONFLICT (account_id, region, resource_id, compliance_type) DO UPDATE SET execution_ms = excluded.execution_ms,
 execution_id = excluded.execution_id, execution_type = excluded.execution_type, content_hash = excluded.content_hash
 WHERE excluded.execution_ms >= compliance_summaries.execution_ms
"""
FORGET_ITEMS = "DELETE FROM compliance_items WHERE account_id = $1 AND region = $2 AND resource_id = $3"
FORGET_SUMMARIES = "DELETE FROM compliance_summaries WHERE account_id = $1 AND region = $2 AND resource_id = $3"


async def items_after(tx: Snapshot, scope: Scope, node_id: str | None, key: Sequence[str], limit: int) -> list[ItemRow]:
    """The next items behind (node, type, id), of one node or of all."""
    if node_id is None:
        return await tx.rows(ItemRow, ITEMS_AFTER, *scope, *key, limit)
    return await tx.rows(ItemRow, ITEMS_OF_NODE_AFTER, *scope, node_id, *key[1:], limit)


async def summaries_after(tx: Snapshot, scope: Scope, key: Sequence[str], limit: int) -> list[SummaryRow]:
    """The next summaries behind (node, type); a type of which a node has no items is left out."""
    return await tx.rows(SummaryRow, SUMMARIES_AFTER, *scope, *key, limit)


async def last_upload(tx: Transaction, scope: Scope, node_id: str, compliance_type: str) -> UploadRow | None:
    return await tx.row(UploadRow, UPLOAD, *scope, node_id, compliance_type)


async def item_ids(tx: Snapshot, scope: Scope, node_id: str, compliance_type: str) -> list[str]:
    return await tx.column(ITEM_IDS, *scope, node_id, compliance_type)


async def custom_types(tx: Snapshot, scope: Scope, node_id: str) -> int:
    """How many custom types a node has items of."""
    return int(await tx.value(CUSTOM_TYPES, *scope, node_id))


async def bytes_of_node(tx: Snapshot, scope: Scope, node_id: str) -> int:
    return int(await tx.value(BYTES_OF_NODE, *scope, node_id))


async def put_items(
    tx: Transaction, scope: Scope, node_id: str, compliance_type: str, items: Iterable[Item], execution: Execution
) -> None:
    """Add or replace items by their ids; one that is stored with a later execution stays as it is."""
    await put_items_of_nodes(tx, scope, compliance_type, [(node_id, one, execution) for one in items])


async def put_items_of_nodes(
    tx: Transaction, scope: Scope, compliance_type: str, placed: Iterable[tuple[str, Item, Execution]]
) -> None:
    """The same for many nodes: node id, item, and what it was found by."""
    await tx.execute_many(
        PUT_ITEM,
        [
            (
                *scope,
                node_id,
                compliance_type,
                one.item_id,
                one.title,
                one.severity,
                one.status,
                one.details,
                execution.execution_ms,
                execution.execution_id,
                execution.execution_type,
                one.size_bytes,
            )
            for node_id, one, execution in placed
        ],
    )


async def refresh_items(
    tx: Transaction, scope: Scope, node_id: str, compliance_type: str, ids: Sequence[str], execution: Execution
) -> None:
    """The same items were found again."""
    run = (execution.execution_ms, execution.execution_id, execution.execution_type)
    await tx.execute(REFRESH_ITEMS, *scope, node_id, compliance_type, *run, json.dumps(list(ids)))


async def remove_items(tx: Transaction, scope: Scope, node_id: str, compliance_type: str) -> None:
    await tx.execute(REMOVE_ITEMS, *scope, node_id, compliance_type)


async def holders(tx: Snapshot, scope: Scope, compliance_type: str, item_id: str, limit: int) -> list[str]:
    """The first nodes that have this item."""
    rows = await tx.rows(HolderRow, HOLDERS, *scope, compliance_type, item_id, limit)
    return [row.resource_id for row in rows]


async def remove_from(
    tx: Transaction, scope: Scope, compliance_type: str, item_id: str, node_ids: Sequence[str]
) -> None:
    await tx.execute(REMOVE_FROM_HOLDERS, *scope, compliance_type, item_id, json.dumps(list(node_ids)))


async def count_again(
    tx: Transaction, scope: Scope, compliance_type: str, node_ids: Sequence[str], *, removed: bool
) -> None:
    """Bring the summaries of these nodes up to date with their items; `removed`: some may have no items left."""
    listed = json.dumps(list(node_ids))
    if removed:
        await tx.execute(ZERO_SUMMARIES, *scope, compliance_type, listed)
    await tx.execute(COUNT_SUMMARIES, *scope, compliance_type, listed)


async def note_upload(
    tx: Transaction, scope: Scope, node_id: str, compliance_type: str, execution: Execution, content_hash: str | None
) -> None:
    """Keep what the upload said of itself, unless a later one has spoken."""
    run = (execution.execution_ms, execution.execution_id, execution.execution_type)
    await tx.execute(NOTE_UPLOAD, *scope, node_id, compliance_type, *run, content_hash)


async def forget_node(tx: Transaction, scope: Scope, node_id: str) -> None:
    """Everything about a node goes."""
    await tx.execute(FORGET_ITEMS, *scope, node_id)
    await tx.execute(FORGET_SUMMARIES, *scope, node_id)
