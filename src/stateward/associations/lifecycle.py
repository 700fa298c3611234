"""Opening, superseding, stopping and closing executions, inside transactions (spec 4, D1, D4, D30)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stateward import ids
from stateward.associations import letters, pauses, rollup, standing, store, strip_keeping
from stateward.associations.facts import ExecutionChanged, NodeStatusChanged, OverviewChanged, ScheduleChanged
from stateward.associations.rows import AssociationRow, Definition, ExecutionRow, NodeStatusRow
from stateward.associations.schedule import next_due, parse
from stateward.commands import lifecycle as commands
from stateward.commands import store as command_store
from stateward.storage import Transaction

JOINED = ("document:", "parameter:")
"""Causes that a later change of a document or parameter joins while their execution has no targets yet (D31)."""


async def add(tx: Transaction, association: AssociationRow) -> AssociationRow:
    """Store a new association; the row as it is stored."""
    association = standing.stood(msgspec.structs.replace(association, state_rank=-1), tx.now)
    await store.add(tx, association)
    tx.record(OverviewChanged(None, association))
    return association


async def bury(tx: Transaction, association: AssociationRow) -> None:
    """Mark an association as deleted; it is due no more."""
    buried = msgspec.structs.replace(association, deleted_ms=tx.now, next_due_ms=None, opens_ms=None)
    await store.save(tx, buried)
    tx.record(OverviewChanged(association, buried))
    tx.record(ScheduleChanged(association.association_id))


async def open_execution(
    tx: Transaction,
    association: AssociationRow,
    cause: str,
    started_by: str,
    scope_nodes: Sequence[str] | None = None,
    *,
    waits: bool = False,
    parent_id: str | None = None,
) -> tuple[AssociationRow, ExecutionRow | None]:
    """Add the execution of `cause`, which exists once however often it is asked for (D1).

    `scope_nodes` limits it to some nodes (D30); `waits` keeps it back until a running execution closes; `parent_id` is
    the execution that it tries again.
    """
    number = association.last_number + 1
    row = ExecutionRow(
        association_id=association.association_id,
        number=number,
        execution_id=ids.ordered_uuid(),
        account_id=association.account_id,
        region=association.region,
        cause=cause,
        scope_nodes=None if scope_nodes is None else msgspec.json.encode(list(scope_nodes)).decode(),
        association_version=association.version,
        created_ms=tx.now,
        started_by=started_by,
        phase="waiting" if waits else "opened",
        parent_id=parent_id,
    )
    if not await store.add_execution(tx, row):
        return association, None
    association = msgspec.structs.replace(
        association,
        last_number=number,
        resolved=association.resolved if scope_nodes is not None else 0,
        running=association.running + 1,
        recent=with_run(association.recent, row),
    )
    association = await save_overview(tx, association)
    tx.record(ExecutionChanged(None, row))
    return association, row


async def supersede(tx: Transaction, association: AssociationRow, who: str) -> None:
    """Mark unfinished executions over all targets as superseded by the next one (D4)."""
    for execution in await store.unfinished(tx, association.association_id):
        if execution.scope_nodes is None and execution.superseded_by is None:
            marked = msgspec.structs.replace(execution, superseded_by=association.last_number + 1)
            await store.save_execution(tx, execution, marked)
            await cut_short(tx, marked, "superseded", who)


async def stop_unstarted(tx: Transaction, association: AssociationRow, reason: str, who: str) -> None:
    """Running nodes finish, what has not started is cancelled: `updated` (spec 2.5) or `deleted` (D13)."""
    for execution in await store.unfinished(tx, association.association_id):
        await cut_short(tx, execution, reason, who)


async def cut_short(tx: Transaction, execution: ExecutionRow, reason: str, who: str) -> None:
    """End an execution before its time; targets follow in slices."""
    if execution.command_id is not None:
        await commands.begin_ending(tx, execution.command_id, reason, who)
        return
    status, detail = rollup.unresolved_end(reason)
    await close(tx, execution, status, detail)


async def fail_start(tx: Transaction, execution: ExecutionRow, reason: str) -> None:
    """The execution cannot start; the Overview says why until a start succeeds (D29)."""
    await close(tx, execution, "Failed", reason)
    association = await store.lock(tx, execution.association_id)
    if association is not None:
        failed = msgspec.structs.replace(_resolved(association), failed_start=reason, held_since_ms=None)
        await save_overview(tx, failed)


async def skip(tx: Transaction, execution: ExecutionRow) -> None:
    """Its calendars are closed: nothing runs, and the Overview keeps what it said (D29, D36)."""
    await close(tx, execution, "Skipped", "CalendarClosed")
    association = await store.lock(tx, execution.association_id)
    if association is not None:
        ran = association.resolved_version == association.version
        held_ms = association.held_since_ms or tx.now
        held = msgspec.structs.replace(association, resolved=int(ran), held_since_ms=held_ms)
        await save_overview(tx, held, "Skipped" if ran else None)


async def close(tx: Transaction, execution: ExecutionRow, status: str, detail: str) -> None:
    """Give an execution without a command its final status."""
    closed = msgspec.structs.replace(execution, phase="closed", status=status, detailed_status=detail, ended_ms=tx.now)
    closed = await strip_keeping.keep(tx, closed, 0)
    await store.save_execution(tx, execution, closed)
    tx.record(ExecutionChanged(execution, closed))


async def resolved(tx: Transaction, execution: ExecutionRow, command_id: str) -> None:
    """All targets of an execution are known: nodes that are no targets any more leave the counts (LIF-04)."""
    association = await store.lock(tx, execution.association_id)
    if association is None:
        return
    association = msgspec.structs.replace(_resolved(association), failed_start=None, held_since_ms=None)
    if execution.scope_nodes is None:
        while gone := await store.absent_nodes(tx, association.association_id, execution.number, command_id, 500):
            for row in gone:
                association = await _forget(tx, association, row)
    await save_overview(tx, association)


async def note_statuses(tx: Transaction, association: AssociationRow, rows: Sequence[NodeStatusRow]) -> AssociationRow:
    """The latest statuses on nodes move the counters; of an older execution's news only its letter shows."""
    known = await store.node_statuses(tx, association.association_id, [row.node_id for row in rows])
    first = list(dict.fromkeys(row.node_id for row in rows if row.node_id not in known))
    association, slots = await strip_keeping.with_slots(tx, association, first)
    moves: list[tuple[NodeStatusRow | None, NodeStatusRow]] = []
    for news in rows:
        before = known.get(news.node_id)
        row = standing.advanced(before, news, tx.now)
        if before is None:
            row = msgspec.structs.replace(row, slot=slots[row.node_id])
        if row == before:
            continue
        known[row.node_id] = row
        if before is None or (before.status, before.detailed_status) != (row.status, row.detailed_status):
            tx.record(NodeStatusChanged(before, row))
        moves.append((before, row))
    first_rows, changes = _written(moves)
    await store.add_node_statuses(tx, first_rows)
    await store.save_node_statuses(tx, changes)
    return _moved(association, moves)


