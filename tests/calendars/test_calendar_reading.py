"""A calendar that would take for ever is stopped, and the event loop goes on meanwhile (D36)."""

import asyncio

import pytest
from calendar_texts import NIGHTS, ms, text

from stateward.calendars import calendar, reading

FROM = ms("2026-01-01T00:00")
TO = FROM + calendar.YEAR_MS + 90 * 86_400_000


async def work_out(content):
    """The calendar, and how often the loop went round meanwhile."""
    task = asyncio.create_task(reading.work_out(reading.Question(content, FROM, TO, thorough=True)))
    rounds = 0
    while not task.done():
        await asyncio.sleep(0)
        rounds += 1
    return await task, rounds


def test_a_calendar_is_worked_out_in_a_process_of_its_own():
    found, _ = asyncio.run(work_out(text(NIGHTS)))
    assert calendar.is_open(found, ms("2026-03-01T21:59"))
    assert calendar.next_transition(found, ms("2026-03-01T22:00")) == ms("2026-03-02T06:00")


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("FREQ=SECONDLY", id="every second for ever"),
        pytest.param("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", id="never, looked for every second"),
    ],
)
def test_a_calendar_without_end_is_stopped(rule):
    with pytest.raises(calendar.InvalidCalendar, match="takes more than a second to work out"):
        asyncio.run(work_out(text(f"DTSTART:20260101T000000Z\nDURATION:PT1S\nRRULE:{rule}")))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("\r\n" * 30_000, id="empty lines"),
        pytest.param("BEGIN:VCALENDAR\n" * 4_000, id="calendars in calendars"),
        pytest.param("A" + "\t;=" * 20_000, id="parameters"),
        pytest.param(text("SUMMARY:" + "\\" * 60_000), id="backslashes"),
        pytest.param("X" * 64_000, id="one long word"),
    ],
)
def test_odd_texts_are_refused_and_the_loop_goes_on(content):
    async def attempt():
        with pytest.raises(calendar.InvalidCalendar):
            await work_out(content)

    asyncio.run(attempt())


def test_the_loop_goes_on_meanwhile():
    _, rounds = asyncio.run(work_out(text("DTSTART:20260101T000000Z\nDURATION:PT1M\nRRULE:FREQ=HOURLY;COUNT=5000")))
    assert rounds > 100


def test_a_worker_that_breaks_is_no_fault_of_the_calendar(monkeypatch):
    monkeypatch.setattr(reading, "COMMAND", (reading.sys.executable, "-c", "raise OSError('no memory')"))
    with pytest.raises(RuntimeError, match="could not be worked out: OSError: no memory"):
        asyncio.run(work_out(text()))
