"""Work of a step that is no process: given up at the step's time-out and when the command is interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from stateward.agent.plugins.step import KILLED_CODE, RESTARTED, RESTARTED_CODE, StepEnd, StepSetting

_Result = TypeVar("_Result")


class CalledOff(Exception):
    """The work was given up; `end` is how the step ends."""

    def __init__(self, end: StepEnd) -> None:
        super().__init__(end.status)
        self.end = end


async def unless_called_off(work: Coroutine[Any, Any, _Result], setting: StepSetting) -> _Result:
    """The result of some work, or CalledOff."""
    task = asyncio.ensure_future(work)
    called = asyncio.ensure_future(setting.interruption.called())
    try:
        await asyncio.wait((task, called), timeout=setting.timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise CalledOff(end_of(setting.interruption.reason))
    finally:
        task.cancel()
        called.cancel()
        await asyncio.gather(task, called, return_exceptions=True)


def end_of(interrupted: str) -> StepEnd:
    """How a step ends that was called off for this reason; without one, its time was over."""
    if interrupted == "stop":
        return StepEnd("Failed", RESTARTED_CODE, standard_error=RESTARTED)
    return StepEnd("Cancelled" if interrupted == "cancel" else "TimedOut", KILLED_CODE)
