"""Associations, their versions, executions, and the latest status of each node."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

import msgspec

from stateward.access.principals import Scope
from stateward.associations.rows import AssociationRow, ExecutionRow, NodeStatusRow, VersionRow
from stateward.storage import Snapshot, Transaction
from stateward.storage.saving import Saving

ASSOCIATION_COLUMNS = ", ".join(AssociationRow.__struct_fields__)
VERSION_COLUMNS = ", ".join(VersionRow.__struct_fields__)
EXECUTION_COLUMNS = ", ".join(ExecutionRow.__struct_fields__)
NODE_COLUMNS = ", ".join(NodeStatusRow.__struct_fields__)
_MUTABLE_ASSOCIATION = AssociationRow.__struct_fields__[AssociationRow.__struct_fields__.index("updated_ms") :]
_EXECUTIONS = Saving("executions", ExecutionRow, 2)
_NODES = Saving("association_nodes", NodeStatusRow, 2)


class DueRow(msgspec.Struct, frozen=True):
    association_id: str
    account_id: str
    region: str


class LastRun(msgspec.Struct, frozen=True):
    node_id: str
    last_run_ms: int


def _values(count: int) -> str:
    return ", ".join(f"${n}" for n in range(1, count + 1))


def _assignments(names: Sequence[str], first: int) -> str:
    return ", ".join(f"{name} = ${n}" for n, name in enumerate(names, first))


ADD_ASSOCIATION = (
    f"INSERT INTO associations ({ASSOCIATION_COLUMNS}) VALUES ({_values(len(AssociationRow.__struct_fields__))})"
)
SAVE_ASSOCIATION = f"UPDATE associations SET {_assignments(_MUTABLE_ASSOCIATION, 2)} WHERE association_id = $1"
ASSOCIATION = f"""
SELECT {ASSOCIATION_COLUMNS} FROM associations
 WHERE account_id = $1 AND region = $2 AND association_id = $3 AND deleted_ms IS NULL
"""
LOCK_ASSOCIATION = f"SELECT {ASSOCIATION_COLUMNS} FROM associations WHERE association_id = $1 FOR UPDATE"
ASSOCIATIONS_AFTER = f"""
SELECT {ASSOCIATION_COLUMNS} FROM associations
 WHERE account_id = $1 AND region = $2 AND deleted_ms IS NULL AND (created_ms, association_id) > ($3, $4)
 ORDER BY created_ms, association_id COLLATE "C" LIMIT $5
"""
LEGACY = f"""
SELECT {ASSOCIATION_COLUMNS} FROM associations
 WHERE account_id = $1 AND region = $2 AND name = $3 AND instance_id = $4 AND deleted_ms IS NULL
"""
LEGACY_OF_NODE = f"""
SELECT {ASSOCIATION_COLUMNS} FROM associations
 WHERE account_id = $1 AND region = $2 AND instance_id = $3 AND deleted_ms IS NULL
"""
LAST_MADE = """
SELECT MAX(association_id) FROM associations
 WHERE account_id = $1 AND region = $2 AND created_ms = $3 AND deleted_ms IS NULL
"""
COUNT = "SELECT COUNT(*) FROM associations WHERE account_id = $1 AND region = $2 AND deleted_ms IS NULL"
DUE = """
SELECT association_id, account_id, region FROM associations
 WHERE next_due_ms <= $1 AND deleted_ms IS NULL ORDER BY next_due_ms, association_id COLLATE "C" LIMIT $2
"""
NEXT_DUE = "SELECT MIN(next_due_ms) FROM associations WHERE deleted_ms IS NULL AND next_due_ms IS NOT NULL"
PUT_VERSION = f"INSERT INTO association_versions ({VERSION_COLUMNS}) VALUES ($1, $2, $3, $4)"
VERSION = f"SELECT {VERSION_COLUMNS} FROM association_versions WHERE association_id = $1 AND version = $2"
VERSIONS_BELOW = f"""
SELECT {VERSION_COLUMNS} FROM association_versions WHERE association_id = $1 AND version < $2
 ORDER BY version DESC LIMIT $3
