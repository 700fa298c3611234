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
    requires: str | None = None
    review_status: str | None = None

    @property
    def owner(self) -> Scope:
        return Scope(self.account_id, self.region)


class HeadRow(msgspec.Struct, frozen=True):
    """A document without its versions; numbers of deleted versions are not given again."""

    document_type: str
    default_version: int
    latest_version: int
    versions_made: int


class VersionRow(msgspec.Struct, frozen=True):
    """One version as a list of versions shows it."""

    version: int
    version_name: str | None
    display_name: str | None
    document_format: str
    review_status: str | None
    created_ms: int


COLUMNS = """
SELECT d.account_id, d.region, d.name, d.document_type, d.default_version, d.latest_version, v.version,
 v.version_name, v.display_name, v.target_type, v.document_format, v.schema_version, v.content, v.content_hash,
 v.description, v.parameters, v.platform_types, v.created_ms, v.requires, v.review_status
  FROM documents d JOIN document_versions v
    ON v.account_id = d.account_id AND v.region = d.region AND v.name = d.name
"""
VISIBLE = "((d.account_id = $1 AND d.region = $2) OR d.account_id = 'Amazon') AND d.name = $3"
DEFAULT = COLUMNS + " WHERE " + VISIBLE + " AND v.version = d.default_version"
LATEST = COLUMNS + " WHERE " + VISIBLE + " AND v.version = d.latest_version"
NUMBERED = COLUMNS + " WHERE " + VISIBLE + " AND v.version = $4"
NAMED = COLUMNS + " WHERE " + VISIBLE + " AND v.version_name = $4"
COUNT = "SELECT COUNT(*) FROM documents WHERE account_id = $1 AND region = $2"
ADD = """
INSERT INTO documents (account_id, region, name, document_type, default_version, latest_version, created_ms)
VALUES ($1, $2, $3, $4, 1, 1, $5) ON CONFLICT DO NOTHING
"""
LOCK = """
SELECT document_type, default_version, latest_version, versions_made FROM documents
 WHERE account_id = $1 AND region = $2 AND name = $3 FOR UPDATE
"""
PUT_VERSION = """
INSERT INTO document_versions (account_id, region, name, version, version_name, display_name, target_type,
 document_format, schema_version, content, content_hash, description, parameters, platform_types, created_ms, requires)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (account_id, region, name, version) DO UPDATE SET content = excluded.content,
 content_hash = excluded.content_hash, description = excluded.description, parameters = excluded.parameters,
 platform_types = excluded.platform_types, schema_version = excluded.schema_version
"""
SET_NEWEST = """
UPDATE documents SET latest_version = $4, versions_made = $4 WHERE account_id = $1 AND region = $2 AND name = $3
"""
SET_DEFAULT = "UPDATE documents SET default_version = $4 WHERE account_id = $1 AND region = $2 AND name = $3"
COUNT_VERSIONS = "SELECT COUNT(*) FROM document_versions WHERE account_id = $1 AND region = $2 AND name = $3"
VERSION_NAMED = """
SELECT version FROM document_versions WHERE account_id = $1 AND region = $2 AND name = $3 AND version_name = $4
"""
VERSION_LIKE = """
SELECT version FROM document_versions WHERE account_id = $1 AND region = $2 AND name = $3 AND content_hash = $4
"""
VERSIONS_BELOW = """
SELECT version, version_name, display_name, document_format, review_status, created_ms FROM document_versions
 WHERE account_id = $1 AND region = $2 AND name = $3 AND version < $4
   AND (CAST($5 AS BIGINT) IS NULL OR version = $5)
 ORDER BY version DESC LIMIT $6
"""
DELETE_VERSION = """
DELETE FROM document_versions WHERE account_id = $1 AND region = $2 AND name = $3 AND version = $4
"""
FALL_BACK = """
UPDATE documents SET latest_version = (
 SELECT MAX(v.version) FROM document_versions v
  WHERE v.account_id = documents.account_id AND v.region = documents.region AND v.name = documents.name)
 WHERE account_id = $1 AND region = $2 AND name = $3
"""
DELETE_VERSIONS = "DELETE FROM document_versions WHERE account_id = $1 AND region = $2 AND name = $3"
DELETE = "DELETE FROM documents WHERE account_id = $1 AND region = $2 AND name = $3"
OWNED = "SELECT 1 FROM documents WHERE account_id = $1 AND region = $2 AND name = $3"


