"""Connections that never authenticate are bounded in number and time (design 5)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

UNKNOWN_CONNECTIONS = 512
UNKNOWN_S = 60.0
log = structlog.get_logger("stateward.api")


class Gatekeeper:
    """Counts the connections of one server that have not authenticated yet; the oldest gives way."""

    def __init__(self, limit: int = UNKNOWN_CONNECTIONS, life_s: float = UNKNOWN_S) -> None:
        self._limit = limit
        self._life_s = life_s
        self._unknown: OrderedDict[asyncio.Transport, asyncio.TimerHandle] = OrderedDict()

    def entered(self, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        self._unknown[transport] = loop.call_later(self._life_s, self._evict, transport)
        if len(self._unknown) > self._limit:
            self._evict(next(iter(self._unknown)))

    def known(self, transport: asyncio.Transport) -> None:
        """The connection has authenticated, has become a websocket, or is gone."""
        timer = self._unknown.pop(transport, None)
        if timer is not None:
            timer.cancel()

    def _evict(self, transport: asyncio.Transport) -> None:
        self.known(transport)
        log.warning("a connection that did not authenticate was closed", peer=str(transport.get_extra_info("peername")))
        transport.abort()


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

        def handle_websocket_upgrade(self) -> None:
            # A websocket has its own limits: a signature before it is accepted, a token within ten seconds.
            gatekeeper.known(self.transport)
            super().handle_websocket_upgrade()

    return GuardedProtocol
