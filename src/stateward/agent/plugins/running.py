"""A program that belongs to a step: journalled before it begins, ended by the step's time-out or an interruption."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from stateward.agent.output import STREAM_BYTES, Capture
from stateward.agent.plugins.step import StepSetting
from stateward.agent.processes import GatedProcess


class Ended(msgspec.Struct, frozen=True):
    """How a program ended: its exit code, negative for a signal."""

    code: int
    timed_out: bool
    standard_output: str
    standard_error: str
    overflowed: tuple[bool, bool]


async def run(
    program: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    setting: StepSetting,
    *,
    keep_bytes: int = STREAM_BYTES,
    live: bool = False,
) -> Ended:
    """Run a program to its end, its time-out or an interruption. Raises OSError, and ValueError for a NUL.

    `live`: its output is the step's, and shown while it runs.
    """
    also = setting.live.add if live and setting.live is not None else None
    captures = (
        Capture(keep_bytes, also and partial(also, "stdout")),
        Capture(keep_bytes, also and partial(also, "stderr")),
    )
    process = await GatedProcess.start(program, folder, environment, captures, setting.drains)
    try:
        setting.began(process.process_id, process.birth)
    except OSError as error:
        process.kill()
        await process.result()
        raise OSError(f"the journal cannot be written ({error})") from error
    process.release()
    timed_out = await _watched(process, setting)
    code = await process.result()
    output, errors = captures
    return Ended(code, timed_out, output.text(), errors.text(), (output.overflowed, errors.overflowed))


async def _watched(process: GatedProcess, setting: StepSetting) -> bool:
    """Wait for the end, or bring it about; whether the time-out did."""
    ended = asyncio.ensure_future(process.ended())
    called = asyncio.ensure_future(setting.interruption.called())
    try:
        await asyncio.wait((ended, called), timeout=setting.timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            return False
        timed_out = not called.done()
        process.kill()
        await ended
        return timed_out
    finally:
        # Also when this task is cancelled: no step outlives its agent unwatched.
        process.kill()
        ended.cancel()
        called.cancel()