async def visible(tx: Snapshot, scope: Scope, name: str) -> DocumentRow | None:
    """The default version of a document that this scope, or Amazon, owns."""
    return await tx.row(DocumentRow, DEFAULT, *scope, name)


async def latest(tx: Snapshot, scope: Scope, name: str) -> DocumentRow | None:
    return await tx.row(DocumentRow, LATEST, *scope, name)


async def numbered(tx: Snapshot, scope: Scope, name: str, version: int) -> DocumentRow | None:
    return await tx.row(DocumentRow, NUMBERED, *scope, name, version)


async def named(tx: Snapshot, scope: Scope, name: str, version_name: str) -> DocumentRow | None:
    return await tx.row(DocumentRow, NAMED, *scope, name, version_name)


async def lock(tx: Transaction, scope: Scope, name: str) -> HeadRow | None:
    """A document that the scope itself owns, kept from other writers until the transaction ends."""
    return await tx.row(HeadRow, LOCK, *scope, name)


async def count(tx: Snapshot, scope: Scope) -> int:
    return int(await tx.value(COUNT, *scope))


async def count_versions(tx: Snapshot, scope: Scope, name: str) -> int:
    return int(await tx.value(COUNT_VERSIONS, *scope, name))


async def has_version_named(tx: Snapshot, scope: Scope, name: str, version_name: str) -> bool:
    return await tx.value(VERSION_NAMED, *scope, name, version_name) is not None


async def has_version_like(tx: Snapshot, scope: Scope, name: str, content_hash: str) -> bool:
    """Whether a version with this very content exists."""
    return await tx.value(VERSION_LIKE, *scope, name, content_hash) is not None


async def versions_below(
    tx: Snapshot, scope: Scope, name: str, below: int, only: int | None, limit: int
) -> list[VersionRow]:
    """The next `limit` versions older than `below`, newest first; or none but the version `only`."""
    return await tx.rows(VersionRow, VERSIONS_BELOW, *scope, name, below, only, limit)


async def add(tx: Transaction, scope: Scope, row: DocumentRow) -> bool:
    """Add a document with its first version; False when the name is taken."""
    if await tx.execute(ADD, *scope, row.name, row.document_type, row.created_ms) == 0:
        return False
    await put_version(tx, scope, row)
    return True


async def add_version(tx: Transaction, scope: Scope, row: DocumentRow) -> None:
    """Add a version that is newer than every one before."""
    await put_version(tx, scope, row)
    await tx.execute(SET_NEWEST, *scope, row.name, row.version)


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
        row.requires,
    )


async def set_default(tx: Transaction, scope: Scope, name: str, version: int) -> None:
    await tx.execute(SET_DEFAULT, *scope, name, version)


async def delete_version(tx: Transaction, scope: Scope, name: str, version: int) -> None:
    """Remove one version; `$LATEST` then means the newest that is left."""
    await tx.execute(DELETE_VERSION, *scope, name, version)
    await tx.execute(FALL_BACK, *scope, name)


async def delete(tx: Transaction, scope: Scope, name: str) -> bool:
    """Remove a document with all its versions; False when it was not there."""
    await tx.execute(DELETE_VERSIONS, *scope, name)
    return await tx.execute(DELETE, *scope, name) == 1


async def owned(tx: Snapshot, scope: Scope, name: str) -> bool:
    """Whether the scope itself owns a document of this name."""
    return await tx.value(OWNED, *scope, name) is not None
