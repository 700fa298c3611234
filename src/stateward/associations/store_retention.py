"""Executions past their time."""

from __future__ import annotations

from stateward.storage import Transaction

# The newest execution and the newest successful one of a living association stay (D48).
FORGET_EXECUTIONS = """
DELETE FROM executions WHERE execution_id IN (
 SELECT e.execution_id FROM executions e JOIN associations a ON a.association_id = e.association_id
  WHERE e.ended_ms IS NOT NULL AND e.ended_ms < $1 AND (a.deleted_ms IS NOT NULL OR (
   e.number < (SELECT MAX(n.number) FROM executions n WHERE n.association_id = e.association_id)
   AND (e.status <> 'Success' OR EXISTS (SELECT 1 FROM executions s WHERE s.association_id = e.association_id
    AND s.status = 'Success' AND s.number > e.number))))
  ORDER BY e.ended_ms LIMIT $2)
"""


async def forget_executions(tx: Transaction, before_ms: int, limit: int) -> int:
    """Forget executions that ended before an instant; how many there were. Their commands follow by themselves."""
    return await tx.execute(FORGET_EXECUTIONS, before_ms, limit)
