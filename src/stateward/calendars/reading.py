"""Working out a calendar in a process that can be stopped: no text makes the server wait (D36)."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import msgspec

from stateward.calendars.calendar import Calendar, InvalidCalendar

PATIENCE_S = 30.0
"""When to give up on a process that does not even get to its second of work."""

COMMAND = (sys.executable, "-P", "-m", "stateward.calendars.worker")
TOO_LONG = "The calendar takes more than a second to work out: use fewer events, or series that begin later or end"


class Question(msgspec.Struct, frozen=True):
    """A calendar's text and the span to work out, in ms; `thorough` as in `expansion.expand`."""

    text: str
    from_ms: int
    to_ms: int
    thorough: bool = False


class Answer(msgspec.Struct, frozen=True):
    """The calendar, or what is wrong with it."""

    calendar: Calendar | None = None
    problem: str | None = None


async def work_out(question: Question) -> Calendar:
    """The calendar that a text describes, over one span. Raises InvalidCalendar."""
    answer = await asyncio.to_thread(_ask, msgspec.json.encode(question))
    if answer.calendar is None:
        raise InvalidCalendar(answer.problem or TOO_LONG)
    return answer.calendar


def _ask(question: bytes) -> Answer:
    try:
        done = subprocess.run(COMMAND, input=question, capture_output=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return Answer(problem=TOO_LONG)
    if done.returncode < 0:
        return Answer(problem=TOO_LONG)
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise RuntimeError(f"a calendar could not be worked out: {lines[-1] if lines else done.returncode}")
    return msgspec.json.decode(done.stdout, type=Answer)
