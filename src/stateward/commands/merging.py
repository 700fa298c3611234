"""Merging reports into an invocation: at least once, in any order, nothing final undone (D7)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from stateward.commands import ending
from stateward.commands.reports import Report, StepReport
from stateward.commands.rows import InvocationRow, StepRow

LAST_STEP_WAIT_MS = 5_000
REBOOTS = frozenset({"SuccessAndReboot", "PassedAndReboot"})


class Merge(msgspec.Struct, frozen=True):
    """What a report changes: the invocation, and the steps to be stored."""

    row: InvocationRow
    steps: tuple[StepRow, ...]


def merge(
    row: InvocationRow,
    report: Report,
    step_names: Sequence[str],
    final_steps: Collection[str],
    now_ms: int,
    wall_ms: int,
) -> Merge:
    """Apply one report.

    `step_names` are the document's steps in order (others are dropped), `final_steps` those already stored with a
    final status. A final document status closes the invocation when all the steps that it counts have come, else
    the row notes until when to wait for them.
    """
    news = [step for step in report.steps if step.name in step_names and step.name not in final_steps]
    steps = tuple(_row(row, step, step_names.index(step.name)) for step in news)
    have = len(set(final_steps) | {step.name for step in news if step.status not in REBOOTS})
    if report.is_final:
        row = msgspec.structs.replace(
            row, reported_status=report.document_status, steps_expected=min(report.steps_counted, len(step_names))
        )
    if row.reported_status is None:
        return Merge(_begun(row, now_ms), steps)
    if have >= (row.steps_expected or 0):
        return Merge(ending.reported(row, row.reported_status, now_ms), steps)
    if row.is_final:
        return Merge(row, steps)
    wait = row.close_by_wall_ms or wall_ms + LAST_STEP_WAIT_MS
    return Merge(msgspec.structs.replace(_begun(row, now_ms), close_by_wall_ms=wait), steps)


def _begun(row: InvocationRow, now_ms: int) -> InvocationRow:
    if row.status != "Pending":
        return row
    return msgspec.structs.replace(
        row, status="InProgress", status_details="InProgress", acknowledged_ms=row.acknowledged_ms or now_ms
    )


def _row(row: InvocationRow, step: StepReport, position: int) -> StepRow:
    return StepRow(
        command_id=row.command_id,
        resource_id=row.resource_id,
        step_name=step.name,
        position=position,
        plugin=step.plugin,
        status=step.status,
        code=step.code,
        started_ms=step.started_ms,
        ended_ms=step.ended_ms,
        output=step.output,
        standard_output=step.standard_output,
        standard_error=step.standard_error,
    )
