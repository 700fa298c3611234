"""Duty: nodes that came, changed their tags, went or came back are compared with the associations
(spec 4.1, D12, D30, D33)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from stateward.access.principals import Scope
from stateward.associations import lifecycle, standing, store, store_changes
from stateward.associations.rows import AssociationRow, Definition, NodeStatusRow
from stateward.commands import store as commands
from stateward.engine.clockwork import Duty, Fired
from stateward.engine.gate import CalendarGate, Verdict
from stateward.nodes import store as nodes
from stateward.nodes import targets
from stateward.nodes.facts import NodeArrived, NodeConnected, NodeRemoved
from stateward.nodes.groups import ResourceGroups
from stateward.nodes.store import ChangeRow
from stateward.nodes.targets import Groups
from stateward.storage import Database, Snapshot, Transaction
from stateward.tags.facts import TagsChanged

CHANGES_AT_ONCE = 200
ASSOCIATIONS_AT_ONCE = 100


class Node(msgspec.Struct, frozen=True):
    """A changed node: registered and online before (`seen`), its tags, and how each association stands on it.

    `returned`: it was away for so long that it counts as new; `connected`: it has just got a channel; `busy_on`: the
    associations with an unfinished run there.
    """

    node_id: str
    registered: bool
    seen: bool
    returned: bool
    connected: bool
    tags: Mapping[str, str]
    standing: Mapping[str, NodeStatusRow]
    busy_on: frozenset[str]


class Comparison(msgspec.Struct, frozen=True):
    """What one association should do about the changed nodes.

    `runs_on` as new targets, `catches_up` on nodes that missed a run, `leaves` nodes that match no longer.
    """

    association: AssociationRow
    definition: Definition
    runs_on: tuple[str, ...]
    catches_up: tuple[str, ...]
    leaves: tuple[str, ...]


def compare(association: AssociationRow, definition: Definition, changed: Sequence[Node], groups: Groups) -> Comparison:
    """New matches run and missed runs are caught up (unless ApplyOnlyAtCronInterval); others leave the counts."""
    wanted = _wanted(association, definition, groups)
    runs_on: list[str] = []
    catches_up: list[str] = []
    leaves: list[str] = []
    for node in changed:
        matches = node.registered and targets.matches(wanted, node.node_id, node.tags)
        row = node.standing.get(association.association_id)
        if row is not None and not matches:
            leaves.append(node.node_id)
        if not matches or not node.seen or definition.get("ApplyOnlyAtCronInterval"):
            continue
        idle = association.association_id not in node.busy_on
        if row is None or (node.returned and idle):
            runs_on.append(node.node_id)
        elif node.connected and idle and standing.missed(row):
            catches_up.append(node.node_id)
    return Comparison(association, definition, tuple(runs_on), tuple(catches_up), tuple(leaves))


class Arrivals:
    """The duty; `gate` asks calendars, `groups` are those of resource-groups targets."""

    def __init__(self, gate: CalendarGate, groups: ResourceGroups) -> None:
        self._gate = gate
        self._groups = groups

    @property
    def duty(self) -> Duty:
        return Duty("a node", self._run)

    async def _run(self, db: Database, fired: Fired) -> bool:
        """Compare the changed nodes of one account and region with all its associations."""
        async with db.reading() as tx:
            changes = await nodes.changes(tx, CHANGES_AT_ONCE)
            now_ms = tx.now
        if not changes:
            return False
        scope = Scope(changes[0].account_id, changes[0].region)
        changes = [row for row in changes if (row.account_id, row.region) == scope]
        async with db.reading() as tx:
            changed = [await _node(tx, scope, row) for row in changes]
        comparisons = await self._compare_all(db, scope, changed)
        if comparisons is None:
            return False  # an association is just finding its targets; the end of that wakes the engine
        judged = [(one, await self._gate.ask(scope, one.definition, now_ms)) for one in comparisons]

        async def work(tx: Transaction) -> None:
            for comparison, verdict in judged:
                await _apply(tx, comparison, verdict)
            for row in changes:
                await nodes.forget_change(tx, row)

        await db.write(work)
        return True

    async def _compare_all(self, db: Database, scope: Scope, changed: Sequence[Node]) -> list[Comparison] | None:
        found: list[Comparison] = []
        key: tuple[int, str] = (-1, "")
        while True:
            async with db.reading() as tx:
                rows = await store.after(tx, scope, *key, ASSOCIATIONS_AT_ONCE)
                definitions = [(row, (await store.current(tx, row)).members()) for row in rows]
                resolving = [row.association_id for row in rows if await _is_resolving(tx, row)]
            for row, definition in definitions:
                comparison = compare(row, definition, changed, self._groups.current)
                if comparison.runs_on and row.association_id in resolving:
                    return None
                if comparison.runs_on or comparison.catches_up or comparison.leaves:
                    found.append(comparison)
            if len(rows) < ASSOCIATIONS_AT_ONCE:
                return found
            key = (rows[-1].created_ms, rows[-1].association_id)
            await asyncio.sleep(0)


async def note_arrivals(tx: Transaction, facts: list[NodeArrived]) -> None:
    for fact in facts:
        await nodes.note_change(tx, fact.scope, fact.node_id, arrived=True)


async def note_connections(tx: Transaction, facts: list[NodeConnected]) -> None:
    """A node with a channel may have missed runs (D33)."""
    for fact in facts:
        await nodes.note_change(tx, fact.scope, fact.node_id, connected=True, returned=fact.was_long_away)


async def note_removals(tx: Transaction, facts: list[NodeRemoved]) -> None:
    for fact in facts:
        await nodes.note_change(tx, fact.scope, fact.node_id)


async def note_tags(tx: Transaction, facts: list[TagsChanged]) -> None:
    for fact in facts:
        if fact.resource_type == "ManagedInstance":
            await nodes.note_change(tx, fact.scope, fact.resource_id)


async def _node(tx: Snapshot, scope: Scope, change: ChangeRow) -> Node:
    row = await nodes.find(tx, scope, change.node_id)
    tags = (await nodes.tags_of(tx, scope, [change.node_id])).get(change.node_id, {})
    standing = {status.association_id: status for status in await store.of_node(tx, change.node_id)}
    return Node(
        node_id=change.node_id,
        registered=row is not None,
        seen=row is not None and row.first_online_ms is not None,
        returned=bool(change.returned),
        connected=bool(change.connected),
        tags=tags,
        standing=standing,
        busy_on=frozenset(await commands.associations_at_work_on(tx, change.node_id)),
    )


def _wanted(association: AssociationRow, definition: Definition, groups: Groups) -> tuple[targets.Target, ...]:
    if association.mode == "automation":
        return ()  # new nodes never start an Automation (LIF-03)
    try:
        return targets.expanded(targets.parse(definition.get("Targets", ())), groups)
    except targets.InvalidTarget:
        return ()  # a group that is gone has no members; the next run says so


async def _is_resolving(tx: Snapshot, row: AssociationRow) -> bool:
    """Whether a run over all targets is about to find them. One that was skipped, or is held by a pause, never does."""
    if row.resolved:
        return False
    return any(execution.scope_nodes is None for execution in await store.unfinished(tx, row.association_id))


async def _apply(tx: Transaction, comparison: Comparison, verdict: Verdict) -> None:
    association = await store.lock(tx, comparison.association.association_id)
    if association is None or association.deleted_ms is not None:
        return
    for node_id in comparison.leaves:
        association = await lifecycle.forget_node(tx, association, node_id)
    closed = not verdict.open and verdict.problem is None
    if (closed or association.is_paused) and (comparison.runs_on or comparison.catches_up):
        for node_id in (*comparison.runs_on, *comparison.catches_up):
            await store_changes.wait_for_opening(tx, association.association_id, node_id)
        opens_ms = None  # the end of a pause sets it (D64)
        if not association.is_paused:
            opens_ms = min(filter(None, (association.opens_ms, verdict.opens_ms)), default=None)
        await lifecycle.save_overview(tx, msgspec.structs.replace(association, opens_ms=opens_ms))
        return
    association = await lifecycle.save_overview(tx, association)
    if comparison.runs_on:
        association = await _open_on(tx, association, f"nodes:{tx.now}", "new target", comparison.runs_on)
    for number, node_ids in (await _by_missed_run(tx, comparison)).items():
        execution = await store.execution(tx, association.association_id, number)
        missed = number if execution is None else execution.execution_id
        association = await _open_on(tx, association, f"catchup:{missed}:{tx.now}", "catch-up", node_ids)


async def _by_missed_run(tx: Snapshot, comparison: Comparison) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for node_id in comparison.catches_up:
        row = await store.node_status(tx, comparison.association.association_id, node_id)
        if row is not None:
            found.setdefault(row.number, []).append(node_id)
    return found


async def _open_on(
    tx: Transaction, association: AssociationRow, cause: str, who: str, node_ids: Sequence[str]
) -> AssociationRow:
    definition = (await store.current(tx, association)).members()
    waits = await lifecycle.has_no_free_slot(tx, association, definition)
    attempt, wanted = 1, cause
    while True:
        # Two groups of nodes may come within one millisecond: each has its own run.
        association, opened = await lifecycle.open_execution(tx, association, wanted, who, node_ids, waits=waits)
        if opened is not None:
            return association
        attempt += 1
        wanted = f"{cause}:{attempt}"