"""
FORGET_PARAMETERS = "DELETE FROM association_parameters WHERE association_id = $1"
INDEX_PARAMETER = """
INSERT INTO association_parameters (account_id, region, parameter_name, association_id) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""
ADD_EXECUTION = (
    f"INSERT INTO executions ({EXECUTION_COLUMNS}) VALUES ({_values(len(ExecutionRow.__struct_fields__))}) "
    "ON CONFLICT (association_id, cause) DO NOTHING"
)
EXECUTION = f"SELECT {EXECUTION_COLUMNS} FROM executions WHERE association_id = $1 AND number = $2"
EXECUTION_BY_ID = f"SELECT {EXECUTION_COLUMNS} FROM executions WHERE association_id = $1 AND execution_id = $2"
UNFINISHED = f"""
SELECT {EXECUTION_COLUMNS} FROM executions WHERE association_id = $1 AND phase <> 'closed' ORDER BY number
"""
# SQLite takes a partial index only when its condition stands in the query.
OPENED = f"""
SELECT {EXECUTION_COLUMNS} FROM executions WHERE phase <> 'closed' AND phase = 'opened'
 ORDER BY created_ms, execution_id LIMIT $1
"""
UNFINISHED_COUNT = "SELECT COUNT(*) FROM executions WHERE phase <> 'closed'"
EXECUTIONS_BEFORE = f"""
SELECT {EXECUTION_COLUMNS} FROM executions
 WHERE association_id = $1 AND (created_ms, number) < ($2, $3)
 AND (CAST($4 AS TEXT) IS NULL OR execution_id = $4) AND (CAST($5 AS TEXT) IS NULL OR status = $5)
 AND created_ms > $6 AND created_ms < $7
 ORDER BY created_ms DESC, number DESC LIMIT $8
"""
NODE_STATUS = f"SELECT {NODE_COLUMNS} FROM association_nodes WHERE association_id = $1 AND node_id = $2"
NODE_STATUSES = f"""
SELECT {NODE_COLUMNS} FROM association_nodes WHERE association_id = $1 AND node_id IN (ids_of($2))
"""
ADD_NODE_STATUS = (
    f"INSERT INTO association_nodes ({NODE_COLUMNS}) VALUES ({_values(len(NodeStatusRow.__struct_fields__))})"
)
FORGET_NODE = "DELETE FROM association_nodes WHERE association_id = $1 AND node_id = $2"
ABSENT_NODES = f"""
SELECT {NODE_COLUMNS} FROM association_nodes n WHERE n.association_id = $1 AND n.number < $2
 AND NOT EXISTS (SELECT 1 FROM invocations i WHERE i.command_id = $3 AND i.resource_id = n.node_id) LIMIT $4
"""
ASSOCIATIONS_OF_NODE = f"SELECT {NODE_COLUMNS} FROM association_nodes WHERE node_id = $1"
OF_NODES = f"""
SELECT {NODE_COLUMNS} FROM association_nodes WHERE node_id IN (ids_of($1)) AND last_run_ms IS NOT NULL
"""
NODES_AFTER = f"""
SELECT {NODE_COLUMNS} FROM association_nodes WHERE association_id = $1 AND node_id > $2
 AND (CAST($3 AS TEXT) IS NULL OR status = $3) AND (CAST($4 AS TEXT) IS NULL OR node_id = $4)
 ORDER BY node_id COLLATE "C" LIMIT $5
"""
FIRST_OF_VERSION = """
SELECT MIN(created_ms) FROM executions WHERE association_id = $1 AND association_version >= $2
"""
LAST_RUNS = "SELECT node_id, COALESCE(last_run_ms, 0) FROM association_nodes WHERE association_id = $1"


async def add(tx: Transaction, row: AssociationRow) -> None:
    await tx.execute(ADD_ASSOCIATION, *msgspec.structs.astuple(row))


