"""Server-sent events as an answer: it ends when the reader has gone, and cuts off one who does not read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import structlog
from starlette.responses import Response

from stateward.api import requests
from stateward.api.requests import Receive, Send

SLOW_S = 30.0
CHECK_S = 1.0
Allowed = Callable[[], Awaitable[bool]]
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
log = structlog.get_logger("stateward.api")


class Readers:
    """Who reads events at this moment, so that their number is bounded and an ending server lets them go."""

    def __init__(self, most: int = 500, slow_s: float = SLOW_S) -> None:
        self._most = most
        self._slow_s = slow_s
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_full(self) -> bool:
        return len(self._tasks) >= self._most

    def answer(self, events: AsyncGenerator[bytes, None], allowed: Allowed) -> Response:
        """The response that sends these events, as long as its reader is `allowed`, who is asked for every second."""
        return _Counted(events, allowed, self._slow_s, self._tasks)

    def close(self) -> None:
        """Let everybody go; they come back with the id of their last event."""
        for task in self._tasks:
            task.cancel()


class EventStream(Response):
    """Events to one reader until they end, the reader leaves, does not read for `slow_s`, or is no longer `allowed`.

    Without `allowed`, the events themselves end when the reader may see no more of them.
    """

    def __init__(
        self, events: AsyncGenerator[bytes, None], *, allowed: Allowed | None = None, slow_s: float = SLOW_S
    ) -> None:
        super().__init__()
        self._events = events
        self._allowed = allowed
        self._slow_s = slow_s

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send), name="events")
        tasks = [sending, leaving := asyncio.create_task(_left(receive), name="events' reader")]
        if self._allowed is not None:
            tasks.append(asyncio.create_task(_lost(self._allowed), name="events' key"))
        self._began(sending)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            has_left = leaving.done()
        finally:
            for task in tasks:
                task.cancel()
            ended, *_ = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(ended, TimeoutError):
            log.warning("a reader of events was cut off: it does not read", path=scope["path"][:120])
            requests.cut_off(scope)
        elif isinstance(ended, Exception):
            raise ended
        elif not has_left:
            await send({"type": "http.response.body", "body": b""})

    def _began(self, sending: asyncio.Task[None]) -> None:
        """For those who keep count of their streams."""

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        async with aclosing(self._events) as events:
            async for event in events:
                async with asyncio.timeout(self._slow_s):
                    await send({"type": "http.response.body", "body": event, "more_body": True})


class _Counted(EventStream):
    """One that `Readers` know of."""

    def __init__(
        self, events: AsyncGenerator[bytes, None], allowed: Allowed, slow_s: float, tasks: set[asyncio.Task[None]]
    ) -> None:
        super().__init__(events, allowed=allowed, slow_s=slow_s)
        self._tasks = tasks

    def _began(self, sending: asyncio.Task[None]) -> None:
        self._tasks.add(sending)
        sending.add_done_callback(self._tasks.discard)


async def _lost(allowed: Allowed) -> None:
    while await allowed():  # noqa: ASYNC110 - a key is revoked by another process too
        await asyncio.sleep(CHECK_S)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
