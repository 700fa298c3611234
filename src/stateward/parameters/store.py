"""Parameters, their versions and labels. Of a SecureString the value is cipher text."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from stateward.access.principals import Scope
from stateward.parameters import names
from stateward.storage import Snapshot, Transaction


class MetadataRow(msgspec.Struct, frozen=True):
    """One version without its value."""

    name: str
    version: int
    parameter_type: str
    key_id: str | None
    description: str | None
    allowed_pattern: str | None
    tier: str
    data_type: str
    modified_ms: int
    modified_by: str


class VersionRow(MetadataRow, frozen=True):
    """One version with its value as it is stored."""

    value: str


class LabelRow(msgspec.Struct, frozen=True):
    label: str
    version: int


WITHOUT_VALUE = """v.name, v.version, v.parameter_type, v.key_id, v.description, v.allowed_pattern, v.tier,
 v.data_type, v.modified_ms, v.modified_by
"""
WITH_VALUE = WITHOUT_VALUE + ", v.value"
LATEST_VERSIONS = """
  FROM parameters p JOIN parameter_versions v
    ON v.account_id = p.account_id AND v.region = p.region AND v.name = p.name AND v.version = p.latest_version
 WHERE p.account_id = $1 AND p.region = $2
"""
UNDER_PATH = """
 AND p.path >= $4 AND p.path <= $5 AND (CAST($6 AS TEXT) IS NULL OR p.parent = $6)
"""
LOCK = """
SELECT latest_version FROM parameters WHERE account_id = $1 AND region = $2 AND name = $3 FOR UPDATE
"""
EXISTS = "SELECT 1 FROM parameters WHERE account_id = $1 AND region = $2 AND name = $3"
COUNT = "SELECT COUNT(*) FROM parameters WHERE account_id = $1 AND region = $2"
LATEST = "SELECT " + WITH_VALUE + LATEST_VERSIONS + " AND p.name = $3"
NUMBERED = (
    "SELECT "
    + WITH_VALUE
    + """ FROM parameter_versions v WHERE v.account_id = $1 AND v.region = $2 AND v.name = $3 AND v.version = $4
"""
)
LABELLED = (
    "SELECT "
    + WITH_VALUE
    + """ FROM parameter_labels l JOIN parameter_versions v
    ON v.account_id = l.account_id AND v.region = l.region AND v.name = l.name AND v.version = l.version
 WHERE l.account_id = $1 AND l.region = $2 AND l.name = $3 AND l.label = $4
"""
)
HISTORY = (
    "SELECT "
    + WITH_VALUE
    + """ FROM parameter_versions v WHERE v.account_id = $1 AND v.region = $2 AND v.name = $3 AND v.version > $4
 ORDER BY v.version LIMIT $5
"""
)
METADATA = (
    "SELECT "
    + WITHOUT_VALUE
    + LATEST_VERSIONS
    + """ AND p.path > $3 AND p.path >= $4 AND p.path <= $5 ORDER BY p.path LIMIT $6
"""
)
UNDER = "SELECT " + WITH_VALUE + LATEST_VERSIONS + " AND p.path > $3" + UNDER_PATH + " ORDER BY p.path LIMIT $7"
LABELLED_UNDER = (
    "SELECT "
    + WITH_VALUE
    + """
  FROM parameters p JOIN parameter_versions v
    ON v.account_id = p.account_id AND v.region = p.region AND v.name = p.name
 WHERE p.account_id = $1 AND p.region = $2 AND (p.path > $3 OR (p.path = $3 AND v.version > $8))
"""
    + UNDER_PATH
    + """ AND EXISTS (SELECT 1 FROM parameter_labels l WHERE l.account_id = v.account_id AND l.region = v.region
   AND l.name = v.name AND l.version = v.version AND l.label IN (ids_of($9)))
 ORDER BY p.path, v.version LIMIT $7
"""
)
OLDEST = """
SELECT MIN(version) FROM parameter_versions WHERE account_id = $1 AND region = $2 AND name = $3
"""
ADD = """
INSERT INTO parameters (account_id, region, name, path, parent, latest_version, created_ms)
VALUES ($1, $2, $3, $4, $5, 1, $6) ON CONFLICT DO NOTHING
"""
MOVE_ON = "UPDATE parameters SET latest_version = $4 WHERE account_id = $1 AND region = $2 AND name = $3"
ADD_VERSION = """
INSERT INTO parameter_versions (account_id, region, name, version, parameter_type, key_id, description,
 allowed_pattern, tier, data_type, modified_ms, modified_by, value)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
DELETE_VERSION = """
DELETE FROM parameter_versions WHERE account_id = $1 AND region = $2 AND name = $3 AND version = $4
"""
DELETE_VERSIONS = "DELETE FROM parameter_versions WHERE account_id = $1 AND region = $2 AND name = $3"
DELETE_LABELS = "DELETE FROM parameter_labels WHERE account_id = $1 AND region = $2 AND name = $3"
DELETE = "DELETE FROM parameters WHERE account_id = $1 AND region = $2 AND name = $3"
LABELS = """
SELECT label, version FROM parameter_labels WHERE account_id = $1 AND region = $2 AND name = $3
 ORDER BY label COLLATE "C"
"""
PUT_LABEL = """
INSERT INTO parameter_labels (account_id, region, name, label, version) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id, region, name, label) DO UPDATE SET version = excluded.version
"""
REMOVE_LABELS = """
DELETE FROM parameter_labels WHERE account_id = $1 AND region = $2 AND name = $3 AND version = $4
 AND label IN (ids_of($5))
"""