def _written(
    moves: Sequence[tuple[NodeStatusRow | None, NodeStatusRow]],
) -> tuple[list[NodeStatusRow], list[tuple[NodeStatusRow, NodeStatusRow]]]:
    """What moves mean for the table: rows that are new, each as it is at last, and changes of rows that are there."""
    first: dict[str, NodeStatusRow] = {}
    changes: list[tuple[NodeStatusRow, NodeStatusRow]] = []
    for before, after in moves:
        if before is None or after.node_id in first:
            first[after.node_id] = after
        else:
            changes.append((before, after))
    return list(first.values()), changes


async def forget_node(tx: Transaction, association: AssociationRow, node_id: str) -> AssociationRow:
    """A node is no target of the association any more; its history stays (LIF-04)."""
    row = await store.node_status(tx, association.association_id, node_id)
    return association if row is None else await _forget(tx, association, row)


async def save_overview(tx: Transaction, association: AssociationRow, detail: str | None = None) -> AssociationRow:
    """Write an association with its Overview rolled up from its counters; `detail` overrides DetailedStatus.

    The row comes with the Overview that is stored: nothing else sets it.
    """
    status, rolled_up = rollup.overview(
        rollup.counts_of(association), resolved=bool(association.resolved), failed_start=association.failed_start
    )
    detail = detail or rolled_up
    after = msgspec.structs.replace(association, overview_status=status, overview_detail=detail)
    after = standing.stood(after, tx.now)
    await store.save(tx, after)
    if (association.overview_status, association.overview_detail) != (status, detail):
        tx.record(OverviewChanged(association, after))
    return after


def first_due(definition: Definition, anchor_ms: int) -> int | None:
    """When the schedule of a definition fires first, after its creation or update at `anchor_ms` (spec 2.3, 3.5, D9).

    A moment in the past with ApplyOnlyAtCronInterval fires at once.
    """
    expression = definition.get("ScheduleExpression")
    if expression is None:
        return None
    due = next_due(parse(expression), anchor_ms, anchor_ms, definition.get("ScheduleOffset", 0))
    if due is None and definition.get("ApplyOnlyAtCronInterval"):
        return anchor_ms
    return due


