"""`/_stateward/alarms`: setting alarms by hand, with the virtual clock (D37)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stateward.access import roles
from stateward.alarms.posted import PostedAlarms
from stateward.api.administrators import Door, refusal
from stateward.wire.errors import AwsError, validation_error

MOST_ALARMS = 1_000
MOST_CHARACTERS = 255
States = dict[str, Literal["OK", "ALARM", "UNKNOWN"] | None]


class AlarmRoutes:
    """Lists and sets the alarms; `wake` tells whoever waits for one."""

    def __init__(self, alarms: PostedAlarms, door: Door, wake: Callable[[], None]) -> None:
        self._alarms = alarms
        self._door = door
        self._wake = wake

    async def handle(self, request: Request) -> Response:
        """GET: what was set. POST: set `{"name": "ALARM"}`; null takes a name away again."""
        try:
            needed = roles.READER if request.method == "GET" else roles.ADMINISTRATOR
            _, body = await self._door.enter(request, "setting alarms", needed)
            if request.method == "POST":
                self._set(body)
            return JSONResponse(self._alarms.states)
        except AwsError as error:
            return refusal(error)

    def _set(self, body: bytes) -> None:
        try:
            states = msgspec.json.decode(body, type=States)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise validation_error(f'{error}; write {{"name": "OK"}}, with OK, ALARM or UNKNOWN') from None
        if any(not name.strip() or len(name) > MOST_CHARACTERS for name in states):
            raise validation_error(f"an alarm's name has 1 to {MOST_CHARACTERS} characters and is not blank")
        if len(self._alarms.states.keys() | states.keys()) > MOST_ALARMS:
            raise validation_error(f"at most {MOST_ALARMS} alarms can be set")
        self._alarms.set(states)
        self._wake()
