"""How commands move the history: roll-up in the transaction of the change (design 1, 2)."""

from __future__ import annotations

import msgspec

from stateward.associations import lifecycle, rollup, store, strip_keeping
from stateward.associations.facts import ExecutionChanged
from stateward.associations.rows import AssociationRow, ExecutionRow, NodeStatusRow
from stateward.commands.facts import CommandChanged, InvocationChanged
from stateward.commands.rows import CommandRow, InvocationRow
from stateward.storage import Transaction


async def note_node_statuses(tx: Transaction, facts: list[InvocationChanged]) -> None:
    """Invocations of associations are the latest word on their nodes."""
    news: dict[str, list[NodeStatusRow]] = {}
    for fact in facts:
        row = fact.after
        if row.association_id is not None and row.execution_number is not None and _shows(fact):
            news.setdefault(row.association_id, []).append(_node_status(row))
    for association_id, rows in news.items():
        association = await store.lock(tx, association_id)
        if association is not None and association.deleted_ms is None:
            moved = await lifecycle.note_statuses(tx, association, rows)
            if moved != association:
                await lifecycle.save_overview(tx, moved)


async def roll_up(tx: Transaction, facts: list[CommandChanged]) -> None:
    """An execution is what its command's counters say."""
    newest: dict[str, CommandRow] = {fact.after.command_id: fact.after for fact in facts}
    stopped = {fact.after.command_id for fact in facts if fact.before is not None and fact.before.alarm_state is None}
    for command in newest.values():
        if command.association_id is None or command.execution_number is None:
            continue
        execution = await store.execution(tx, command.association_id, command.execution_number)
        if execution is None or execution.command_id != command.command_id:
            continue
        if command.alarm_state is not None and command.command_id in stopped:
            await _note_alarm(tx, command.association_id, command)
        after = _rolled_up(execution, command)
        if after.phase == "closed" and execution.phase != "closed":
            after = await strip_keeping.keep(tx, after, command.target_count)
        if after != execution:
            await store.save_execution(tx, execution, after)
            tx.record(ExecutionChanged(execution, after))


async def follow_executions(tx: Transaction, facts: list[ExecutionChanged]) -> None:
    """The association's dates and what lists show follow its executions; a closing lets waiting ones open."""
    for fact in facts:
        before, after = fact.before, fact.after
        closes = after.phase == "closed" and (before is None or before.phase != "closed")
        association = await store.lock(tx, after.association_id)
        if association is not None:
            dated = _dated(association, before, after)
            if before is not None:  # whoever opens one writes the association anyway
                dated = msgspec.structs.replace(
                    dated,
                    running=dated.running - int(closes),
                    recent=lifecycle.with_run(dated.recent, after),
                )
            if dated != association:
                await store.save(tx, dated)
        if closes:
            await lifecycle.release_waiting(tx, after.association_id)


def _shows(fact: InvocationChanged) -> bool:
    before, after = fact.before, fact.after
    return before is None or (before.status, before.status_details, before.released_ms) != (
        after.status,
        after.status_details,
        after.released_ms,
    )


def _node_status(row: InvocationRow) -> NodeStatusRow:
    assert row.association_id is not None, "only invocations of associations come here"
    assert row.execution_number is not None, "an association's invocation knows its execution"
    status = rollup.target_status(row.status)
    # Only what reached the node has run there: one that waits for its node shows nothing of it (D26).
    ran_ms = row.released_ms if row.sent_ms is not None and row.status != "Pending" else None
    return NodeStatusRow(
        association_id=row.association_id,
        node_id=row.resource_id,
        number=row.execution_number,
        status=status,
        detailed_status=row.status_details if status == row.status else status,
        last_run_ms=ran_ms,
        last_success_ms=ran_ms if status == "Success" else None,
        error_key=row.error_key,
    )


def _rolled_up(execution: ExecutionRow, command: CommandRow) -> ExecutionRow:
    if command.phase == "resolving":
        return execution
    started_ms = command.first_released_ms
    if started_ms is None and command.target_count == 0 and command.ending is None:
        started_ms = command.ended_ms  # without targets the resolution is the run (spec 1.1)
    status, detail = rollup.execution_status(
        rollup.counts_of(command), dispatched=command.first_released_ms is not None, ending=command.ending
    )
    closed = command.phase == "closed"
    return msgspec.structs.replace(
        execution,
        phase="closed" if closed else "running",
        status=status,
        detailed_status=detail,
        last_execution_ms=started_ms,
        ended_ms=command.ended_ms if closed else None,
    )


def _dated(association: AssociationRow, before: ExecutionRow | None, execution: ExecutionRow) -> AssociationRow:
    """The dates of an association after one of its executions has changed."""
    ran_ms = execution.last_execution_ms
    started = ran_ms is not None and (before is None or before.last_execution_ms != ran_ms)
    succeeded = execution.phase == "closed" and execution.status == "Success"
    if ran_ms is None or not (started or succeeded):
        return association
    return msgspec.structs.replace(
        association,
        last_execution_ms=max(association.last_execution_ms or 0, ran_ms),
        # An alarm shows until something is released again (D37).
        triggered_alarms=None if started else association.triggered_alarms,
        last_success_ms=max(association.last_success_ms or 0, ran_ms) if succeeded else association.last_success_ms,
    )


async def _note_alarm(tx: Transaction, association_id: str, command: CommandRow) -> None:
    association = await store.lock(tx, association_id)
    if association is not None:
        alarms = [{"Name": command.alarm_name, "State": command.alarm_state}]
        text = msgspec.json.encode(alarms).decode()
        await store.save(tx, msgspec.structs.replace(association, triggered_alarms=text))
