"""DescribeAssociationExecutions and DescribeAssociationExecutionTargets: the history (spec 2.12, 2.13, 7.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from stateward.access.call import Answer, Call, Request
from stateward.access.principals import Scope
from stateward.associations import agent_mode, descriptions, listing, rollup, store
from stateward.associations.operations import unknown
from stateward.associations.rows import AssociationRow, Definition, ExecutionRow
from stateward.commands import store_history as commands
from stateward.commands.rows import InvocationRow
from stateward.nodes.listing import AssociationView
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError


class History:
    """The two reading operations. `per_run`: agent-mode associations show every run, as the others do (D34)."""

    def __init__(self, *, per_run: bool = False) -> None:
        self._per_run = per_run

    async def describe_association_executions(self, call: Call, request: Request) -> Answer:
        """The runs of one association, newest first, paged by (CreatedTime, number) (D1)."""
        association_id = request["AssociationId"]
        filters = listing.execution_filters(request)
        page = call.page(request)
        key: Sequence[int] = page.key or (listing.LATEST_MS, listing.LATEST_MS)
        async with call.reading() as tx:
            association = await _require(tx, call.scope, association_id)
            if self._folds(association):
                folded = await agent_mode.folded(tx, association)
                fits = folded is not None and agent_mode.fits(folded, filters)
                return Answer({"AssociationExecutions": [agent_mode.describe(folded)] if folded and fits else []})
            found: list[ExecutionRow] = []
            if not filters.contradictory:
                found = await store.executions_before(
                    tx,
                    association_id,
                    key,
                    page.size + 1,
                    execution_id=filters.execution_id,
                    status=filters.status,
                    after_ms=filters.after_ms,
                    before_ms=filters.before_ms,
                )
            carriers = await commands.carriers(tx, [row.command_id for row in found if row.command_id is not None])
            asked = await _definitions(tx, found)
        return page.answer(
            "AssociationExecutions",
            found,
            lambda row: descriptions.execution(row, carriers.get(row.command_id or ""), asked[row.association_version]),
            lambda row: (row.created_ms, row.number),
        )

    async def describe_association_execution_targets(self, call: Call, request: Request) -> Answer:
        """The targets of one run by resource id."""
        association_id, execution_id = request["AssociationId"], request["ExecutionId"]
        filters, contradictory = listing.target_filters(request)
        page = call.page(request)
        after = "" if page.key is None else str(page.key[0])
        async with call.reading() as tx:
            association = await _require(tx, call.scope, association_id)
            if self._folds(association) and execution_id == association_id:
                nodes = await agent_mode.targets(tx, association, after, page.size + 1, filters, contradictory)
                return page.answer(
                    "AssociationExecutionTargets",
                    nodes,
                    lambda row: agent_mode.describe_target(association, row),
                    lambda row: (row.node_id,),
                )
            execution = await store.execution_by_id(tx, association_id, execution_id)
            if execution is None or self._folds(association):
                raise AwsError(
                    "AssociationExecutionDoesNotExist",
                    f"Association {association_id} has no execution {execution_id}.",
                )
            rows: list[InvocationRow] = []
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
            lambda row: descriptions.execution_target(row, execution, shows_source=association.mode == "command"),
            lambda row: (row.resource_id,),
        )

    def _folds(self, association: AssociationRow) -> bool:
        return association.mode == "agent" and not self._per_run


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


async def _require(tx: Snapshot, scope: Scope, association_id: str) -> AssociationRow:
    association = await store.find(tx, scope, association_id)
    if association is None:
        raise unknown(association_id)
    return association


async def _definitions(tx: Snapshot, rows: Sequence[ExecutionRow]) -> dict[int, Definition]:
    """Version → what it asked for, of the versions that ran."""
    found: dict[int, Definition] = {}
    for row in rows:
        if row.association_version not in found:
            version = await store.version(tx, row.association_id, row.association_version)
            found[row.association_version] = {} if version is None else version.members()
    return found
