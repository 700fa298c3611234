"""`GET /_stateward/events`: the outbox, by number, subject and time (D42, D47)."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from stateward.access import roles
from stateward.api.administrators import Door, refusal
from stateward.events import store_pages
from stateward.events.store import EventRow
from stateward.events.store_pages import LAST_SEQUENCE, Wanted
from stateward.storage import Database
from stateward.wire.errors import AwsError, validation_error
from stateward.wire.protocol import parse_instant

DEFAULT_LIMIT = 100
MOST = 1_000
MOST_DIGITS = 15
ASSOCIATION = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
NODE = re.compile(r"m?i-[0-9a-z]{8,17}")


class EventRoutes:
    """Reads the outbox; each account sees its own events, in all its regions."""

    def __init__(self, db: Database, door: Door) -> None:
        self._db = db
        self._door = door

    async def handle(self, request: Request) -> Response:
        """The events after `after` (default 0), at most `limit`: `{"events": [{"sequence", "event"}], "next"}`.

        `next` is the `after` of the next call, also when there was nothing; with `before`, which asks for the newest
        first, it is the next call's `before`. `subject` is an association or a node, `since` and `until` are instants.
        """
        try:
            principal, _ = await self._door.enter(request, "reading events", roles.READER)
            limit = _number(request, "limit", DEFAULT_LIMIT, 1, MOST)
            wanted = _wanted(request, None if principal is None else principal.scope.account_id)
            async with self._db.reading() as tx:
                rows = await store_pages.page(tx, wanted, limit)
            here = wanted.before if wanted.newest_first else wanted.after
            body = {"events": [_shown(row) for row in rows], "next": rows[-1].sequence if rows else here}
            return Response(msgspec.json.encode(body), media_type="application/json")
        except AwsError as error:
            return refusal(error)


def _wanted(request: Request, account: str | None) -> Wanted:
    """The page that the query asks for. Raises ValidationException."""
    asked = request.query_params
    newest_first = "before" in asked
    if newest_first and "after" in asked:
        raise validation_error("write either after, for the oldest first, or before, for the newest first")
    subject = asked.get("subject")
    if subject is not None and not (ASSOCIATION.fullmatch(subject) or NODE.fullmatch(subject)):
        raise validation_error(f"subject={subject[:80]!r}: write the id of an association or of a node")
    is_node = subject is not None and NODE.fullmatch(subject) is not None
    return Wanted(
        account=account,
        association=None if is_node else subject,
        node=subject if is_node else None,
        after=_number(request, "after", 0, 0, 10**MOST_DIGITS),
        before=_number(request, "before", LAST_SEQUENCE, 0, 10**MOST_DIGITS),
        since_ms=_instant(request, "since", 0),
        until_ms=_instant(request, "until", LAST_SEQUENCE),
        newest_first=newest_first,
    )


def _instant(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        return parse_instant(text)
    except ValueError as error:
        raise validation_error(
            f"{name}={text[:40]!r}: {error}; write an instant such as 2026-12-24T18:00:00Z"
        ) from None


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
