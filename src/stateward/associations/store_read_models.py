"""The lists that read models serve: by state, worst first, each along its index (docs/design/read-models.md)."""

from __future__ import annotations

from collections.abc import Sequence

from stateward.access.principals import Scope
from stateward.associations.rows import AssociationRow, ExecutionRow, NodeStatusRow
from stateward.associations.standing import WAITING
from stateward.associations.store import ASSOCIATION_COLUMNS, EXECUTION_COLUMNS, NODE_COLUMNS
from stateward.storage import Snapshot

NOT_WELL = f"""
SELECT {ASSOCIATION_COLUMNS} FROM associations
 WHERE account_id = $1 AND region = $2 AND deleted_ms IS NULL AND state_rank > $3
 ORDER BY state_rank DESC, state_since_ms, association_id COLLATE "C" LIMIT $4
"""
OF_STATE_AFTER = f"""
SELECT {ASSOCIATION_COLUMNS} FROM associations
 WHERE account_id = $1 AND region = $2 AND deleted_ms IS NULL AND state_rank = $3
 AND (state_since_ms, association_id) > ($4, $5)
 ORDER BY state_since_ms, association_id COLLATE "C" LIMIT $6
"""
NEXT_DUE = f"""
SELECT {ASSOCIATION_COLUMNS} FROM associations
 WHERE deleted_ms IS NULL AND next_due_ms IS NOT NULL AND account_id = $1 AND region = $2
 ORDER BY next_due_ms LIMIT $3
"""
RUNNING = f"""
SELECT {EXECUTION_COLUMNS} FROM executions
 WHERE phase <> 'closed' AND phase = 'running' AND account_id = $1 AND region = $2
 ORDER BY created_ms, execution_id LIMIT $3
"""
WORST_NODES_FIRST = f"""
SELECT {NODE_COLUMNS} FROM association_nodes WHERE association_id = $1
 ORDER BY status_rank DESC, streak DESC, node_id COLLATE "C" LIMIT $2
"""
WORST_NODES = f"""
SELECT {NODE_COLUMNS} FROM association_nodes WHERE association_id = $1 AND status_rank = $2
 AND streak <= $3 AND (streak < $3 OR node_id > $4) ORDER BY streak DESC, node_id COLLATE "C" LIMIT $5
"""
WORST_RANK_BELOW = "SELECT MAX(status_rank) FROM association_nodes WHERE association_id = $1 AND status_rank < $2"
OF_NODE = f"""
SELECT {NODE_COLUMNS} FROM association_nodes WHERE node_id = $1 ORDER BY status_rank DESC, streak DESC, association_id
"""


async def not_well(tx: Snapshot, scope: Scope, limit: int) -> list[AssociationRow]:
    """The associations that are not as they should be, worst first, then those for longest."""
    return await tx.rows(AssociationRow, NOT_WELL, *scope, WAITING, limit)


async def of_state(
    tx: Snapshot, scope: Scope, state_rank: int, key: tuple[int, str], limit: int
) -> list[AssociationRow]:
    """The next associations in one state after (`state_since_ms`, id), those for longest first."""
    return await tx.rows(AssociationRow, OF_STATE_AFTER, *scope, state_rank, *key, limit)


async def next_due(tx: Snapshot, scope: Scope, limit: int) -> list[AssociationRow]:
    """The associations whose schedules fire next."""
    return await tx.rows(AssociationRow, NEXT_DUE, *scope, limit)


async def running(tx: Snapshot, scope: Scope, limit: int) -> list[ExecutionRow]:
    """The executions under way, oldest first."""
    return await tx.rows(ExecutionRow, RUNNING, *scope, limit)


async def worst_nodes(
    tx: Snapshot, association_id: str, key: Sequence[int | str] | None, limit: int
) -> list[NodeStatusRow]:
    """The next nodes worst first after (`status_rank`, `streak`, node id): by rank, longest streak, id."""
    if key is None:
        return await tx.rows(NodeStatusRow, WORST_NODES_FIRST, association_id, limit)
    found: list[NodeStatusRow] = []
    rank, streak, node_id = key
    while len(found) < limit:
        found += await tx.rows(NodeStatusRow, WORST_NODES, association_id, rank, streak, node_id, limit - len(found))
        if len(found) < limit:
            rank, streak, node_id = await tx.value(WORST_RANK_BELOW, association_id, rank), 2**62, ""
            if rank is None:
                break
    return found


async def of_node(tx: Snapshot, node_id: str) -> list[NodeStatusRow]:
    """Where each association stands on one node, worst first."""
    return await tx.rows(NodeStatusRow, OF_NODE, node_id)
