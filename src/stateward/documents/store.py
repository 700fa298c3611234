"""Documents and their versions. Shipped documents stand under the owner `Amazon` and are visible everywhere."""

from __future__ import annotations

import msgspec

from stateward.access.principals import Scope
from stateward.storage import Snapshot, Transaction

AMAZON = Scope("Amazon", "*")


class DocumentRow(msgspec.Struct, frozen=True):
    """One version of a document, with what the document says of itself as JSON texts."""

    account_id: str
    region: str
    name: str
    document_type: str
    default_version: int
    latest_version: int
    version: int
    version_name: str | None
    display_name: str | None
    target_type: str | None
    document_format: str
    schema_version: str
    content: str
    content_hash: str
    description: str
    parameters: str
    platform_types: str
    created_ms: int


COLUMNS = """
SELECT d.account_id, d.region, d.name, d.document_type, d.default_version, d.latest_version, v.version,
 v.version_name, v.display_name, v.target_type, v.document_format, v.schema_version, v.content, v.content_hash,
 v.description, v.parameters, v.platform_types, v.created_ms
  FROM documents d JOIN document_versions v
    ON v.account_id = d.account_id AND v.region = d.region AND v.name = d.name
"""
VISIBLE = "((d.account_id = $1 AND d.region = $2) OR d.account_id = 'Amazon') AND d.name = $3"
DEFAULT = COLUMNS + " WHERE " + VISIBLE + " AND v.version = d.default_version"
LATEST = COLUMNS + " WHERE " + VISIBLE + " AND v.version = d.latest_version"
NUMBERED = COLUMNS + " WHERE " + VISIBLE + " AND v.version = $4"
NAMED = COLUMNS + " WHERE " + VISIBLE + " AND v.version_name = $4"
EVERY = (
    COLUMNS
    + """ WHERE ((d.account_id = $1 AND d.region = $2) OR d.account_id = 'Amazon') AND v.version = d.default_version
 ORDER BY d.name COLLATE "C"
"""
)
COUNT = "SELECT COUNT(*) FROM documents WHERE account_id = $1 AND region = $2"
ADD = """
INSERT INTO documents (account_id, region, name, document_type, default_version, latest_version, created_ms)
VALUES ($1, $2, $3, $4, 1, 1, $5) ON CONFLICT DO NOTHING
"""
PUT_VERSION = """
INSERT INTO document_versions (account_id, region, name, version, version_name, display_name, target_type,
 document_format, schema_version, content, content_hash, description, parameters, platform_types, created_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (account_id, region, name, version) DO UPDATE SET content = excluded.content,
 content_hash = excluded.content_hash, description = excluded.description, parameters = excluded.parameters,
 platform_types = excluded.platform_types
"""
DELETE_VERSIONS = "DELETE FROM document_versions WHERE account_id = $1 AND region = $2 AND name = $3"
DELETE = "DELETE FROM documents WHERE account_id = $1 AND region = $2 AND name = $3"
OWNED = "SELECT 1 FROM documents WHERE account_id = $1 AND region = $2 AND name = $3"


async def visible(tx: Snapshot, scope: Scope, name: str) -> DocumentRow | None:
    """The default version of a document that this scope sees."""
    return await tx.row(DocumentRow, DEFAULT, *scope, name)


async def latest(tx: Snapshot, scope: Scope, name: str) -> DocumentRow | None:
    return await tx.row(DocumentRow, LATEST, *scope, name)


async def numbered(tx: Snapshot, scope: Scope, name: str, version: int) -> DocumentRow | None:
    return await tx.row(DocumentRow, NUMBERED, *scope, name, version)


async def named(tx: Snapshot, scope: Scope, name: str, version_name: str) -> DocumentRow | None:
    return await tx.row(DocumentRow, NAMED, *scope, name, version_name)


async def every_default(tx: Snapshot, scope: Scope) -> list[DocumentRow]:
    """The default version of every document that this scope sees, by name (at most some five hundred)."""
    return await tx.rows(DocumentRow, EVERY, *scope)


async def count(tx: Snapshot, scope: Scope) -> int:
    return int(await tx.value(COUNT, *scope))


async def add(tx: Transaction, scope: Scope, row: DocumentRow) -> bool:
    """Add a document with its first version; False when the name is taken."""
    if await tx.execute(ADD, *scope, row.name, row.document_type, row.created_ms) == 0:
        return False
    await put_version(tx, scope, row)
    return True


async def put_version(tx: Transaction, scope: Scope, row: DocumentRow) -> None:
    await tx.execute(
        PUT_VERSION,
        *scope,
        row.name,
        row.version,
        row.version_name,
        row.display_name,
        row.target_type,
        row.document_format,
        row.schema_version,
        row.content,
        row.content_hash,
        row.description,
        row.parameters,
        row.platform_types,
        row.created_ms,
    )


async def delete(tx: Transaction, scope: Scope, name: str) -> bool:
    """Remove a document with all its versions; False when it was not there."""
    await tx.execute(DELETE_VERSIONS, *scope, name)
    return await tx.execute(DELETE, *scope, name) == 1


async def owned(tx: Snapshot, scope: Scope, name: str) -> bool:
    """Whether the scope itself owns a document of this name."""
    return await tx.value(OWNED, *scope, name) is not None