async def save(tx: Transaction, row: AssociationRow) -> None:
    await tx.execute(SAVE_ASSOCIATION, row.association_id, *(getattr(row, name) for name in _MUTABLE_ASSOCIATION))


async def find(tx: Snapshot, scope: Scope, association_id: str) -> AssociationRow | None:
    """An association of this account and region that was not deleted."""
    return await tx.row(AssociationRow, ASSOCIATION, *scope, association_id)


async def lock(tx: Transaction, association_id: str) -> AssociationRow | None:
    """The association's row, deleted or not, held until the end of the transaction."""
    return await tx.row(AssociationRow, LOCK_ASSOCIATION, association_id)


async def after(tx: Snapshot, scope: Scope, created_ms: int, association_id: str, limit: int) -> list[AssociationRow]:
    """The next associations in order of creation."""
    return await tx.rows(AssociationRow, ASSOCIATIONS_AFTER, *scope, created_ms, association_id, limit)


async def legacy(tx: Snapshot, scope: Scope, name: str, instance_id: str) -> AssociationRow | None:
    """The association that was made with this document and InstanceId."""
    return await tx.row(AssociationRow, LEGACY, *scope, name, instance_id)


async def legacy_of_node(tx: Snapshot, scope: Scope, instance_id: str) -> list[AssociationRow]:
    """Every association that was made with this InstanceId."""
    return await tx.rows(AssociationRow, LEGACY_OF_NODE, *scope, instance_id)


async def last_made(tx: Snapshot, scope: Scope, created_ms: int) -> str | None:
    """The id of the association that was made last in one instant."""
    return await tx.value(LAST_MADE, *scope, created_ms)  # type: ignore[no-any-return]


async def count(tx: Snapshot, scope: Scope) -> int:
    return int(await tx.value(COUNT, *scope))


async def due(tx: Snapshot, now_ms: int, limit: int) -> list[DueRow]:
    """Associations whose scheduled time has come, the earliest first."""
    return await tx.rows(DueRow, DUE, now_ms, limit)


async def next_due(tx: Snapshot) -> int | None:
    return await tx.value(NEXT_DUE)  # type: ignore[no-any-return]


async def put_version(tx: Transaction, association_id: str, version: int, created_ms: int, definition: str) -> None:
    await tx.execute(PUT_VERSION, association_id, version, created_ms, definition)


async def version(tx: Snapshot, association_id: str, number: int) -> VersionRow | None:
    return await tx.row(VersionRow, VERSION, association_id, number)


async def versions_below(tx: Snapshot, association_id: str, version: int, limit: int) -> list[VersionRow]:
    """The next `limit` versions older than `version`, newest first."""
    return await tx.rows(VersionRow, VERSIONS_BELOW, association_id, version, limit)


async def index_parameters(tx: Transaction, row: AssociationRow, names: Collection[str]) -> None:
    """Note the Parameter Store names whose change starts a run of the association (D40)."""
    await tx.execute(FORGET_PARAMETERS, row.association_id)
    await tx.execute_many(INDEX_PARAMETER, [(*row.scope, name, row.association_id) for name in sorted(names)])


async def current(tx: Snapshot, row: AssociationRow) -> VersionRow:
    found = await version(tx, row.association_id, row.version)
    assert found is not None, f"association {row.association_id} has no version {row.version}"
    return found


async def add_execution(tx: Transaction, row: ExecutionRow) -> bool:
    """False when the association has an execution for this cause already (D1)."""
    return await tx.execute(ADD_EXECUTION, *msgspec.structs.astuple(row)) == 1


async def save_execution(tx: Transaction, before: ExecutionRow, after: ExecutionRow) -> None:
    await _EXECUTIONS.save(tx, [(before, after)])


async def execution(tx: Snapshot, association_id: str, number: int) -> ExecutionRow | None:
    return await tx.row(ExecutionRow, EXECUTION, association_id, number)


