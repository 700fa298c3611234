"""Change calendars: open or closed now, when that changes, and when they are closed next."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from stateward.console.times import DAY_MS, machine
from stateward.console.visit import Page, Visit
from stateward.wire.errors import AwsError
from stateward.wire.protocol import parse_instant

MOST = 20
CHANGES_SHOWN = 8
STRIP_DAYS = 35
CALENDAR = [{"Key": "DocumentType", "Values": ["ChangeCalendar"]}]


class State(msgspec.Struct, frozen=True):
    """What a calendar says; `problem` where it can say nothing."""

    word: str
    changes_ms: int | None
    problem: str = ""


class Closed(msgspec.Struct, frozen=True):
    """A time in which changes are not allowed; None: not within the year."""

    from_ms: int
    to_ms: int | None


async def listing(visit: Visit) -> Response:
    filters = [*CALENDAR, {"Key": "Owner", "Values": ["Self"]}]
    found = await visit.ask("ListDocuments", Filters=filters, MaxResults=MOST, NextToken=visit.query("page") or None)
    names = [one["Name"] for one in found["DocumentIdentifiers"]]
    calendars = [(name, await state_at(visit, name, visit.now_ms)) for name in names]
    return visit.page("calendars.html", "Calendars", calendars=calendars, next_page=found.get("NextToken"))


async def one(visit: Visit) -> Response:
    """A calendar: now, a strip of five weeks, and the next times in which it is closed."""
    name = visit.path("name")
    state = await state_at(visit, name, visit.now_ms)
    closed = [] if state.problem else await closings(visit, name, state)
    today_ms = visit.now_ms - visit.now_ms % DAY_MS
    days = [(today_ms + day * DAY_MS, share(closed, today_ms + day * DAY_MS)) for day in range(STRIP_DAYS)]
    text = (await visit.ask("GetDocument", Name=name))["Content"]
    return visit.page("calendar.html", name, state=state, closed=closed, days=days, text=text)


async def state_at(visit: Visit, name: str, at_ms: int) -> State:
    try:
        found: dict[str, Any] = await visit.ask("GetCalendarState", CalendarNames=[name], AtTime=machine(at_ms))
    except AwsError as error:
        if "DoesNotExist" in error.code or error.code in ("InvalidDocument", "InvalidDocumentType"):
            raise
        return State("", None, error.message)
    change = found.get("NextTransitionTime")
    return State(found["State"], None if change is None else parse_instant(change))


async def closings(visit: Visit, name: str, now: State) -> list[Closed]:
    """The times in which the calendar is closed, from now on, as far as the next changes reach."""
    found: list[Closed] = []
    since_ms, state = visit.now_ms, now
    for _ in range(CHANGES_SHOWN):
        if state.word == "CLOSED":
            found.append(Closed(since_ms, state.changes_ms))
        if state.changes_ms is None:
            break
        since_ms = state.changes_ms
        state = await state_at(visit, name, since_ms)
    return found


def share(closed: list[Closed], day_ms: int) -> int:
    """How much of a day is closed, in hundredths."""
    end_ms = day_ms + DAY_MS
    spans = ((max(one.from_ms, day_ms), min(end_ms if one.to_ms is None else one.to_ms, end_ms)) for one in closed)
    return round(100 * sum(max(0, until - since) for since, until in spans) / DAY_MS)


PAGES = (
    Page("/calendars", listing),
    Page("/calendars/{name}", one),
)
