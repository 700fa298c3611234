"""`GET /_stateward/live?topic=…`: server-sent events that say which topics have changed (console 2)."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from stateward.access.principals import Principal
from stateward.access.roles import READER
from stateward.api import event_stream
from stateward.api.administrators import Door, refusal
from stateward.api.requests import Receive, Send
from stateward.events.live import Live, TooManyWatchers, Watcher
from stateward.wire.errors import AwsError, validation_error

MOST_TOPICS = 50
SEND_S = 10.0
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TOPIC = re.compile(rf"overview|nodes|commands|(?:association|execution|command)/{UUID}|node/m?i-[0-9a-z]{{8,17}}")


class LiveRoutes:
    """The stream for whoever has a key; `anybody` is who asks under `--auth open`."""

    def __init__(self, live: Live, door: Door, anybody: Principal) -> None:
        self._live = live
        self._door = door
        self._anybody = anybody

    async def handle(self, request: Request) -> Response:
        """The topics' revisions, then `{"topic", "revision"}` for each change, at most one a second and topic."""
        try:
            asked, _ = await self._door.enter(request, "watching", READER)
            principal = asked or self._anybody
            topics = checked(request.query_params.getlist("topic"))
            return EventStream(self._live.watch(principal.scope, topics, principal.name))
        except TooManyWatchers as error:
            return refusal(AwsError("ServiceUnavailableException", f"{error}: ask again later.", 503))
        except AwsError as error:
            return refusal(error)


def checked(topics: list[str]) -> list[str]:
    """Topics as they were asked for. Raises ValidationException."""
    if not 1 <= len(topics) <= MOST_TOPICS:
        raise validation_error(f"{len(topics)} topics: ask for 1 to {MOST_TOPICS}, as in ?topic=overview&topic=nodes")
    for topic in topics:
        if not TOPIC.fullmatch(topic):
            raise validation_error(
                f"topic {topic[:80]!r}: use overview, nodes, commands, association/<id>, execution/<id>, command/<id> "
                "or node/<id>"
            )
    return topics


class EventStream(event_stream.EventStream):
    """A watcher's changes as server-sent events. Whoever does not take one within ten seconds is cut off."""

    def __init__(self, watcher: Watcher) -> None:
        super().__init__(events(watcher), slow_s=SEND_S)
        self._watcher = watcher

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._watcher.close()


async def events(watcher: Watcher) -> AsyncGenerator[bytes, None]:
    """Each change as an event `change`, each heartbeat as an event `heartbeat`."""
    async for change in watcher.changes():
        if change is None:
            yield b"event: heartbeat\ndata: {}\n\n"
        else:
            yield b"event: change\ndata: " + msgspec.json.encode(change) + b"\n\n"
