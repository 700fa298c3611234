"""How legacy and Policy associations read: every run is stored, one row is shown (spec 7.4, D34)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stateward.associations import rollup, store
from stateward.associations.listing import ExecutionFilters
from stateward.associations.rows import AssociationRow, NodeStatusRow
from stateward.storage import Snapshot
from stateward.wire.protocol import epoch_seconds

RESOURCE_TYPE = "ManagedInstance"


class Folded(msgspec.Struct, frozen=True):
    """All runs of one association as one; its id is the association's."""

    association: AssociationRow
    status: str
    created_ms: int


async def folded(tx: Snapshot, association: AssociationRow) -> Folded | None:
    """The one row, created when the current version was first applied; None before the first run."""
    association_id = association.association_id
    created_ms = await store.first_run_of_version(tx, association_id, association.version)
    if created_ms is None:
        created_ms = await store.first_run_of_version(tx, association_id, 1)
    if created_ms is None:
        return None
    dispatched = association.last_execution_ms is not None
    status, _ = rollup.execution_status(rollup.counts_of(association), dispatched=dispatched, ending=None)
    return Folded(association, "Failed" if association.failed_start else status, created_ms)


def fits(row: Folded, filters: ExecutionFilters) -> bool:
    """Whether the one row passes the filters."""
    return (
        not filters.contradictory
        and filters.execution_id in (None, row.association.association_id)
        and filters.status in (None, row.status)
        and filters.after_ms < row.created_ms < filters.before_ms
    )


def describe(row: Folded) -> dict[str, Any]:
    """An AssociationExecution without DetailedStatus (EXE-03)."""
    association = row.association
    body: dict[str, Any] = {
        "AssociationId": association.association_id,
        "AssociationVersion": str(association.version),
        "ExecutionId": association.association_id,
        "Status": row.status,
        "CreatedTime": epoch_seconds(row.created_ms),
    }
    counts = rollup.resource_count(rollup.counts_of(association))
    if counts is not None:
        body["ResourceCountByStatus"] = counts
    if association.last_execution_ms is not None:
        body["LastExecutionDate"] = epoch_seconds(association.last_execution_ms)
    return body


async def targets(
    tx: Snapshot,
    association: AssociationRow,
    after_id: str,
    limit: int,
    filters: Mapping[str, str],
    contradictory: bool,
) -> list[NodeStatusRow]:
    """The nodes by id with their latest status."""
    if contradictory or filters.get("ResourceType", RESOURCE_TYPE) != RESOURCE_TYPE:
        return []
    return await store.nodes_after(
        tx,
        association.association_id,
        after_id,
        limit,
        status=filters.get("Status"),
        node_id=filters.get("ResourceId"),
    )


def describe_target(association: AssociationRow, row: NodeStatusRow) -> dict[str, Any]:
    """An AssociationExecutionTarget of the one row."""
    body: dict[str, Any] = {
        "AssociationId": association.association_id,
        "AssociationVersion": str(association.version),
        "ExecutionId": association.association_id,
        "ResourceId": row.node_id,
        "ResourceType": RESOURCE_TYPE,
        "Status": row.status,
    }
    if row.last_run_ms is not None:
        body["LastExecutionDate"] = epoch_seconds(row.last_run_ms)
    return body
