"""DescribeAssociationExecutions and DescribeAssociationExecutionTargets: the history (spec 2.12, 2.13)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from stateward.access.call import Answer, Call, Request
from stateward.access.principals import Scope
from stateward.associations import descriptions, listing, rollup, store
from stateward.associations.operations import unknown
from stateward.associations.rows import ExecutionRow
from stateward.commands import store_history as commands
from stateward.nodes.listing import AssociationView
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError


async def describe_association_executions(call: Call, request: Request) -> Answer:
    """The runs of one association, newest first, paged by (CreatedTime, number) (D1)."""
    association_id = request["AssociationId"]
    filters = listing.execution_filters(request)
    page = call.page(request)
    key: Sequence[int] = page.key or (listing.LATEST_MS, listing.LATEST_MS)
    async with call.reading() as tx:
        if await store.find(tx, call.scope, association_id) is None:
            raise unknown(association_id)
        rows: list[ExecutionRow] = []
        if not filters.contradictory:
            rows = await store.executions_before(
                tx,
                association_id,
                key,
                page.size + 1,
                execution_id=filters.execution_id,
                status=filters.status,
                after_ms=filters.after_ms,
                before_ms=filters.before_ms,
            )
        found = await commands.commands_named(tx, [row.command_id for row in rows if row.command_id is not None])
    return page.answer(
        "AssociationExecutions",
        rows,
        lambda row: descriptions.execution(row, found.get(row.command_id or "")),
        lambda row: (row.created_ms, row.number),
    )


async def describe_association_execution_targets(call: Call, request: Request) -> Answer:
    """The targets of one run by resource id."""
    association_id = request["AssociationId"]
    filters, contradictory = listing.target_filters(request)
    page = call.page(request)
    after = "" if page.key is None else str(page.key[0])
    async with call.reading() as tx:
        if await store.find(tx, call.scope, association_id) is None:
            raise unknown(association_id)
        execution = await store.execution_by_id(tx, association_id, request["ExecutionId"])
        if execution is None:
            raise AwsError(
                "AssociationExecutionDoesNotExist",
                f"Association {association_id} has no execution {request['ExecutionId']}.",
            )
        rows = []
        if execution.command_id is not None and not contradictory:
            rows = await commands.targets_after(
                tx,
                execution.command_id,
                after,
                page.size + 1,
                status=filters.get("Status"),
                resource_id=filters.get("ResourceId"),
                resource_type=filters.get("ResourceType"),
            )
    return page.answer(
        "AssociationExecutionTargets",
        rows,
        lambda row: descriptions.execution_target(row, execution),
        lambda row: (row.resource_id,),
    )


async def node_views(tx: Snapshot, scope: Scope, node_ids: Sequence[str]) -> dict[str, AssociationView]:
    """What the associations say of nodes, for those that have run one (spec 4.4, D26)."""
    by_node: dict[str, list[Any]] = {}
    for row in await store.of_nodes(tx, node_ids):
        by_node.setdefault(row.node_id, []).append(row)
    views: dict[str, AssociationView] = {}
    for node_id, rows in by_node.items():
        counts: dict[str, int] = {}
        for row in rows:
            counts[row.status] = counts.get(row.status, 0) + 1
        successes = [row.last_success_ms for row in rows if row.last_success_ms is not None]
        views[node_id] = AssociationView(
            status=rollup.node_status(counts),
            counts=dict(sorted(counts.items())),
            last_run_ms=max(row.last_run_ms for row in rows),
            last_success_ms=max(successes, default=None),
        )
    return views


def scope_list(text: str | None) -> list[str] | None:
    """The nodes that an execution is limited to, from its row (D30)."""
    return None if text is None else msgspec.json.decode(text, type=list[str])
