"""How far an execution has come, and how long it may still take (console 3)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from stateward.access.call import Answer, Call
from stateward.associations import execution_calls, rollup, store_runs
from stateward.associations.execution_calls import OneExecution
from stateward.associations.rows import ExecutionRow
from stateward.commands import store as commands
from stateward.commands import store_errors, store_progress
from stateward.commands.rows import CommandRow, InvocationRow
from stateward.commands.store_errors import ErrorGroupRow
from stateward.wire.protocol import iso8601

PAST_RUNS = 20
FIRST_FAILURES = 10


def usual_ms(took: Sequence[int]) -> int | None:
    """What runs usually take: the median of earlier ones; None where there was none."""
    return round(median(took)) if took else None


def remaining_ms(usual: int | None, elapsed_ms: int, finished: int, total: int) -> int | None:
    """How long a run may still take.

    What is left of the usual time; once that is over, by the pace of this run; None where neither says anything.
    """
    if usual is not None and elapsed_ms < usual:
        return usual - elapsed_ms
    if not finished or not elapsed_ms:
        return None
    return round(elapsed_ms * (total - finished) / finished)


async def get_execution_progress(call: Call, wanted: OneExecution) -> Answer:
    """Status, phase, counts, slots, error limit, times, the time that may be left, the first failures."""
    async with call.reading() as tx:
        execution = await execution_calls.execution_of(tx, call.scope, wanted.execution)
        took = await store_runs.took(tx, execution.association_id, execution.number, PAST_RUNS)
        command, failed = None, []
        if execution.command_id is not None:
            command = await commands.command(tx, execution.command_id)
            failed = await store_progress.first_failed(tx, execution.command_id, FIRST_FAILURES)
        now_ms = tx.now
    body = _execution(execution)
    if command is not None:
        body |= _command(command)
        body["first_failures"] = [_failure(row) for row in failed]
    return Answer(body | _times(execution, command, took, now_ms))


async def list_execution_errors(call: Call, wanted: OneExecution) -> Answer:
    """The execution's errors in groups, the largest first; at most fifty and `other`."""
    async with call.reading() as tx:
        execution = await execution_calls.execution_of(tx, call.scope, wanted.execution)
        found: list[ErrorGroupRow] = []
        if execution.command_id is not None:
            found = await store_errors.groups(tx, execution.command_id)
    groups = [
        {
            "error": row.error_key,
            "step": row.step_name,
            "exit_code": row.exit_code,
            "sample": row.sample,
            "nodes": row.targets,
            "first_node": row.first_resource_id,
        }
        for row in found
    ]
    return Answer({"execution": execution.execution_id, "errors": groups})


def _execution(row: ExecutionRow) -> dict[str, Any]:
    return {
        "execution": row.execution_id,
        "association": row.association_id,
        "number": row.number,
        "version": row.association_version,
        "cause": row.cause,
        "by": row.started_by,
        "parent": row.parent_id,
        "partial": row.scope_nodes is not None,
        "phase": row.phase,
        "status": row.status,
        "detailed_status": row.detailed_status,
        "counts": {},
        "targets": 0,
        "first_failures": [],
    }


def _command(row: CommandRow) -> dict[str, Any]:
    return {
        "counts": rollup.counts_of(row),
        "targets": row.target_count,
        "finished": row.finished,
        "document": row.document_name,
        "document_version": row.resolved_version,
        "not_released": row.target_count - row.released,
        "slots": {"in_use": row.in_flight, "of": row.concurrency_limit, "asked": row.max_concurrency},
        "errors": {"counted": row.errors, "allowed": row.error_limit, "asked": row.max_errors},
        "ending": row.ending,
        "ending_by": row.ending_who,
    }


def _times(execution: ExecutionRow, command: CommandRow | None, took: Sequence[int], now_ms: int) -> dict[str, Any]:
    started_ms, ended_ms = execution.last_execution_ms, execution.ended_ms
    elapsed = None if started_ms is None else (now_ms if ended_ms is None else ended_ms) - started_ms
    usual = None if execution.scope_nodes is not None else usual_ms(took)
    left = None
    if ended_ms is None and elapsed is not None and command is not None:
        left = remaining_ms(usual, elapsed, command.finished, command.target_count)
    return {
        "created": iso8601(execution.created_ms),
        "started": None if started_ms is None else iso8601(started_ms),
        "ended": None if ended_ms is None else iso8601(ended_ms),
        "elapsed_ms": elapsed,
        "usual_ms": usual,
        "remaining_ms": left,
    }


def _failure(row: InvocationRow) -> dict[str, Any]:
    return {
        "node": row.resource_id,
        "status": row.status,
        "detailed_status": row.status_details,
        "error": row.error_key,
        "ended": None if row.ended_ms is None else iso8601(row.ended_ms),
    }
