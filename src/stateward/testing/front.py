"""Addresses that stay the same while the servers behind them change: a client that code keeps goes on working (D59)."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from stateward import serving
from stateward.api.requests import Receive, Send
from stateward.app import Server
from stateward.testing.watching import ServerErrors

LEAVE_S = 5.0
REGION = re.compile(rb"Credential=[^/]+/[0-9]{8}/([A-Za-z0-9-]+)/ssm/")
NOBODY_HERE = (
    "no State Manager runs here now: this client was used outside of a test that has the fixture state_manager, or of "
    "a `with StateManager()` block"
)


class Calls:
    """How many calls of the API came, by region."""

    def __init__(self) -> None:
        self.by_region: Counter[str] = Counter()

    def note(self, headers: list[tuple[bytes, bytes]]) -> None:
        given = dict(headers)
        if found := REGION.search(given.get(b"authorization", b"")):
            self.by_region[found[1].decode()] += 1


@dataclass
class Guest:
    """A server, what went wrong inside it, the calls that it got, and the requests that it works on."""

    server: Server
    errors: ServerErrors
    calls: Calls = field(default_factory=Calls)
    requests: set[asyncio.Task[Any]] = field(default_factory=set)

    async def end(self) -> None:
        """Let the requests come to their end, and then the server. A request that does not end is cancelled."""
        server = self.server
        server.live.close()
        server.event_readers.close()
        await server.gateway.stop(server.config.drain_s)
        if self.requests:
            await asyncio.wait(self.requests, timeout=LEAVE_S)
        for task in list(self.requests):
            task.cancel()
        await server.stop()


class Front:
    """One listening address. Who asks while no server is behind it is told so."""

    def __init__(self) -> None:
        sock = serving.bind("127.0.0.1", 0)
        self.url = serving.url_of(sock)
        self._guest: Guest | None = None
        self._stopped = asyncio.Event()
        self._task = asyncio.create_task(serving.listen(self, sock, self._stopped))

    @property
    def is_free(self) -> bool:
        return self._guest is None

    def enter(self, guest: Guest) -> None:
        """From now on requests go to this server."""
        self._guest = guest

    def leave(self) -> None:
        """No more requests for the server; those that it works on go on."""
        self._guest = None

    async def close(self) -> None:
        """End, with every connection."""
        self._stopped.set()
        await self._task

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        guest = self._guest
        if scope["type"] not in ("http", "websocket"):
            return
        if guest is None:
            await _turn_away(scope, send)
            return
        guest.calls.note(scope["headers"])
        task = asyncio.current_task()
        assert task is not None, "a request has a task of its own"
        guest.requests.add(task)
        try:
            with guest.errors.watched():
                await guest.server(scope, receive, send)
        finally:
            guest.requests.discard(task)


class Fronts:
    """The addresses of one process. A server gets the oldest that is free: with one server at a time, always the same.

    To be used inside one event loop.
    """

    def __init__(self) -> None:
        self._fronts: list[Front] = []

    async def first(self) -> Front:
        """The oldest, which is the first to be taken."""
        if not self._fronts:
            self._fronts.append(Front())
        return self._fronts[0]

    async def free(self) -> Front:
        """One behind which there is nobody."""
        await self.first()
        found = next((front for front in self._fronts if front.is_free), None)
        if found is None:
            found = Front()
            self._fronts.append(found)
        return found

    async def close(self) -> None:
        """End them all."""
        await asyncio.gather(*(front.close() for front in self._fronts))


async def _turn_away(scope: Any, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1001})
        return
    # Not 503: clients would try that again and again.
    body = msgspec.json.encode({"__type": "NoStateManagerException", "message": NOBODY_HERE})
    headers = [(b"content-type", b"application/x-amz-json-1.1"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
