"""What is asked outside of transactions before an association may run: its calendars (spec 6.7, D36)."""

from __future__ import annotations

import msgspec

from stateward.access.principals import Scope
from stateward.associations.rows import Definition
from stateward.calendars.service import Calendars
from stateward.wire.errors import AwsError

LOOK_AGAIN_MS = 24 * 60 * 60 * 1000


class Verdict(msgspec.Struct, frozen=True):
    """Whether runs may start; else when that may change, or the reason why the question has no answer."""

    open: bool = True
    opens_ms: int | None = None
    problem: str | None = None


class CalendarGate:
    """Asks the calendars of definitions."""

    def __init__(self, calendars: Calendars) -> None:
        self._calendars = calendars

    async def ask(self, scope: Scope, definition: Definition, now_ms: int) -> Verdict:
        """The verdict on a definition now; without CalendarNames the gate stands open."""
        names = definition.get("CalendarNames")
        if not names:
            return Verdict()
        try:
            state = await self._calendars.states(scope, names, now_ms)
        except AwsError as error:
            # A calendar that is gone or cannot be read, whatever GetCalendarState calls it (D36).
            return Verdict(open=False, problem="InvalidDocument" if error.status < 500 else error.code)
        if state.open:
            return Verdict()
        return Verdict(open=False, opens_ms=state.next_transition_ms or now_ms + LOOK_AGAIN_MS)