async def fire(tx: Transaction, association_id: str) -> None:
    """A scheduled time has come: supersede, open, and note the next time. Missed times run once (D10), none while it is
    paused (D64).
    """
    association = await store.lock(tx, association_id)
    if association is None or association.deleted_ms is not None or association.next_due_ms is None:
        return
    if association.next_due_ms > tx.now:
        return
    definition = (await store.current(tx, association)).members()
    dues, following = _due_times(definition, association.next_due_ms, association.anchor_ms, tx.now)
    association = msgspec.structs.replace(association, next_due_ms=following)
    if association.is_paused:
        association = pauses.with_passed(association, dues)
    else:
        await supersede(tx, association, "schedule")
        association, _ = await open_execution(tx, association, f"due:{dues[-1]}", "schedule")
    await store.save(tx, association)
    tx.record(ScheduleChanged(association_id))


async def run_again(tx: Transaction, association: AssociationRow, cause: str) -> None:
    """Its document or a parameter has changed: like an update, running nodes finish, the rest starts afresh (D31).

    A change that comes before an execution for such a change, or for the association's own new version, has found its
    targets joins it. While the association is paused the change only waits for the end of that (D64).
    """
    if association.is_paused:
        await store.save(tx, pauses.with_held(association, cause))
        return
    unfinished = await store.unfinished(tx, association.association_id)
    own = f"version:{association.version}"
    if any(row.phase == "opened" and (row.cause == own or row.cause.startswith(JOINED)) for row in unfinished):
        return
    await stop_unstarted(tx, association, "updated", "change")
    await open_execution(tx, association, cause, "change")


async def release_waiting(tx: Transaction, association_id: str) -> None:
    """An execution has closed: what waited for its slots may open (D30)."""
    for execution in await store.unfinished(tx, association_id):
        if execution.phase == "waiting":
            opened = msgspec.structs.replace(execution, phase="opened")
            await store.save_execution(tx, execution, opened)
            tx.record(ExecutionChanged(execution, opened))


async def has_no_free_slot(tx: Transaction, association: AssociationRow, definition: Definition) -> bool:
    """Whether an explicit MaxConcurrency is used up by an execution at work (D30)."""
    if "MaxConcurrency" not in definition:
        return False
    for execution in await store.unfinished(tx, association.association_id):
        command = None if execution.command_id is None else await command_store.command(tx, execution.command_id)
        if command is None or (command.phase == "running" and command.in_flight >= command.concurrency_limit):
            return True
    return False


def _due_times(definition: Definition, due_ms: int, anchor_ms: int, now_ms: int) -> tuple[list[int], int | None]:
    """Every due time up to now, from one that is due, and the one after them."""
    schedule, offset_days = parse(definition["ScheduleExpression"]), definition.get("ScheduleOffset", 0)
    dues, following = [due_ms], next_due(schedule, due_ms, anchor_ms, offset_days)
    while following is not None and following <= now_ms:
        dues.append(following)
        following = next_due(schedule, following, anchor_ms, offset_days)
    return dues, following


def _resolved(association: AssociationRow) -> AssociationRow:
    return msgspec.structs.replace(association, resolved=1, resolved_version=association.version)


async def _forget(tx: Transaction, association: AssociationRow, row: NodeStatusRow) -> AssociationRow:
    await store.forget_node(tx, row.association_id, row.node_id)
    tx.record(NodeStatusChanged(row, None))
    return _moved(association, [(row, None)])


def with_run(recent: str, execution: ExecutionRow) -> str:
    """The letters of an association's last runs with this one; runs on some nodes only do not show there."""
    if execution.scope_nodes is not None:
        return recent
    return letters.noted(recent, execution.number, letters.of(execution.status))


def _moved(
    association: AssociationRow, moves: Sequence[tuple[NodeStatusRow | None, NodeStatusRow | None]]
) -> AssociationRow:
    """The counters after rows changed; None: the association did, or does, not stand on that node."""
    counts = {name: getattr(association, name) for name in (*rollup.COUNTERS.values(), "bad_nodes", "owed_nodes")}
    for before, after in moves:
        if before is None or after is None or before.status != after.status:
            for row, sign in ((before, -1), (after, 1)):
                if row is not None:
                    counts[rollup.COUNTERS[row.status]] += sign
        counts["bad_nodes"] += standing.is_bad(after) - standing.is_bad(before)
        counts["owed_nodes"] += standing.is_owed(after) - standing.is_owed(before)
    return msgspec.structs.replace(association, **counts)
