"""Compliance of associations: what the roll-up of their results writes here (spec 6.5, D49)."""

from __future__ import annotations

from stateward.access.principals import Scope
from stateward.compliance import store
from stateward.compliance.summary import COMPLIANT, NON_COMPLIANT
from stateward.compliance.upload import ASSOCIATION, Execution, item
from stateward.nodes import store as nodes
from stateward.nodes.facts import NodeRemoved
from stateward.storage import Transaction

NODES_PER_STATEMENT = 500


async def put_association_item(
    tx: Transaction,
    scope: Scope,
    node_id: str,
    association_id: str,
    *,
    compliant: bool,
    severity: str,
    document_name: str,
    document_version: str,
    execution_ms: int,
) -> None:
    """Add or replace a node's item of one association; `severity` is its ComplianceSeverity or UNSPECIFIED (CMP-02).

    A result that is older than the stored one, and one of a node that was removed, changes nothing.
    """
    if await nodes.find(tx, scope, node_id) is None:
        return
    details = {"DocumentName": document_name, "DocumentVersion": document_version}
    status = COMPLIANT if compliant else NON_COMPLIANT
    one = item(association_id, "", severity, status, details)
    await store.put_items(tx, scope, node_id, ASSOCIATION, [one], Execution(execution_ms))
    await store.count_again(tx, scope, ASSOCIATION, [node_id], removed=False)


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


async def forget_removed_nodes(tx: Transaction, facts: list[NodeRemoved]) -> None:
    """A removed node has no compliance of any type."""
    for fact in facts:
        await remove_node(tx, fact.scope, fact.node_id)


async def remove_node(tx: Transaction, scope: Scope, node_id: str) -> None:
    await store.forget_node(tx, scope, node_id)
