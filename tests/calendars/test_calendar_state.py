"""GetCalendarState over boto3 (spec 6.7, CAL-01)."""

import asyncio

import pytest
from calendar_texts import NIGHTS, WEEKENDS, put_calendar, spoil_calendar, text

from live_server import ACCOUNT, REGION
from refusals import refusal
from stateward.access.principals import Scope


def state(ssm, *names, **members):
    answer = ssm.get_calendar_state(CalendarNames=list(names), **members)
    return answer["State"], answer.get("NextTransitionTime")


def test_state_at_a_time_cal_01(server, ssm):
    put_calendar(ssm, "nights", text(NIGHTS))
    answer = ssm.get_calendar_state(CalendarNames=["nights"], AtTime="2026-03-01T21:15:19Z")
    del answer["ResponseMetadata"]
    assert answer == {
        "State": "OPEN",
        "AtTime": "2026-03-01T21:15:19Z",
        "NextTransitionTime": "2026-03-01T22:00:00Z",
    }
    assert state(ssm, "nights", AtTime="2026-03-01T22:00:00Z") == ("CLOSED", "2026-03-02T06:00:00Z")
    assert state(ssm, "nights", AtTime="2026-03-02T02:00:00+03:00") == ("CLOSED", "2026-03-02T06:00:00Z")


def test_without_a_time_the_state_is_the_domains(server, ssm):
    put_calendar(ssm, "maintenance", text("DTSTART:20310105T100000Z\nDURATION:PT2H", kind="DEFAULT_CLOSED"))
    server.clock(to="2031-01-05T09:59:59Z")
    assert state(ssm, "maintenance") == ("CLOSED", "2031-01-05T10:00:00Z")
    server.clock(advance="1s")
    answer = ssm.get_calendar_state(CalendarNames=["maintenance"])
    assert (answer["State"], answer["AtTime"]) == ("OPEN", "2031-01-05T10:00:00Z")
    server.clock(advance="2h")
    assert state(ssm, "maintenance") == ("CLOSED", None)


def test_several_calendars_are_open_when_all_are(server, ssm):
    put_calendar(ssm, "nights", text(NIGHTS))
    put_calendar(ssm, "weekends", text(WEEKENDS))
    assert state(ssm, "nights", "weekends", AtTime="2026-03-06T12:00:00Z") == ("OPEN", "2026-03-06T22:00:00Z")
    # From Friday night to Monday morning without a gap.
    assert state(ssm, "weekends", "nights", AtTime="2026-03-07T12:00:00Z") == ("CLOSED", "2026-03-09T06:00:00Z")


def test_a_calendar_can_be_named_by_its_arn(server, ssm):
    put_calendar(ssm, "nights", text(NIGHTS))
    arn = "arn:aws:ssm:us-east-1:123456789012:document/nights"
    assert state(ssm, arn, AtTime="2026-03-01T23:00:00Z")[0] == "CLOSED"


def test_a_changed_calendar_counts_at_once(server, ssm):
    put_calendar(ssm, "nights", text(NIGHTS))
    assert state(ssm, "nights", AtTime="2026-03-01T23:00:00Z")[0] == "CLOSED"
    put_calendar(ssm, "nights", text())
    assert state(ssm, "nights", AtTime="2026-03-01T23:00:00Z") == ("OPEN", None)


def test_years_may_pass(server, ssm):
    put_calendar(ssm, "nights", text(NIGHTS))
    for year in (2026, 2027, 2049, 2026):
        assert state(ssm, "nights", AtTime=f"{year}-03-01T23:00:00Z") == ("CLOSED", f"{year}-03-02T06:00:00Z")


@pytest.mark.parametrize(
    ("names", "at", "code", "words"),
    [
        (["nowhere"], None, "InvalidDocument", "Document with name nowhere does not exist."),
        (["nights", "nowhere"], None, "InvalidDocument", "Document with name nowhere does not exist."),
        (
            ["AWS-RunShellScript"],
            None,
            "InvalidDocumentType",
            "AWS-RunShellScript is a Command document, not a ChangeCalendar.",
        ),
        (["broken"], None, "UnsupportedCalendarException", "X-CALENDAR-TYPE must be DEFAULT_OPEN or DEFAULT_CLOSED"),
        ([], None, "ValidationException", "name at least one change calendar"),
        (["nights"], "tomorrow", "ValidationException", "write an instant such as"),
        (["nights"], "9999-12-31T00:00:00Z", "ValidationException", "use an instant between 1970 and 9890"),
        (["nights"], "1969-12-31T00:00:00Z", "ValidationException", "use an instant between 1970 and 9890"),
    ],
)
def test_what_has_no_state_is_refused(server, ssm, names, at, code, words):
    put_calendar(ssm, "nights", text(NIGHTS))
    spoil_calendar(server, put_calendar(ssm, "broken", text()), "BEGIN:VCALENDAR\nEND:VCALENDAR")
    more = {} if at is None else {"AtTime": at}
    found, message = refusal(ssm.get_calendar_state, CalendarNames=names, **more)
    assert (found, words in message) == (code, True), message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(text("DTSTART:someday"), "VEVENT: DTSTART: ", id="unreadable"),
        pytest.param(
            text(kind="OPEN"), "X-CALENDAR-TYPE must be DEFAULT_OPEN or DEFAULT_CLOSED", id="no calendar type"
        ),
        pytest.param(
            text("DTSTART:20260101T000000Z\nRRULE:FREQ=SECONDLY"), "takes more than a second to work out", id="a bomb"
        ),
    ],
)
def test_bad_content_is_refused_before_it_is_stored_d67(ssm, content, words):
    code, message = refusal(
        ssm.create_document, Name="bad", Content=content, DocumentType="ChangeCalendar", DocumentFormat="TEXT"
    )
    assert (code, words in message) == ("InvalidDocumentContent", True), message
    assert refusal(ssm.get_calendar_state, CalendarNames=["bad"])[0] == "InvalidDocument"


def test_many_askers_wait_for_one_another(server, ssm):
    put_calendar(ssm, "nights", text(NIGHTS))
    calendars = server.thread_server.calendars

    async def ask():
        return await asyncio.gather(
            *(calendars.states(Scope(ACCOUNT, REGION), ["nights"], 1_800_000_000_000) for _ in range(20))
        )

    assert len({(found.open, found.next_transition_ms) for found in server._thread.run(ask())}) == 1