async def execution_by_id(tx: Snapshot, association_id: str, execution_id: str) -> ExecutionRow | None:
    return await tx.row(ExecutionRow, EXECUTION_BY_ID, association_id, execution_id)


async def unfinished(tx: Snapshot, association_id: str) -> list[ExecutionRow]:
    """Executions that are not closed, oldest first."""
    return await tx.rows(ExecutionRow, UNFINISHED, association_id)


async def unfinished_count(tx: Snapshot) -> int:
    """How many executions of all associations are not closed."""
    return int(await tx.value(UNFINISHED_COUNT))


async def opened(tx: Snapshot, limit: int) -> list[ExecutionRow]:
    """The oldest executions that have not been resolved."""
    return await tx.rows(ExecutionRow, OPENED, limit)


async def executions_before(
    tx: Snapshot,
    association_id: str,
    key: Sequence[int],
    limit: int,
    *,
    execution_id: str | None,
    status: str | None,
    after_ms: int,
    before_ms: int,
) -> list[ExecutionRow]:
    """The next older executions, newest first; both instants are exclusive."""
    return await tx.rows(
        ExecutionRow, EXECUTIONS_BEFORE, association_id, *key, execution_id, status, after_ms, before_ms, limit
    )


async def node_status(tx: Snapshot, association_id: str, node_id: str) -> NodeStatusRow | None:
    return await tx.row(NodeStatusRow, NODE_STATUS, association_id, node_id)


async def node_statuses(tx: Snapshot, association_id: str, node_ids: Sequence[str]) -> dict[str, NodeStatusRow]:
    """Node id → where the association stands there, for those of these nodes on which it does."""
    rows = await tx.rows(NodeStatusRow, NODE_STATUSES, association_id, json.dumps(list(node_ids)))
    return {row.node_id: row for row in rows}


async def add_node_statuses(tx: Transaction, rows: Sequence[NodeStatusRow]) -> None:
    await tx.execute_many(ADD_NODE_STATUS, [msgspec.structs.astuple(row) for row in rows])


async def save_node_statuses(tx: Transaction, changes: Sequence[tuple[NodeStatusRow, NodeStatusRow]]) -> None:
    """Write rows as they are after their changes: (before, after), in order."""
    await _NODES.save(tx, changes)


async def forget_node(tx: Transaction, association_id: str, node_id: str) -> None:
    await tx.execute(FORGET_NODE, association_id, node_id)


async def absent_nodes(
    tx: Snapshot, association_id: str, number: int, command_id: str, limit: int
) -> list[NodeStatusRow]:
    """Nodes of earlier runs that the newest resolution over all targets no longer found."""
    return await tx.rows(NodeStatusRow, ABSENT_NODES, association_id, number, command_id, limit)


async def of_node(tx: Snapshot, node_id: str) -> list[NodeStatusRow]:
    return await tx.rows(NodeStatusRow, ASSOCIATIONS_OF_NODE, node_id)


async def of_nodes(tx: Snapshot, node_ids: Sequence[str]) -> list[NodeStatusRow]:
    """Where the associations stand on these nodes, as far as they have run there."""
    return await tx.rows(NodeStatusRow, OF_NODES, json.dumps(list(node_ids)))


async def last_runs(tx: Snapshot, association_id: str) -> dict[str, int]:
    """Node id → when this association last ran there, in ms (D6)."""
    return {row.node_id: row.last_run_ms for row in await tx.rows(LastRun, LAST_RUNS, association_id)}


async def nodes_after(
    tx: Snapshot, association_id: str, after_id: str, limit: int, *, status: str | None, node_id: str | None
) -> list[NodeStatusRow]:
    """The next nodes on which the association stands, by id."""
    return await tx.rows(NodeStatusRow, NODES_AFTER, association_id, after_id, status, node_id, limit)


async def first_run_of_version(tx: Snapshot, association_id: str, version: int) -> int | None:
    """When this version, or a later one, was first to be run, in ms."""
    return await tx.value(FIRST_OF_VERSION, association_id, version)  # type: ignore[no-any-return]
