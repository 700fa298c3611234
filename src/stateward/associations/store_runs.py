"""Executions by their own ids, and what earlier ones took: for actions on one execution."""

from __future__ import annotations

from stateward.access.principals import Scope
from stateward.associations.rows import ExecutionRow
from stateward.associations.store import EXECUTION_COLUMNS
from stateward.storage import Snapshot

NAMED = f"SELECT {EXECUTION_COLUMNS} FROM executions WHERE execution_id = $1 AND account_id = $2 AND region = $3"
TOOK = """
SELECT ended_ms - last_execution_ms FROM executions
 WHERE association_id = $1 AND number < $2 AND phase = 'closed' AND scope_nodes IS NULL
 AND superseded_by IS NULL AND last_execution_ms IS NOT NULL
 ORDER BY number DESC LIMIT $3
"""


async def named(tx: Snapshot, scope: Scope, execution_id: str) -> ExecutionRow | None:
    """An execution of this account and region."""
    return await tx.row(ExecutionRow, NAMED, execution_id, *scope)


async def took(tx: Snapshot, association_id: str, number: int, limit: int) -> list[int]:
    """How long the newest earlier runs over all targets took, from first release to end, in ms."""
    return await tx.column(TOOK, association_id, number, limit)
