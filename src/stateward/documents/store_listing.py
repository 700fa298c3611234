"""The documents that a scope sees, in the order of their names and without their contents."""

from __future__ import annotations

import msgspec

from stateward.access.principals import Scope
from stateward.storage import Snapshot


class SummaryRow(msgspec.Struct, frozen=True):
    """The version of a document that a list shows; `shared_with` is empty, `all`, or the account that asks."""

    account_id: str
    region: str
    name: str
    document_type: str
    version: int
    version_name: str | None
    display_name: str | None
    target_type: str | None
    document_format: str
    schema_version: str
    description: str
    platform_types: str
    requires: str | None
    review_status: str | None
    created_ms: int
    shared_with: str


SUMMARY = """ d.account_id, d.region, d.name, d.document_type, v.version, v.version_name, v.display_name, v.target_type,
 v.document_format, v.schema_version, v.description, v.platform_types, v.requires, v.review_status, v.created_ms,
"""
VERSIONS = " JOIN document_versions v ON v.account_id = d.account_id AND v.region = d.region AND v.name = d.name"
AFTER = """ AND (d.name > $3 OR (d.name = $3 AND d.account_id > $4))
 ORDER BY d.name COLLATE "C", d.account_id COLLATE "C" LIMIT $5
"""
OWN_AND_AMAZON = f"""
SELECT {SUMMARY} '' AS shared_with FROM documents d {VERSIONS} AND v.version = d.default_version
 WHERE ((d.account_id = $1 AND d.region = $2) OR d.account_id = 'Amazon') {AFTER}
"""
SHARED = f"""
SELECT {SUMMARY} s.shared_with FROM document_shares s
  JOIN documents d ON d.account_id = s.account_id AND d.region = s.region AND d.name = s.name
  {VERSIONS} AND v.version = CASE s.shared_version WHEN '$LATEST' THEN d.latest_version ELSE d.default_version END
 WHERE s.shared_with IN ($1, 'all') AND s.region = $2 AND d.account_id <> $1 {AFTER}
"""


async def summaries(tx: Snapshot, scope: Scope, after: tuple[str, str], limit: int) -> list[SummaryRow]:
    """The next `limit` documents after (name, owner): the scope's own, Amazon's, and those shared with it."""
    rows = await tx.rows(SummaryRow, OWN_AND_AMAZON, *scope, *after, limit)
    rows += await tx.rows(SummaryRow, SHARED, *scope, *after, limit)
    return sorted(rows, key=lambda row: (row.name, row.account_id))[:limit]
