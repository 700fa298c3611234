"""`GET /_stateward/events`: the outbox for administrators, from a number on (D42, D47)."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from stateward.access import roles
from stateward.api.administrators import Door, refusal
from stateward.events import store
from stateward.events.store import EventRow
from stateward.storage import Database
from stateward.wire.errors import AwsError, validation_error

DEFAULT_LIMIT = 100
MOST = 1_000
MOST_DIGITS = 15


class EventRoutes:
    """Reads the outbox; administrators see the events of their account, in all its regions."""

    def __init__(self, db: Database, door: Door) -> None:
        self._db = db
        self._door = door

    async def handle(self, request: Request) -> Response:
        """The events after `after` (default 0), at most `limit`: `{"events": [{"sequence", "event"}], "next"}`.

        `next` is the `after` of the next call, also when there was nothing.
        """
        try:
            principal, _ = await self._door.enter(request, "reading events", roles.READER)
            after = _number(request, "after", 0, 0, 10**MOST_DIGITS)
            limit = _number(request, "limit", DEFAULT_LIMIT, 1, MOST)
            async with self._db.reading() as tx:
                if principal is None:
                    rows = await store.after(tx, after, limit)
                else:
                    rows = await store.after_in_account(tx, principal.scope.account_id, after, limit)
            body = {"events": [_shown(row) for row in rows], "next": rows[-1].sequence if rows else after}
            return Response(msgspec.json.encode(body), media_type="application/json")
        except AwsError as error:
            return refusal(error)


def _shown(row: EventRow) -> dict[str, Any]:
    return {"sequence": row.sequence, "event": msgspec.Raw(row.body.encode())}


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS + 1 else -1
    if not least <= number <= most:
        raise validation_error(f"{name}={text[:40]!r}: write a whole number from {least} to {most}")
    return number
