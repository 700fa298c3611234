"""What a step had printed when its agent was killed: its report has nothing of that, the live output has (D27, D58)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from stateward.agent import output
from stateward.commands import store_output
from stateward.commands.rows import StepRow
from stateward.commands.store_output import StreamKey
from stateward.scripted.outcomes import RESTARTED_CODE
from stateward.storage import Snapshot

MOST_BYTES = output.STREAM_BYTES


async def completed(tx: Snapshot, steps: Iterable[StepRow]) -> list[StepRow]:
    """The steps; those whose agent was started again have what came of their output, and behind it their report."""
    return [await _completed(tx, step) if step.code == RESTARTED_CODE else step for step in steps]


async def _completed(tx: Snapshot, step: StepRow) -> StepRow:
    printed = joined(await _live(tx, step, "stdout"), step.standard_output)
    errors = joined(await _live(tx, step, "stderr"), step.standard_error)
    if (printed, errors) == (step.standard_output, step.standard_error):
        return step
    return msgspec.structs.replace(
        step, standard_output=printed, standard_error=errors, output=output.both(printed, errors)
    )


def joined(live: str, reported: str) -> str:
    """Live output, then the report; a report that tells the same output (the agent had time for it) stands alone."""
    if not live or reported.startswith(live):
        return reported
    if reported and not live.endswith("\n"):
        live += "\n"
    return live + reported


async def _live(tx: Snapshot, step: StepRow, stream: str) -> str:
    key = StreamKey(step.command_id, step.resource_id, step.step_name, stream)
    kept = await store_output.stream(tx, key)
    if kept is None:
        return ""
    data = await store_output.read(tx, key, 0, min(kept.head, MOST_BYTES))
    return data.decode(errors="replace")
