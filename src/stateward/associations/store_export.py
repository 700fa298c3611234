"""Reading the history whole, page by page, from the views that are documented for others too."""

from __future__ import annotations

import msgspec

from stateward.access.principals import Scope
from stateward.storage import Snapshot


class ExecutionLine(msgspec.Struct, frozen=True):
    """One execution; instants in ms, counters None for one that never found its targets."""

    association_id: str
    association_name: str | None
    document_name: str | None
    document_version: str | None
    execution_id: str
    number: int
    association_version: int
    cause: str
    started_by: str
    parent_id: str | None
    status: str
    detailed_status: str
    created_ms: int
    last_execution_ms: int | None
    ended_ms: int | None
    command_id: str | None
    target_count: int | None
    success: int | None
    failed: int | None
    timed_out: int | None
    cancelled: int | None
    skipped: int | None
    pending: int | None
    in_progress: int | None


class TargetLine(msgspec.Struct, frozen=True):
    """One target of an execution; `position` is its place in the order of release."""

    association_id: str
    execution_id: str
    number: int
    command_id: str
    position: int
    resource_id: str
    resource_type: str
    status: str
    detailed_status: str
    ended_by: str | None
    ended_by_who: str | None
    requested_ms: int
    released_ms: int | None
    sent_ms: int | None
    acknowledged_ms: int | None
    ended_ms: int | None


class StepLine(msgspec.Struct, frozen=True):
    """One step on one node, without what it printed."""

    association_id: str
    execution_id: str
    number: int
    command_id: str
    resource_id: str
    step_name: str
    position: int
    plugin: str
    status: str
    code: int
    started_ms: int | None
    ended_ms: int | None


class StepOutputLine(StepLine, frozen=True):
    """One step with what it printed."""

    standard_output: str
    standard_error: str


class OwnerRow(msgspec.Struct, frozen=True):
    """The next association that has executions, and whose it is."""

    association_id: str
    account_id: str
    region: str


_E = ", ".join(ExecutionLine.__struct_fields__)
_T = ", ".join(TargetLine.__struct_fields__)
_S = ", ".join(StepLine.__struct_fields__)
_O = ", ".join(StepOutputLine.__struct_fields__)

NEXT_ASSOCIATION = """
SELECT association_id, account_id, region FROM executions WHERE association_id > $1 ORDER BY association_id LIMIT 1
"""

EXECUTIONS = f"""
SELECT {_E} FROM history_executions
 WHERE association_id = $1 AND created_ms >= $2 AND created_ms < $3 AND (created_ms, number) > ($4, $5)
 ORDER BY created_ms, number LIMIT $6
"""

EXECUTION = f"""
SELECT {_E} FROM history_executions WHERE association_id = $1 AND number = $2
"""

TARGETS = f"""
SELECT {_T} FROM history_targets WHERE command_id = $1 AND position > $2 ORDER BY position LIMIT $3
"""

STEPS = f"""
SELECT {_S} FROM history_steps
 WHERE command_id = $1 AND (resource_id, step_name) > ($2, $3) ORDER BY resource_id, step_name LIMIT $4
"""

STEPS_WITH_OUTPUT = f"""
SELECT {_O} FROM history_steps
 WHERE command_id = $1 AND (resource_id, step_name) > ($2, $3) ORDER BY resource_id, step_name LIMIT $4
"""


async def next_association(tx: Snapshot, scope: Scope, after: str) -> str | None:
    """The next association of a scope that has executions, by id; also one that was deleted."""
    while True:
        row = await tx.row(OwnerRow, NEXT_ASSOCIATION, after)
        if row is None or (row.account_id, row.region) == scope:
            return None if row is None else row.association_id
        after = row.association_id


async def executions(
    tx: Snapshot, association_id: str, since_ms: int, until_ms: int, after: tuple[int, int], limit: int
) -> list[ExecutionLine]:
    """Executions created in [since, until), oldest first, behind (created_ms, number)."""
    return await tx.rows(ExecutionLine, EXECUTIONS, association_id, since_ms, until_ms, *after, limit)


async def execution(tx: Snapshot, association_id: str, number: int) -> ExecutionLine | None:
    """One execution."""
    return await tx.row(ExecutionLine, EXECUTION, association_id, number)


async def targets(tx: Snapshot, command_id: str, after: int, limit: int) -> list[TargetLine]:
    """Targets of the execution that a command belongs to, behind a position."""
    return await tx.rows(TargetLine, TARGETS, command_id, after, limit)


async def steps(tx: Snapshot, command_id: str, after: tuple[str, str], limit: int) -> list[StepLine]:
    """Steps of the execution that a command belongs to, behind (node, step)."""
    return await tx.rows(StepLine, STEPS, command_id, *after, limit)


async def steps_with_output(tx: Snapshot, command_id: str, after: tuple[str, str], limit: int) -> list[StepOutputLine]:
    """The same, with what the steps printed."""
    return await tx.rows(StepOutputLine, STEPS_WITH_OUTPUT, command_id, *after, limit)
