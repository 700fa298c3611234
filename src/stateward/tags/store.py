"""Tags of every kind of resource."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import msgspec

from stateward.access.principals import Scope
from stateward.storage import Snapshot, Transaction


class TagRow(msgspec.Struct, frozen=True):
    tag_key: str
    tag_value: str


class ResourceTagRow(msgspec.Struct, frozen=True):
    resource_id: str
    tag_key: str
    tag_value: str


TAGS_OF = """
SELECT tag_key, tag_value FROM tags
 WHERE account_id = $1 AND region = $2 AND resource_type = $3 AND resource_id = $4 ORDER BY tag_key COLLATE "C"
"""
TAGS_OF_TYPE = """
SELECT resource_id, tag_key, tag_value FROM tags WHERE account_id = $1 AND region = $2 AND resource_type = $3
"""
PUT_TAG = """
INSERT INTO tags (account_id, region, resource_type, resource_id, tag_key, tag_value) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id, region, resource_type, resource_id, tag_key) DO UPDATE SET tag_value = excluded.tag_value
"""
REMOVE_TAGS = """
DELETE FROM tags WHERE account_id = $1 AND region = $2 AND resource_type = $3 AND resource_id = $4
 AND tag_key IN (ids_of($5))
"""
REMOVE_ALL = """
DELETE FROM tags WHERE account_id = $1 AND region = $2 AND resource_type = $3 AND resource_id = $4
"""


async def tags_of(tx: Snapshot, scope: Scope, resource_type: str, resource_id: str) -> list[TagRow]:
    """The tags of one resource by key (spec 6.2)."""
    return await tx.rows(TagRow, TAGS_OF, *scope, resource_type, resource_id)


async def tags_of_type(tx: Snapshot, scope: Scope, resource_type: str) -> dict[str, dict[str, str]]:
    """Resource id → its tags, for every tagged resource of a type."""
    found: dict[str, dict[str, str]] = {}
    for row in await tx.rows(ResourceTagRow, TAGS_OF_TYPE, *scope, resource_type):
        found.setdefault(row.resource_id, {})[row.tag_key] = row.tag_value
    return found


async def put_tags(
    tx: Transaction, scope: Scope, resource_type: str, resource_id: str, tags: Sequence[Mapping[str, str]]
) -> None:
    """Add tags; equal keys are overwritten."""
    await tx.execute_many(PUT_TAG, [(*scope, resource_type, resource_id, tag["Key"], tag["Value"]) for tag in tags])


async def remove_tags(tx: Transaction, scope: Scope, resource_type: str, resource_id: str, keys: Sequence[str]) -> None:
    await tx.execute(REMOVE_TAGS, *scope, resource_type, resource_id, json.dumps(list(keys)))


async def remove_all_tags(tx: Transaction, scope: Scope, resource_type: str, resource_id: str) -> None:
    """The resource itself is gone."""
    await tx.execute(REMOVE_ALL, *scope, resource_type, resource_id)
