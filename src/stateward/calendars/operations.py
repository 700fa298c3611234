"""GetCalendarState (spec 6.7)."""

from __future__ import annotations

from stateward.access.call import Answer, Call, Request
from stateward.calendars.service import Calendars
from stateward.wire.errors import validation_error
from stateward.wire.protocol import iso8601, parse_instant

LATEST_MS = 250_000_000_000_000
"""A few decades before the calendar of the world ends, so that a year can be looked ahead."""


class CalendarOperations:
    """The operation on change calendars."""

    def __init__(self, calendars: Calendars) -> None:
        self._calendars = calendars

    async def get_calendar_state(self, call: Call, request: Request) -> Answer:
        """Whether changes are allowed at an instant, now unless AtTime says otherwise, and until when (CAL-01)."""
        names = request["CalendarNames"]
        if not names:
            raise validation_error("CalendarNames is empty: name at least one change calendar")
        async with call.reading() as tx:
            at_ms = tx.now
        if "AtTime" in request:
            at_ms = _instant(request["AtTime"])
        state = await self._calendars.states(call.scope, names, at_ms)
        body = {"State": "OPEN" if state.open else "CLOSED", "AtTime": _shown(at_ms)}
        if state.next_transition_ms is not None:
            body["NextTransitionTime"] = _shown(state.next_transition_ms)
        return Answer(body)


def _instant(text: str) -> int:
    try:
        at_ms = parse_instant(text)
    except ValueError as error:
        raise validation_error(f"AtTime: {error}; write an instant such as 2026-12-24T18:00:00Z") from None
    if not 0 <= at_ms <= LATEST_MS:
        raise validation_error(f"AtTime {text}: use an instant between 1970 and 9890")
    return at_ms


def _shown(ms: int) -> str:
    """ISO-8601 with seconds, as AWS shows the times of calendars."""
    return iso8601(ms - ms % 1000).replace(".000Z", "Z")
