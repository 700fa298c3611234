"""The calendars of the database, worked out once and remembered (D36)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from stateward.access.principals import Scope
from stateward.calendars import calendar
from stateward.calendars.calendar import YEAR_MS, Calendar, InvalidCalendar
from stateward.calendars.reading import Question, work_out
from stateward.documents import library
from stateward.documents.store import DocumentRow
from stateward.storage import Database, Snapshot
from stateward.wire.errors import AwsError

DOCUMENT_TYPE = "ChangeCalendar"
BEFORE_MS = 86_400_000
AHEAD_MS = YEAR_MS + 30 * 86_400_000
"""A month more than a look needs, so that time may pass before the calendar has to be worked out again."""

KEPT = 500
AT_ONCE = 2


class CalendarState(msgspec.Struct, frozen=True):
    """Whether changes are allowed, and when that changes next (None: not within a year)."""

    open: bool
    next_transition_ms: int | None


class Calendars:
    """What the change calendars say. Never blocks the loop, whatever their texts hold."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: OrderedDict[str, Calendar] = OrderedDict()
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def states(self, scope: Scope, names: Sequence[str], at_ms: int) -> CalendarState:
        """The state of several calendars together, named or by ARN: open when all are.

        Raises InvalidDocument (there is none), InvalidDocumentType (no change calendar) and
        UnsupportedCalendarException (its text cannot be worked out).
        """
        async with self._db.reading() as tx:
            rows = [await self._find(tx, scope, name) for name in dict.fromkeys(names)]
        try:
            found = calendar.combined([await self._worked_out(row, at_ms) for row in rows])
        except InvalidCalendar as error:
            raise AwsError("UnsupportedCalendarException", str(error)) from error
        return CalendarState(calendar.is_open(found, at_ms), calendar.next_transition(found, at_ms))

    async def check_content(self, text: str) -> None:
        """Refuse a text that is no usable calendar. Raises InvalidDocumentContent (D67)."""
        async with self._db.reading() as tx:
            now_ms = tx.now
        try:
            async with self._turn:
                await work_out(Question(text, now_ms - BEFORE_MS, now_ms + AHEAD_MS, thorough=True))
        except InvalidCalendar as error:
            raise AwsError("InvalidDocumentContent", str(error)) from error

    async def _find(self, tx: Snapshot, scope: Scope, name: str) -> DocumentRow:
        row = await library.find(tx, scope, name)
        if row.document_type != DOCUMENT_TYPE:
            raise AwsError(
                "InvalidDocumentType", f"{row.name} is a {row.document_type} document, not a {DOCUMENT_TYPE}."
            )
        return row

    async def _worked_out(self, row: DocumentRow, at_ms: int) -> Calendar:
        async with self._turn:
            found = self._kept.get(row.content_hash)
            if found is None or not found.covers(at_ms):
                found = await work_out(Question(row.content, at_ms - BEFORE_MS, at_ms + AHEAD_MS))
                self._kept[row.content_hash] = found
            self._kept.move_to_end(row.content_hash)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found
