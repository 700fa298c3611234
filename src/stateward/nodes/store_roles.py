"""The roles of nodes."""

from __future__ import annotations

from stateward.access.principals import Scope
from stateward.storage import Transaction

SET_ROLE = """
UPDATE nodes SET iam_role = $4 WHERE node_id = $1 AND account_id = $2 AND region = $3 AND removed_ms IS NULL
"""


async def set_role(tx: Transaction, scope: Scope, node_id: str, role: str) -> bool:
    """False when there is no such node."""
    return await tx.execute(SET_ROLE, node_id, *scope, role) == 1
