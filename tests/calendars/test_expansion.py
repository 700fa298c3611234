"""From iCalendar text to closed times, and what is no change calendar (spec 6.7, D36)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from calendar_texts import ms, text
from hypothesis import given, settings
from hypothesis import strategies as st

from stateward.calendars import calendar, expansion

START = ms("2026-01-01T00:00")
END = START + calendar.YEAR_MS + 90 * 86_400_000


def closed(content, from_ms=START):
    """The closed spans of a calendar, as pairs of ISO texts without seconds."""
    found = expansion.expand(content, from_ms, from_ms + END - START)
    return [
        tuple(datetime.fromtimestamp(at / 1000, UTC).strftime("%m-%dT%H:%M") for at in span) for span in found.closed
    ]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param("DTSTART:20260105T100000Z\nDTEND:20260105T113000Z", [("01-05T10:00", "01-05T11:30")], id="once"),
        pytest.param("DTSTART:20260105T100000Z\nDURATION:PT90M", [("01-05T10:00", "01-05T11:30")], id="by duration"),
        pytest.param("DTSTART:20260105T100000Z", [], id="without length"),
        pytest.param("DTSTART;VALUE=DATE:20260105", [("01-05T00:00", "01-06T00:00")], id="a whole day"),
        pytest.param(
            "DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260108", [("01-05T00:00", "01-08T00:00")], id="whole days"
        ),
        pytest.param("DTSTART:20260105T100000\nDURATION:PT1H", [("01-05T10:00", "01-05T11:00")], id="no zone is UTC"),
        pytest.param(
            "DTSTART;TZID=Europe/Berlin:20260105T100000\nDURATION:PT1H", [("01-05T09:00", "01-05T10:00")], id="a zone"
        ),
        pytest.param(
            "DTSTART:20260105T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260106T100000Z",
            [("01-05T10:00", "01-05T11:00"), ("01-07T10:00", "01-07T11:00")],
            id="but for an exception",
        ),
        pytest.param(
            "DTSTART:20260105T100000Z\nDURATION:PT1H\nRDATE:20260110T120000Z",
            [("01-05T10:00", "01-05T11:00"), ("01-10T12:00", "01-10T13:00")],
            id="and once more",
        ),
        pytest.param(
            "DTSTART:20260105T100000Z\nDURATION:PT24H\nRRULE:FREQ=DAILY;COUNT=3",
            [("01-05T10:00", "01-08T10:00")],
            id="occurrences that touch are one",
        ),
        pytest.param(
            "DTSTART:20260105T100000Z\nDURATION:PT48H\nRRULE:FREQ=DAILY;COUNT=2",
            [("01-05T10:00", "01-08T10:00")],
            id="occurrences that overlap are one",
        ),
        pytest.param(
            "DTSTART;TZID=Europe/Berlin:20260328T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2",
            [("03-28T09:00", "03-28T10:00"), ("03-29T08:00", "03-29T09:00")],
            id="a daily event keeps its local hour in summer",
        ),
        pytest.param("DTSTART:20260105T100000Z\nDURATION:PT1H\nSTATUS:CANCELLED", [], id="cancelled"),
        pytest.param(
            "DTSTART:20251225T000000Z\nDTEND:20260102T000000Z", [("01-01T00:00", "01-02T00:00")], id="clipped"
        ),
    ],
)
def test_an_event_closes_its_times(event, expected):
    assert closed(text(event)) == expected


def test_an_occurrence_can_be_moved():
    series = "UID:one\nDTSTART:20260105T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2"
    moved = "UID:one\nRECURRENCE-ID:20260106T100000Z\nDTSTART:20260106T150000Z\nDURATION:PT2H"
    assert closed(text(series, moved)) == [("01-05T10:00", "01-05T11:00"), ("01-06T15:00", "01-06T17:00")]


def test_a_rule_without_end_goes_on_for_ever():
    content = text("DTSTART;VALUE=DATE:20200101\nRRULE:FREQ=YEARLY", kind="DEFAULT_CLOSED")
    found = expansion.expand(content, ms("2031-06-01T00:00"), ms("2032-07-30T00:00"))
    assert calendar.next_transition(found, ms("2031-06-02T00:00")) == ms("2032-01-01T00:00")


def test_days_are_those_of_the_calendars_zone():
    content = text("DTSTART;VALUE=DATE:20260105", more="X-WR-TIMEZONE:America/New_York")
    assert closed(content) == [("01-05T05:00", "01-06T05:00")]


def test_a_zone_can_come_with_the_calendar():
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Office\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0300\n"
        "TZOFFSETTO:+0300\nEND:STANDARD\nEND:VTIMEZONE"
    )
    content = text("DTSTART;TZID=Office:20260105T100000\nDURATION:PT1H", more=zone)
    assert closed(content) == [("01-05T07:00", "01-05T08:00")]


def test_what_aws_puts_into_an_empty_calendar_is_no_event():
    todo = "BEGIN:VTODO\nUID:1\nDTSTAMP:20260101T000000Z\nSUMMARY:Add events to this calendar.\nEND:VTODO"
    assert closed(text(more=todo)) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param("", "The content is no iCalendar text: Found no components", id="nothing"),
        pytest.param("schemaVersion: '2.2'", "The content is no iCalendar text", id="another text"),
        pytest.param("BEGIN:VEVENT\nEND:VEVENT", "it begins with VEVENT, not VCALENDAR", id="no calendar around"),
        pytest.param(text() + text(), "The content is no iCalendar text: Found multiple", id="two calendars"),
        pytest.param(text(kind="OPEN"), "X-CALENDAR-TYPE must be DEFAULT_OPEN or DEFAULT_CLOSED", id="bad type"),
        pytest.param(
            "BEGIN:VCALENDAR\nEND:VCALENDAR", "X-CALENDAR-TYPE must be DEFAULT_OPEN or DEFAULT_CLOSED", id="no type"
        ),
        pytest.param(text("SUMMARY:x"), "VEVENT: an event without DTSTART", id="no start"),
        pytest.param(text("DTSTART:soon"), "VEVENT: DTSTART: ", id="bad start"),
        pytest.param(text("DTSTART:20260105T100000Z\nRRULE:FREQ=OFTEN"), "VEVENT: RRULE: ", id="bad rule"),
        pytest.param(text("DTSTART:20260105T100000Z\nEXDATE:never"), "VEVENT: EXDATE: ", id="bad exception"),
        pytest.param(
            text("DTSTART:20260105T100000Z\nDTEND:20260105T090000Z"),
            "VEVENT: DTEND lies before DTSTART",
            id="ends first",
        ),
        pytest.param(
            text("DTSTART;TZID=Nowhere/City:20260105T100000"),
            "VEVENT: DTSTART: the time zone Nowhere/City is not known",
            id="unknown zone",
        ),
        pytest.param(text(more="X-WR-TIMEZONE:../../etc/passwd"), "X-WR-TIMEZONE: the time zone", id="no zone at all"),
        pytest.param(
            text("DTSTART:20260105T100000Z\nDURATION:PT10S\nRRULE:FREQ=MINUTELY;COUNT=10001"),
            "The events occur 10001 times in a year, at most 10000 are allowed",
            id="too often",
        ),
    ],
)
def test_what_is_no_change_calendar_is_said(content, problem):
    with pytest.raises(calendar.InvalidCalendar) as caught:
        expansion.expand(content, START, END)
    assert str(caught.value).startswith(problem) or problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_a_check_looks_at_the_fullest_year():
    later = text("DTSTART:20350101T000000Z\nDURATION:PT1S\nRRULE:FREQ=MINUTELY;COUNT=10001")
    assert expansion.expand(later, START, END).closed == ()
    with pytest.raises(calendar.InvalidCalendar, match="occur 10001 times"):
        expansion.expand(later, START, END, thorough=True)


@given(
    day=st.integers(1, 28),
    hour=st.integers(0, 23),
    hours=st.integers(1, 60),
    every=st.integers(1, 5),
    count=st.integers(1, 8),
    excluded=st.sets(st.integers(0, 7)),
    zone=st.sampled_from(["UTC", "Asia/Kolkata", "America/Phoenix"]),
    looks=st.lists(st.integers(0, 24 * 80), min_size=1, max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_a_series_is_what_its_rule_says(day, hour, hours, every, count, excluded, zone, looks):
    """Zones without summer time, so that the naive answer is addition."""
    first = datetime(2026, 1, day, hour, tzinfo=ZoneInfo(zone))
    starts = [first + timedelta(days=every * n) for n in range(count)]
    shown = [start.strftime("%Y%m%dT%H%M%S") for start in starts]
    lines = [
        f"DTSTART;TZID={zone}:{shown[0]}",
        f"DURATION:PT{hours}H",
        f"RRULE:FREQ=DAILY;INTERVAL={every};COUNT={count}",
    ]
    lines += [f"EXDATE;TZID={zone}:{shown[n]}" for n in excluded if n < count]
    found = expansion.expand(text("\n".join(lines)), START, END)
    for look in looks:
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=look, minutes=30)
        busy = any(start <= at < start + timedelta(hours=hours) for n, start in enumerate(starts) if n not in excluded)
        assert calendar.is_open(found, int(at.timestamp()) * 1000) is not busy