class Range(msgspec.Struct, frozen=True):
    """Paths from `first` to `last`, both included; with `parent` only what stands directly below it."""

    first: str = ""
    last: str = "~"
    parent: str | None = None


def below(prefix: str, parent: str | None = None) -> Range:
    """The paths that begin with `prefix`: no name has a character as high as `~`."""
    return Range(prefix, f"{prefix}~", parent)


async def lock(tx: Transaction, scope: Scope, name: str) -> int | None:
    """The number of the newest version, locked against other writers; None where there is no such parameter."""
    found = await tx.value(LOCK, *scope, name)
    return None if found is None else int(found)


async def exists(tx: Snapshot, scope: Scope, name: str) -> bool:
    return await tx.value(EXISTS, *scope, name) is not None


async def count(tx: Snapshot, scope: Scope) -> int:
    return int(await tx.value(COUNT, *scope))


async def latest(tx: Snapshot, scope: Scope, name: str) -> VersionRow | None:
    return await tx.row(VersionRow, LATEST, *scope, name)


async def numbered(tx: Snapshot, scope: Scope, name: str, version: int) -> VersionRow | None:
    return await tx.row(VersionRow, NUMBERED, *scope, name, version)


async def labelled(tx: Snapshot, scope: Scope, name: str, label: str) -> VersionRow | None:
    return await tx.row(VersionRow, LABELLED, *scope, name, label)


async def history(tx: Snapshot, scope: Scope, name: str, after: int, limit: int) -> list[VersionRow]:
    """The next versions after a number, oldest first."""
    return await tx.rows(VersionRow, HISTORY, *scope, name, after, limit)


async def metadata(tx: Snapshot, scope: Scope, after: str, within: Range, limit: int) -> list[MetadataRow]:
    """The newest versions of the next parameters after a path, by path."""
    return await tx.rows(MetadataRow, METADATA, *scope, after, within.first, within.last, limit)


async def under(tx: Snapshot, scope: Scope, after: str, within: Range, limit: int) -> list[VersionRow]:
    """Like metadata, with values."""
    return await tx.rows(VersionRow, UNDER, *scope, after, within.first, within.last, within.parent, limit)


async def labelled_under(
    tx: Snapshot, scope: Scope, after: tuple[str, int], within: Range, limit: int, labels: Sequence[str]
) -> list[VersionRow]:
    """The next versions, after a path and version, that carry one of the labels."""
    path, version = after
    bounds = (within.first, within.last, within.parent)
    return await tx.rows(VersionRow, LABELLED_UNDER, *scope, path, *bounds, limit, version, json.dumps(list(labels)))


async def oldest(tx: Snapshot, scope: Scope, name: str) -> int:
    """The number of the oldest version that is kept."""
    return int(await tx.value(OLDEST, *scope, name))


async def add(tx: Transaction, scope: Scope, name: str) -> bool:
    """Make a parameter whose first version follows; False when there is one of this name."""
    values = (name, names.path_of(name), names.parent_of(name), tx.now)
    return await tx.execute(ADD, *scope, *values) == 1


async def add_version(tx: Transaction, scope: Scope, row: VersionRow) -> None:
    """Add a version and make it the newest."""
    await tx.execute(ADD_VERSION, *scope, *msgspec.structs.astuple(row))
    await tx.execute(MOVE_ON, *scope, row.name, row.version)


async def delete_version(tx: Transaction, scope: Scope, name: str, version: int) -> None:
    await tx.execute(DELETE_VERSION, *scope, name, version)


async def delete(tx: Transaction, scope: Scope, name: str) -> bool:
    """Remove a parameter with its versions and labels; False when it was not there."""
    await tx.execute(DELETE_LABELS, *scope, name)
    await tx.execute(DELETE_VERSIONS, *scope, name)
    return await tx.execute(DELETE, *scope, name) == 1


async def labels(tx: Snapshot, scope: Scope, name: str) -> dict[int, list[str]]:
    """Version → its labels, for the versions that have any."""
    found: dict[int, list[str]] = {}
    for row in await tx.rows(LabelRow, LABELS, *scope, name):
        found.setdefault(row.version, []).append(row.label)
    return found


async def put_labels(tx: Transaction, scope: Scope, name: str, version: int, attached: Sequence[str]) -> None:
    """Attach labels to a version, taking them from the versions that had them."""
    await tx.execute_many(PUT_LABEL, [(*scope, name, label, version) for label in attached])


async def remove_labels(tx: Transaction, scope: Scope, name: str, version: int, detached: Sequence[str]) -> None:
    await tx.execute(REMOVE_LABELS, *scope, name, version, json.dumps(list(detached)))
