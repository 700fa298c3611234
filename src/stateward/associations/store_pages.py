"""What pages read of several associations at once, so that a list costs a handful of statements."""

from __future__ import annotations

import json
from collections.abc import Sequence

from stateward.access.principals import Scope
from stateward.associations.rows import AssociationRow, VersionRow
from stateward.associations.store import ASSOCIATION_COLUMNS
from stateward.storage import Snapshot

_V = ", ".join(f"v.{name}" for name in VersionRow.__struct_fields__)
CURRENT_OF = f"""
SELECT {_V} FROM associations a JOIN association_versions v
 ON v.association_id = a.association_id AND v.version = a.version WHERE a.association_id IN (ids_of($1))
"""
NAMED = f"""
SELECT {ASSOCIATION_COLUMNS} FROM associations
 WHERE account_id = $1 AND region = $2 AND deleted_ms IS NULL AND association_name = $3
 ORDER BY created_ms, association_id LIMIT $4
"""
OF_IDS = f"""
SELECT {ASSOCIATION_COLUMNS} FROM associations
 WHERE account_id = $1 AND region = $2 AND deleted_ms IS NULL AND association_id IN (ids_of($3))
"""


async def current_of(tx: Snapshot, association_ids: Sequence[str]) -> dict[str, VersionRow]:
    """Association id → its current version."""
    rows = await tx.rows(VersionRow, CURRENT_OF, json.dumps(list(association_ids)))
    return {row.association_id: row for row in rows}


async def named(tx: Snapshot, scope: Scope, name: str, limit: int) -> list[AssociationRow]:
    """The associations of this name: nothing keeps it from being given twice."""
    return await tx.rows(AssociationRow, NAMED, *scope, name, limit)


async def of_ids(tx: Snapshot, scope: Scope, association_ids: Sequence[str]) -> dict[str, AssociationRow]:
    """Those of these associations that are there, by id."""
    rows = await tx.rows(AssociationRow, OF_IDS, *scope, json.dumps(list(association_ids)))
    return {row.association_id: row for row in rows}
