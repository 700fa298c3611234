"""iCalendar texts for tests, and change calendars made of them."""

from datetime import UTC, datetime

from live_server import ACCOUNT, REGION
from stateward.access.principals import Scope
from stateward.documents import description, store
from stateward.documents.store import DocumentRow

WEEKENDS = "DTSTART;VALUE=DATE:20260103\nRRULE:FREQ=WEEKLY;BYDAY=SA,SU"
NIGHTS = "DTSTART:20260101T220000Z\nDURATION:PT8H\nRRULE:FREQ=DAILY"


def text(*events, kind="DEFAULT_OPEN", more=""):
    """A change calendar with these events, each the lines of a VEVENT."""
    lines = ["BEGIN:VCALENDAR", "PRODID:-//AWS//Change Calendar 1.0//EN", "VERSION:2.0", f"X-CALENDAR-TYPE:{kind}"]
    lines += more.splitlines()
    for number, event in enumerate(events):
        uid = [] if "UID:" in event else [f"UID:{number}"]
        lines += ["BEGIN:VEVENT", *uid, *event.splitlines(), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def ms(iso):
    """An instant of a test's table, `2026-01-05T10:00` in UTC, in ms."""
    return int(datetime.fromisoformat(iso).replace(tzinfo=UTC).timestamp()) * 1000


def put_calendar(server, name, content, document_type="ChangeCalendar"):
    """Make, or change, a change calendar; its name."""
    row = DocumentRow(
        account_id=ACCOUNT,
        region=REGION,
        name=name,
        document_type=document_type,
        default_version=1,
        latest_version=1,
        version=1,
        version_name=None,
        display_name=None,
        target_type=None,
        document_format="TEXT",
        schema_version="",
        content=content,
        content_hash=description.sha256_hex(content),
        description="",
        parameters="[]",
        platform_types="[]",
        created_ms=0,
    )

    async def work(tx):
        if not await store.add(tx, Scope(ACCOUNT, REGION), row):
            await store.put_version(tx, Scope(ACCOUNT, REGION), row)

    server.writing(work)
    return name
