"""From iCalendar text to the times of its events; the libraries for that are loaded here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import icalendar
import recurring_ical_events

from stateward.calendars import calendar
from stateward.calendars.calendar import YEAR_MS, Calendar, InvalidCalendar, Span

MOST_OCCURRENCES = 10_000
CALENDAR_TYPES = ("DEFAULT_OPEN", "DEFAULT_CLOSED")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Events without a zone are looked for a little wider, since no zone is further from UTC than this.
MARGIN = timedelta(days=2)
SHOWN = 160


def expand(text: str, from_ms: int, to_ms: int, *, thorough: bool = False) -> Calendar:
    """Work out a calendar from one instant to another. Raises InvalidCalendar.

    `thorough` also tries the year in which its last series begins, if that lies ahead: it is the fullest.
    """
    parsed = _parsed(text)
    found = _expanded(parsed, from_ms, to_ms)
    if thorough:
        latest_ms = _latest_start(parsed)
        if latest_ms is not None and latest_ms + YEAR_MS > to_ms:
            _expanded(parsed, latest_ms, latest_ms + YEAR_MS)
    return found


def _parsed(text: str) -> icalendar.Calendar:
    try:
        parsed = icalendar.Calendar.from_ical(text)
    except Exception as error:  # the library raises many kinds, none of them about anything but the text
        raise InvalidCalendar(f"The content is no iCalendar text: {_shown(error)}") from error
    if parsed.name != "VCALENDAR":
        raise InvalidCalendar(f"The content is no iCalendar text: it begins with {parsed.name}, not VCALENDAR")
    if str(parsed.get("X-CALENDAR-TYPE", "")).strip() not in CALENDAR_TYPES:
        raise InvalidCalendar(f"X-CALENDAR-TYPE must be {' or '.join(CALENDAR_TYPES)}")
    for component in parsed.walk():
        for member, problem in component.errors:
            raise InvalidCalendar(f"{component.name}: {member}: {_shown(problem)}")
    zone = _zone(parsed)
    for event in parsed.walk("VEVENT"):
        _check(event, zone)
    return parsed


def _check(event: Any, zone: tzinfo) -> None:
    if "DTSTART" not in event:
        raise InvalidCalendar("VEVENT: an event without DTSTART")
    for member, values in event.items():
        for value in values if isinstance(values, list) else [values]:
            name = getattr(value, "params", {}).get("TZID")
            instant = getattr(value, "dt", None)
            if name is not None and isinstance(instant, datetime) and instant.tzinfo is None:
                raise InvalidCalendar(f"VEVENT: {member}: the time zone {_shown(name)} is not known")
    if "DTEND" in event and _ms(event["DTEND"].dt, zone) < _ms(event["DTSTART"].dt, zone):
        raise InvalidCalendar("VEVENT: DTEND lies before DTSTART")


def _expanded(parsed: icalendar.Calendar, from_ms: int, to_ms: int) -> Calendar:
    try:
        events = list(_events(parsed, from_ms, to_ms))
    except InvalidCalendar:
        raise
    except Exception as error:  # as above
        raise InvalidCalendar(f"The events cannot be worked out: {_shown(error)}") from error
    opens = str(parsed["X-CALENDAR-TYPE"]).strip() == "DEFAULT_OPEN"
    return calendar.from_events(events, opens_by_default=opens, from_ms=from_ms, to_ms=to_ms)


def _events(parsed: icalendar.Calendar, from_ms: int, to_ms: int) -> Iterator[Span]:
    zone = _zone(parsed)
    start, end = _instant(from_ms, -MARGIN), _instant(to_ms, MARGIN)
    found = recurring_ical_events.of(parsed).between(start, end)
    if len(found) > MOST_OCCURRENCES:
        raise InvalidCalendar(f"The events occur {len(found)} times in a year, at most {MOST_OCCURRENCES} are allowed")
    for event in found:
        if str(event.get("STATUS", "")).upper() != "CANCELLED":
            yield _ms(event.start, zone), _ms(event.end, zone)


def _latest_start(parsed: icalendar.Calendar) -> int | None:
    zone = _zone(parsed)
    starts: list[Any] = [event["DTSTART"] for event in parsed.walk("VEVENT")]
    return max((_ms(start.dt, zone) for start in starts), default=None)


def _zone(parsed: icalendar.Calendar) -> tzinfo:
    """Where times without a zone, and whole days, are at home."""
    name = str(parsed.get("X-WR-TIMEZONE", "UTC")).strip()
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidCalendar(f"X-WR-TIMEZONE: the time zone {_shown(name)} is not known") from None


def _ms(value: date | datetime, zone: tzinfo) -> int:
    instant = value if isinstance(value, datetime) else datetime.combine(value, time())
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=zone)
    return (instant - EPOCH) // timedelta(milliseconds=1)


def _instant(ms: int, margin: timedelta) -> datetime:
    try:
        return EPOCH + timedelta(milliseconds=ms) + margin
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if ms > 0 else datetime.min.replace(tzinfo=UTC)


def _shown(what: object) -> str:
    text = " ".join(str(what).split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
