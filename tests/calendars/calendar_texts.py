"""iCalendar texts for tests, and change calendars made of them."""

from datetime import UTC, datetime

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


def put_calendar(ssm, name, content):
    """Make, or change, a change calendar; its name."""
    kind = {"DocumentType": "ChangeCalendar"}
    if not ssm.list_documents(Filters=[{"Key": "Name", "Values": [name]}])["DocumentIdentifiers"]:
        ssm.create_document(Name=name, Content=content, DocumentFormat="TEXT", **kind)
        return name
    told = ssm.update_document(Name=name, Content=content, DocumentVersion="$LATEST", DocumentFormat="TEXT")
    ssm.update_document_default_version(Name=name, DocumentVersion=told["DocumentDescription"]["DocumentVersion"])
    return name


def spoil_calendar(server, name, content):
    """Give a calendar a text that CreateDocument would refuse, as an earlier version may have taken it."""

    async def work(tx):
        await tx.execute("UPDATE document_versions SET content = $2, content_hash = $2 WHERE name = $1", name, content)

    server.writing(work)
