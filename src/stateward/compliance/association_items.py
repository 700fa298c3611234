"""Compliance of associations: what the roll-up of their results writes here (spec 6.5, D49)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stateward.access.principals import Scope
from stateward.compliance import store
from stateward.compliance.summary import COMPLIANT, NON_COMPLIANT
from stateward.compliance.upload import ASSOCIATION, Execution, item
from stateward.nodes import store as nodes
from stateward.nodes.facts import NodeRemoved
from stateward.storage import Transaction

NODES_PER_STATEMENT = 500


class NodeResult(msgspec.Struct, frozen=True):
    """How a run of an association ended on a node, and when it ran, in ms."""

    node_id: str
    compliant: bool
    execution_ms: int


async def put_association_items(
    tx: Transaction,
    scope: Scope,
    association_id: str,
    results: Sequence[NodeResult],
    *,
    severity: str,
    document_name: str,
    document_version: str,
) -> None:
    """Add or replace nodes' items of one association; `severity` is its ComplianceSeverity or UNSPECIFIED (CMP-02).

    A result that is older than the stored one, and one of a node that was removed, changes nothing.
    """
    known = await nodes.registered(tx, scope, [one.node_id for one in results])
    details = {"DocumentName": document_name, "DocumentVersion": document_version}
    found = {
        compliant: item(association_id, "", severity, COMPLIANT if compliant else NON_COMPLIANT, details)
        for compliant in (True, False)
    }
    there = [one for one in results if one.node_id in known]
    placed = [(one.node_id, found[one.compliant], Execution(one.execution_ms)) for one in there]
    await store.put_items_of_nodes(tx, scope, ASSOCIATION, placed)
    await store.count_again(tx, scope, ASSOCIATION, [one.node_id for one in there], removed=False)


async def remove_association_items(tx: Transaction, scope: Scope, association_id: str) -> None:
    """Take the items of a deleted association from every node (DEL-06)."""
    while await remove_some_association_items(tx, scope, association_id) == NODES_PER_STATEMENT:
        pass


async def remove_some_association_items(tx: Transaction, scope: Scope, association_id: str) -> int:
    """The same for up to 500 nodes, for writes that must stay short; how many it were: less than 500 is the end."""
    node_ids = await store.holders(tx, scope, ASSOCIATION, association_id, NODES_PER_STATEMENT)
    if node_ids:
        await store.remove_from(tx, scope, ASSOCIATION, association_id, node_ids)
        await store.count_again(tx, scope, ASSOCIATION, node_ids, removed=True)
    return len(node_ids)


async def remove_association_item(tx: Transaction, scope: Scope, association_id: str, node_id: str) -> None:
    """Take the item of one association from one node, which is no target of it any more."""
    await store.remove_from(tx, scope, ASSOCIATION, association_id, [node_id])
    await store.count_again(tx, scope, ASSOCIATION, [node_id], removed=True)


async def forget_removed_nodes(tx: Transaction, facts: list[NodeRemoved]) -> None:
    """A removed node has no compliance of any type."""
    for fact in facts:
        await remove_node(tx, fact.scope, fact.node_id)


async def remove_node(tx: Transaction, scope: Scope, node_id: str) -> None:
    await store.forget_node(tx, scope, node_id)
