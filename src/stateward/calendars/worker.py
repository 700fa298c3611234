"""A program of its own that works out one calendar, so that a text which would take for ever can be stopped.

`python -m stateward.calendars.worker` reads a Question from standard input and writes an Answer to standard output.
"""

from __future__ import annotations

import resource
import signal
import sys
from contextlib import suppress

import msgspec

from stateward.calendars import expansion
from stateward.calendars.calendar import InvalidCalendar
from stateward.calendars.reading import Answer, Question

WORK_S = 1.0
MEMORY_BYTES = 1 << 30


def main() -> None:
    """Answer one question, or die of SIGPROF after a second of work (D36)."""
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    with suppress(OSError, ValueError):  # not every system lets it be limited
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    # The system's own time, so that a busy machine refuses nothing, and the signal's default, which no library catches.
    signal.setitimer(signal.ITIMER_PROF, WORK_S)
    sys.stdout.buffer.write(msgspec.json.encode(_answer(question)))


def _answer(question: Question) -> Answer:
    try:
        found = expansion.expand(question.text, question.from_ms, question.to_ms, thorough=question.thorough)
    except InvalidCalendar as error:
        return Answer(problem=str(error))
    return Answer(calendar=found)


if __name__ == "__main__":
    main()
