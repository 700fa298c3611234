"""`GET /_stateward/history`: executions, targets or steps of any range as JSON lines, streamed."""

from __future__ import annotations

from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from stateward.access import roles
from stateward.access.principals import Scope
from stateward.api.administrators import Door, refusal
from stateward.associations import exporting, store
from stateward.associations.exporting import Range
from stateward.associations.operations import unknown
from stateward.storage import Database
from stateward.wire.errors import AwsError, validation_error
from stateward.wire.protocol import parse_instant

FOR_EVER_MS = 2**62
LINES = "application/jsonl"


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """The query: which rows, of which association, created from when to when, and whether with output."""

    rows: Literal["executions", "targets", "steps"] = "executions"
    association: str | None = None
    since: str | None = None
    until: str | None = None
    output: Literal["true", "false"] = "false"


class HistoryRoutes:
    """For everybody who may read; `default_scope` is where anybody works under `--auth open`."""

    def __init__(self, db: Database, door: Door, default_scope: Scope) -> None:
        self._db = db
        self._door = door
        self._default_scope = default_scope

    async def handle(self, request: Request) -> Response:
        """GET, with the members of a Wish in the query."""
        try:
            principal, _ = await self._door.enter(request, "exporting history", roles.READER)
            scope = self._default_scope if principal is None else principal.scope
            wish = _wish(dict(request.query_params))
            wanted = Range(scope, _instant("since", wish.since, 0), _instant("until", wish.until, FOR_EVER_MS))
            if wish.association is not None:
                async with self._db.reading() as tx:
                    found = await store.find(tx, scope, wish.association)
                if found is None:
                    raise unknown(wish.association)
                wanted = msgspec.structs.replace(wanted, association_id=found.association_id)
        except AwsError as error:
            return refusal(error)
        lines = exporting.lines(self._db, wanted, wish.rows, output=wish.output == "true")
        return StreamingResponse(lines, media_type=LINES)


def _wish(query: dict[str, str]) -> Wish:
    try:
        return msgspec.convert(query, type=Wish)
    except msgspec.ValidationError as error:
        raise validation_error(
            f"{error}; write rows=executions, targets or steps, and association, since, until, output where wanted"
        ) from None


def _instant(name: str, text: str | None, default: int) -> int:
    if text is None:
        return default
    try:
        return parse_instant(text)
    except ValueError as error:
        raise validation_error(f"{name}: {error}; write an instant such as 2026-12-24T18:00:00Z") from None
