"""Connections that never authenticate are bounded in number and time (design 5)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

UNKNOWN_CONNECTIONS = 512
UNKNOWN_S = 60.0
PATIENCE_S = 3.0
MOST_ASKING = 4096
log = structlog.get_logger("stateward.api")


class Gatekeeper:
    """Counts the connections of one listener that have not authenticated yet.

    The oldest that is silent gives way, at once if it has had an answer, else after some seconds. One whose whole
    request lies here waits for us, not we for it: it is never thrown out. Where there are too many, no more are let in
    for the moment (node protocol 5.2: a node that is refused stays away for up to an hour).
    """

    def __init__(
        self,
        limit: int = UNKNOWN_CONNECTIONS,
        life_s: float = UNKNOWN_S,
        patience_s: float = PATIENCE_S,
        asking: int = MOST_ASKING,
    ) -> None:
        self._limit = limit
        self._life_s = life_s
        self._patience_s = patience_s
        self._most_asking = asking
        self._deadlines: dict[asyncio.Transport, float] = {}
        self._silent: OrderedDict[asyncio.Transport, asyncio.TimerHandle] = OrderedDict()
        self._asking: set[asyncio.Transport] = set()
        self._answered: set[asyncio.Transport] = set()
        self.on_room: Callable[[], None] = _nothing

    def wait_s(self, arriving: int) -> float:
        """For how long one more is not let in, at most, while `arriving` are on their way; `on_room` may be sooner."""
        if len(self._asking) >= self._most_asking:
            return self._life_s
        excess = len(self._silent) + arriving + 1 - self._limit
        if excess <= 0:
            return 0.0
        giving_way = next(islice(self._silent, excess - 1, None), None)
        if giving_way is None:
            return self._patience_s
        if giving_way in self._answered:
            return 0.0
        here_s = asyncio.get_running_loop().time() + self._life_s - self._deadlines[giving_way]
        return max(0.0, self._patience_s - here_s)

    def entered(self, transport: asyncio.Transport) -> None:
        self._deadlines[transport] = asyncio.get_running_loop().time() + self._life_s
        self._wait_for(transport)
        if len(self._silent) > self._limit:
            self._evict(next(iter(self._silent)))

    def asks(self, transport: asyncio.Transport) -> None:
        """A whole request has come in; the answer is our turn."""
        timer = self._silent.pop(transport, None)
        if timer is not None:
            timer.cancel()
            self._answered.discard(transport)
            self._asking.add(transport)
            self.on_room()

    def answered(self, transport: asyncio.Transport) -> None:
        """The next word is the other side's, in what is left of its time."""
        if transport in self._asking:
            self._asking.remove(transport)
            self._answered.add(transport)
            self._wait_for(transport)
            self.on_room()

    def known(self, transport: asyncio.Transport) -> None:
        """The connection has authenticated, has become a websocket, or is gone."""
        self._deadlines.pop(transport, None)
        self._asking.discard(transport)
        self._answered.discard(transport)
        timer = self._silent.pop(transport, None)
        if timer is not None:
            timer.cancel()
        self.on_room()

    def _wait_for(self, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        self._silent[transport] = loop.call_at(self._deadlines[transport], self._evict, transport)

    def _evict(self, transport: asyncio.Transport) -> None:
        self.known(transport)
        log.warning("a connection that did not authenticate was closed", peer=str(transport.get_extra_info("peername")))
        transport.abort()


def _nothing() -> None:
    """Nobody waits for room."""


def guarded_protocol(gatekeeper: Gatekeeper) -> type[HttpToolsProtocol]:
    """uvicorn's HTTP protocol, with its connections under this gatekeeper."""

    class GuardedProtocol(HttpToolsProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            gatekeeper.entered(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            gatekeeper.known(self.transport)
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            scope: Any = self.scope
            scope["authenticated"] = lambda: gatekeeper.known(self.transport)
            scope["cut_off"] = self.transport.abort

        def on_message_complete(self) -> None:
            super().on_message_complete()
            if self.cycle is not None and not self.cycle.response_complete:
                gatekeeper.asks(self.transport)

        def on_response_complete(self) -> None:
            gatekeeper.answered(self.transport)
            super().on_response_complete()

        def handle_websocket_upgrade(self) -> None:
            # A websocket has its own limits: a signature before it is accepted, a token within ten seconds.
            gatekeeper.known(self.transport)
            super().handle_websocket_upgrade()

    return GuardedProtocol
