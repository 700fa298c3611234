"""The life of a command inside transactions: targets come, are released, change, end.

Every change of an invocation goes through `apply`, which keeps the command's counters true in the same write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from stateward import ids
from stateward.commands import ending, errors, rate_control, rollup, store, store_errors
from stateward.commands.facts import CommandChanged, InvocationChanged, NodeFreed
from stateward.commands.opening import NewCommand
from stateward.commands.rows import CommandRow, InvocationRow
from stateward.storage import Transaction

SLICE = 500

Change = tuple[InvocationRow | None, InvocationRow]


async def open_command(tx: Transaction, new: NewCommand) -> None:
    """Write a new command; its targets follow with `add_targets`, then `start`."""
    await store.add_command(tx, new.row, new.content, new.parameters, new.resolved_parameters)
    tx.record(CommandChanged(None, new.row))


async def apply(
    tx: Transaction, command: CommandRow, changes: Sequence[Change], stored: CommandRow | None = None
) -> CommandRow:
    """Write invocations as they are after a change, the counters with them, and announce it all.

    Rows that are new (before is None) were written by the caller. What failed is put into its group of errors.
    `stored`: the command's row as it lies there, where `command` has changes of the caller already.
    """
    changes = await _with_errors(tx, command, changes)
    await store.save_invocations(tx, [(before, after) for before, after in changes if before is not None])
    ended = [
        after
        for before, after in changes
        if before is not None and not before.is_final and after.is_final and after.sent_ms is not None
    ]
    if ended:
        await store.offer_refused(tx, [after.resource_id for after in ended])
    freed = [after.resource_id for after in ended if after.association_id is not None]
    if freed:
        await store.restart_waiting(tx, freed)
    for before, after in changes:
        tx.record(InvocationChanged(before, after))
    return await _save(tx, stored or command, rollup.settled(rollup.counted(command, changes), tx.now))


async def _with_errors(tx: Transaction, command: CommandRow, changes: Sequence[Change]) -> Sequence[Change]:
    """The changes, with what those failed of that failed now; their steps were written before."""
    failed = [
        after
        for before, after in changes
        if errors.is_failure(after) and (before is None or not before.is_final) and after.error_key is None
    ]
    if not failed:
        return changes
    steps = await store_errors.failed_steps(tx, command.command_id, [row.resource_id for row in failed])
    failures = {row.resource_id: errors.failure(row, steps.get(row.resource_id, ())) for row in failed}
    await store_errors.count(tx, command.command_id, failures)
    return [
        (before, msgspec.structs.replace(after, error_key=failures[after.resource_id].key))
        if after.resource_id in failures
        else (before, after)
        for before, after in changes
    ]


async def add_targets(tx: Transaction, command_id: str, node_ids: Sequence[str]) -> bool:
    """Append targets in release order; False when the command is no longer taking any."""
    command = await store.lock_command(tx, command_id)
    if command is None or command.phase != "resolving":
        return False
    there = {row.resource_id for row in await store.invocations_named(tx, command_id, node_ids)}
    fresh = [node_id for node_id in node_ids if node_id not in there]  # an interrupted resolution goes on
    rows = [
        InvocationRow(
            command_id=command.command_id,
            resource_id=node_id,
            resource_type="ManagedInstance",
            account_id=command.account_id,
            region=command.region,
            association_id=command.association_id,
            execution_number=command.execution_number,
            requested_ms=command.requested_ms,
            position=position,
        )
        for position, node_id in enumerate(fresh, command.target_count)
    ]
    await store.add_invocations(tx, rows)
    await apply(tx, command, [(None, row) for row in rows])
    return True


async def start(tx: Transaction, command_id: str) -> None:
    """All targets are known: fix the limits (percentages are of the resolved targets) and begin."""
    command = await store.lock_command(tx, command_id)
    if command is None or command.phase != "resolving":
        return
    running = msgspec.structs.replace(
        command,
        phase="running",
        concurrency_limit=rate_control.concurrency_allowed(command.max_concurrency, command.target_count),
        error_limit=rate_control.errors_allowed(command.max_errors, command.target_count),
    )
    await _save(tx, command, rollup.settled(running, tx.now))


async def release(tx: Transaction, command_id: str) -> None:
    """Release what rate control allows, at most one slice; stop the command when it had too many errors."""
    command = await store.lock_command(tx, command_id)
    if command is None or command.phase != "running":
        return
    plan = rate_control.release(command.progress)
    if plan.stop:
        await begin_ending(tx, command_id, "errors", None)
        return
    rows = await store.unreleased(tx, command_id, min(plan.count, SLICE))
    first = command
    if command.first_released_ms is None:
        cut_off_ms = None if command.duration_ms is None else tx.now + command.duration_ms
        first = msgspec.structs.replace(command, first_released_ms=tx.now, cut_off_ms=cut_off_ms)
    changes: list[Change] = [
        (row, msgspec.structs.replace(row, released_ms=tx.now, expires_ms=tx.now + command.allowance_ms))
        for row in rows
    ]
    await apply(tx, first, changes, stored=command)


async def begin_ending(
    tx: Transaction, command_id: str, reason: str, who: str | None, alarm_state: str | None = None
) -> None:
    """Cut a command short; its invocations follow in slices (`end_slice`), so that this costs the same for any size.

    `alarm_state` is what its alarm said when the reason is `alarm`.
    """
    command = await store.lock_command(tx, command_id)
    if command is None or command.phase == "closed":
        return
    if command.phase in ("ending", "draining") and reason not in ending.STOPS_RUNNING:
        return
    cut = msgspec.structs.replace(
        command, phase="ending", ending=reason, ending_who=who, alarm_state=alarm_state, cut_off_ms=None
    )
    if command.phase == "resolving":
        cut = msgspec.structs.replace(
            cut,
            concurrency_limit=rate_control.concurrency_allowed(command.max_concurrency, command.target_count),
            error_limit=rate_control.errors_allowed(command.max_errors, command.target_count),
        )
    await _save(tx, command, rollup.settled(cut, tx.now))


async def end_slice(tx: Transaction, command_id: str) -> None:
    """Deal with the next invocations of an ending command; when none are left it drains."""
    command = await store.lock_command(tx, command_id)
    if command is None or command.phase != "ending" or command.ending is None:
        return
    reason = command.ending
    also_running = reason in ending.STOPS_RUNNING
    rows = await store.to_end(tx, command_id, also_running=also_running, limit=SLICE)
    if not rows:
        draining = msgspec.structs.replace(command, phase="draining")
        await _save(tx, command, rollup.settled(draining, tx.now))
        return
    ended = [(row, ending.ended(row, reason, command.ending_who, tx.now, ids.new_uuid())) for row in rows]
    await apply(tx, command, [(before, after) for before, after in ended if after is not None])


async def change_one(
    tx: Transaction, command_id: str, resource_id: str, change: Callable[[InvocationRow], InvocationRow | None]
) -> InvocationRow | None:
    """Lock, read, decide, write one invocation; the row after it, or None when there is none or nothing changed."""
    command = await store.lock_command(tx, command_id)
    if command is None:
        return None
    before = await store.invocation(tx, command_id, resource_id)
    if before is None:
        return None
    after = change(before)
    if after is None or after == before:
        return None
    await apply(tx, command, [(before, after)])
    return after


async def change_many(
    tx: Transaction,
    command_id: str,
    resource_ids: Sequence[str],
    change: Callable[[InvocationRow], InvocationRow | None],
) -> list[InvocationRow]:
    """The same for many invocations of one command at once; the rows after it, of those that changed."""
    command = await store.lock_command(tx, command_id)
    if command is None:
        return []
    rows = await store.invocations_named(tx, command_id, resource_ids)
    pairs = [(before, after) for before in rows if (after := change(before)) is not None and after != before]
    await apply(tx, command, pairs)
    return [after for _, after in pairs]


async def free_node(tx: Transaction, command_id: str, node_id: str) -> None:
    """The grace of a superseded run is over: its node may have the next run (D4)."""
    row = await store.invocation(tx, command_id, node_id)
    if row is not None and row.busy_until_ms is not None:
        await store.save_invocation(tx, row, msgspec.structs.replace(row, busy_until_ms=None))
        tx.record(NodeFreed(node_id))


async def _save(tx: Transaction, before: CommandRow, after: CommandRow) -> CommandRow:
    if after != before:
        await store.save_command(tx, before, after)
        tx.record(CommandChanged(before, after))
    return after
