"""The application in front of the server: requests that come before it is ready wait (node protocol 9.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from stateward.api import requests
from stateward.api.requests import Receive, Send
from stateward.wire.errors import AwsError

WAIT_S = 30.0
TRY_AGAIN_LATER = 1013
PROBES = ("/healthz", "/metrics")
STARTING, READY, STOPPING = "starting", "ready", "stopping"
Application = Callable[[Any, Receive, Send], Awaitable[None]]


class Doorway:
    """An ASGI application from the first moment on. An error at its start-up silences a node for five minutes, a
    refused channel for an hour: so whoever comes early waits, at most half a minute. `/healthz` is answered at once."""

    def __init__(self, allowed_hosts: Sequence[str], wait_s: float = WAIT_S) -> None:
        self._allowed_hosts = allowed_hosts
        self._wait_s = wait_s
        self._application: Application | None = None
        self._opened = asyncio.Event()
        self._state = STARTING

    def open(self, application: Application) -> None:
        """The server is ready: let in who waits."""
        self._application = application
        self._state = READY
        self._opened.set()

    def close(self) -> None:
        """The server is about to end: `/healthz` says so, everything else goes on."""
        self._state = STOPPING

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        early = self._application is None
        if scope["type"] == "http" and scope["path"] in PROBES and (early or self._is_leaving(scope)):
            await self._say_state(scope, send)
        elif self._application is not None or await self._wait():
            assert self._application is not None, "an open doorway leads somewhere"
            await self._application(scope, receive, send)
        else:
            await _turn_away(scope, send)

    def _is_leaving(self, scope: Any) -> bool:
        return self._state == STOPPING and scope["path"] == "/healthz"

    async def _wait(self) -> bool:
        try:
            async with asyncio.timeout(self._wait_s):
                await self._opened.wait()
        except TimeoutError:
            return False
        return True

    async def _say_state(self, scope: Any, send: Send) -> None:
        try:
            requests.refuse_strangers(scope, requests.headers_of(scope), self._allowed_hosts)
        except AwsError as error:
            await _answer(send, error.status, b"text/plain", f"{error.message}\n".encode())
            return
        await _answer(send, 503, b"text/plain", f"{self._state}\n".encode())


async def _turn_away(scope: Any, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})
        return
    told = {"__type": "ServiceUnavailableException", "message": "The server is starting. Try again in a moment."}
    await _answer(send, 503, b"application/x-amz-json-1.1", msgspec.json.encode(told))


async def _answer(send: Send, status: int, content_type: bytes, body: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode()), (b"retry-after", b"1")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
