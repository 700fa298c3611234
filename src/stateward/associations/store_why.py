"""What Why? asks beside the rows that others ask for."""

from __future__ import annotations

from stateward.access.principals import Scope
from stateward.associations.rows import AssociationRow
from stateward.associations.store import ASSOCIATION_COLUMNS
from stateward.storage import Snapshot

ASSOCIATION = f"""
SELECT {ASSOCIATION_COLUMNS} FROM associations WHERE account_id = $1 AND region = $2 AND association_id = $3
"""


async def association(tx: Snapshot, scope: Scope, association_id: str) -> AssociationRow | None:
    """An association of this account and region, deleted or not."""
    return await tx.row(AssociationRow, ASSOCIATION, *scope, association_id)
