"""Duty: nodes that came, changed their tags or went are compared with the associations (spec 4.1, D12, D30)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.access.principals import Scope
from stateward.associations import lifecycle, store
from stateward.associations.rows import AssociationRow, Definition
from stateward.engine.clockwork import Duty, Fired
from stateward.nodes import store as nodes
from stateward.nodes import targets
from stateward.nodes.facts import NodeArrived, NodeRemoved
from stateward.nodes.store import ChangeRow
from stateward.storage import Database, Snapshot, Transaction
from stateward.tags.facts import TagsChanged

CHANGES_AT_ONCE = 200
ASSOCIATIONS_AT_ONCE = 100


class Node(msgspec.Struct, frozen=True):
    """A changed node: registered and online before (`seen`), its tags, and where it is effective."""

    node_id: str
    registered: bool
    seen: bool
    tags: Mapping[str, str]
    effective_on: frozenset[str]


class Comparison(msgspec.Struct, frozen=True):
    """What one association should do about the changed nodes."""

    association_id: str
    runs_on: tuple[str, ...]
    leaves: tuple[str, ...]


def compare(association_id: str, definition: Definition, changed: Sequence[Node]) -> Comparison:
    """New matches run (unless ApplyOnlyAtCronInterval), nodes that match no longer leave the counts."""
    wanted = targets.parse(definition["Targets"])
    runs_on: list[str] = []
    leaves: list[str] = []
    for node in changed:
        matches = node.registered and targets.matches(wanted, node.node_id, node.tags)
        effective = association_id in node.effective_on
        if effective and not matches:
            leaves.append(node.node_id)
        elif matches and not effective and node.seen and not definition.get("ApplyOnlyAtCronInterval"):
            runs_on.append(node.node_id)
    return Comparison(association_id, tuple(runs_on), tuple(leaves))


async def run(db: Database, fired: Fired) -> bool:
    """Compare the changed nodes of one account and region with all its associations."""
    async with db.reading() as tx:
        changes = await nodes.changes(tx, CHANGES_AT_ONCE)
    if not changes:
        return False
    scope = Scope(changes[0].account_id, changes[0].region)
    changes = [row for row in changes if (row.account_id, row.region) == scope]
    async with db.reading() as tx:
        changed = [await _node(tx, scope, row) for row in changes]
    comparisons = await _compare_all(db, scope, changed)
    if comparisons is None:
        return False  # an association is just finding its targets; the end of that wakes the engine

    async def work(tx: Transaction) -> None:
        for comparison in comparisons:
            await _apply(tx, comparison)
        for row in changes:
            await nodes.forget_change(tx, row)

    await db.write(work)
    return True


async def note_arrivals(tx: Transaction, facts: list[NodeArrived]) -> None:
    for fact in facts:
        await nodes.note_change(tx, fact.scope, fact.node_id, arrived=True)


async def note_removals(tx: Transaction, facts: list[NodeRemoved]) -> None:
    for fact in facts:
        await nodes.note_change(tx, fact.scope, fact.node_id, arrived=False)


async def note_tags(tx: Transaction, facts: list[TagsChanged]) -> None:
    for fact in facts:
        if fact.resource_type == "ManagedInstance":
            await nodes.note_change(tx, fact.scope, fact.resource_id, arrived=False)


async def _node(tx: Snapshot, scope: Scope, change: ChangeRow) -> Node:
    row = await nodes.find(tx, scope, change.node_id)
    tags = (await nodes.tags_of(tx, scope, [change.node_id])).get(change.node_id, {})
    effective = frozenset(status.association_id for status in await store.of_node(tx, change.node_id))
    seen = row is not None and row.first_online_ms is not None
    return Node(change.node_id, row is not None, seen, tags, effective)


async def _compare_all(db: Database, scope: Scope, changed: Sequence[Node]) -> list[Comparison] | None:
    found: list[Comparison] = []
    key: tuple[int, str] = (-1, "")
    while True:
        async with db.reading() as tx:
            rows = await store.after(tx, scope, *key, ASSOCIATIONS_AT_ONCE)
            definitions = [(row, (await store.current(tx, row)).members()) for row in rows]
        for row, definition in definitions:
            comparison = compare(row.association_id, definition, changed)
            if comparison.runs_on and _is_resolving(row, definition):
                return None
            if comparison.runs_on or comparison.leaves:
                found.append(comparison)
        if len(rows) < ASSOCIATIONS_AT_ONCE:
            return found
        key = (rows[-1].created_ms, rows[-1].association_id)
        await asyncio.sleep(0)


def _is_resolving(row: AssociationRow, definition: Mapping[str, Any]) -> bool:
    return not row.resolved and not definition.get("ApplyOnlyAtCronInterval")


async def _apply(tx: Transaction, comparison: Comparison) -> None:
    association = await store.lock(tx, comparison.association_id)
    if association is None or association.deleted_ms is not None:
        return
    for node_id in comparison.leaves:
        association = await lifecycle.forget_node(tx, association, node_id)
    await lifecycle.save_overview(tx, association)
    if comparison.runs_on:
        await _open_on(tx, association, comparison.runs_on)


async def _open_on(tx: Transaction, association: AssociationRow, node_ids: Sequence[str]) -> None:
    definition = (await store.current(tx, association)).members()
    waits = await lifecycle.has_no_free_slot(tx, association, definition)
    cause, attempt = f"nodes:{tx.now}", 1
    # Two groups of nodes may arrive within one millisecond: each has its own run.
    while (await lifecycle.open_execution(tx, association, cause, "new target", node_ids, waits=waits))[1] is None:
        attempt += 1
        cause = f"nodes:{tx.now}:{attempt}"


DUTY = Duty("a node", run)
