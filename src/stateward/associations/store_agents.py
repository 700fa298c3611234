"""What the agent mode keeps and asks: associations that agents apply by themselves, and their reports."""

from __future__ import annotations

from stateward.access.principals import Scope
from stateward.associations.rows import AssociationRow
from stateward.associations.store import ASSOCIATION_COLUMNS
from stateward.storage import Snapshot, Transaction

OF_ANY_NODE = f"""
SELECT {ASSOCIATION_COLUMNS} FROM associations
 WHERE account_id = $1 AND region = $2 AND mode = 'agent' AND deleted_ms IS NULL AND instance_id IS NULL
 AND (created_ms, association_id) > ($3, $4) ORDER BY created_ms, association_id COLLATE "C" LIMIT $5
"""
OF_THIS_NODE = f"""
SELECT {ASSOCIATION_COLUMNS} FROM associations
 WHERE account_id = $1 AND region = $2 AND instance_id = $5 AND mode = 'agent' AND deleted_ms IS NULL
 AND (created_ms, association_id) > ($3, $4) ORDER BY created_ms, association_id COLLATE "C" LIMIT $6
"""
NOTE_REPORT = """
INSERT INTO agent_reports (association_id, node_id, execution_ms, received_ms, account_id, region)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (association_id, node_id) DO UPDATE SET execution_ms = excluded.execution_ms,
 received_ms = excluded.received_ms WHERE agent_reports.execution_ms <> excluded.execution_ms
"""
LAST_REPORT = "SELECT execution_ms FROM agent_reports WHERE association_id = $1 AND node_id = $2"
FORGET_NODE = "DELETE FROM agent_reports WHERE node_id = $1"
KEEP_WORDS = """
UPDATE association_nodes SET summary = $4, error_code = $5, output_url = $6
 WHERE association_id = $1 AND node_id = $2 AND number = $3
"""


async def candidates(
    tx: Snapshot, scope: Scope, node_id: str, key: tuple[int, str], limit: int
) -> list[AssociationRow]:
    """The next associations in order of creation that agents apply by themselves and that may reach the node."""
    shared = await tx.rows(AssociationRow, OF_ANY_NODE, *scope, *key, limit)
    own = await tx.rows(AssociationRow, OF_THIS_NODE, *scope, *key, node_id, limit)
    return sorted([*shared, *own], key=lambda row: (row.created_ms, row.association_id))[:limit]


async def note_report(tx: Transaction, association: AssociationRow, node_id: str, execution_ms: int) -> bool:
    """Remember the newest report of a node on an association; False for the same one again."""
    noted = await tx.execute(NOTE_REPORT, association.association_id, node_id, execution_ms, tx.now, *association.scope)
    return noted == 1


async def last_report(tx: Snapshot, association_id: str, node_id: str) -> int | None:
    """The ExecutionDate of a node's newest report on an association, in ms."""
    return await tx.value(LAST_REPORT, association_id, node_id)  # type: ignore[no-any-return]


async def forget_node(tx: Transaction, node_id: str) -> None:
    await tx.execute(FORGET_NODE, node_id)


async def keep_words(
    tx: Transaction,
    association_id: str,
    node_id: str,
    number: int,
    summary: str | None,
    error_code: str | None,
    output_url: str | None,
) -> None:
    """What a node said of a run, unless a newer one has begun there."""
    await tx.execute(KEEP_WORDS, association_id, node_id, number, summary, error_code, output_url)
