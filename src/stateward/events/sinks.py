"""Where events go: a webhook, a file of JSON lines, standard output; what was not taken is a SinkFailed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from stateward.clock import Clock
from stateward.events import signing
from stateward.events.store import EventRow

WEBHOOK_S = 15.0
ANSWER_BYTES = 64 * 1024
LINES_AT_ONCE = 200
STANDARD_OUTPUT = 1


class SinkFailed(Exception):
    """The events were not taken, or not surely; the text says why and shows no secret."""


class Sink(Protocol):
    """`name` stands in the database, logs and metrics; `at_once` is how many events `take` is given at most."""

    name: str
    at_once: int

    async def take(self, events: Sequence[EventRow]) -> None: ...
    async def close(self) -> None: ...


class Webhook:
    """Posts each event as JSON, signed as Standard Webhooks says; any answer but 2xx is a failure."""

    at_once = 1

    def __init__(self, url: str, key: bytes, clock: Clock) -> None:
        # The rest of an address may be a secret, so the name has only its hash.
        self.name = f"webhook:{urlsplit(url).netloc.rpartition('@')[2]}#{hashlib.sha256(url.encode()).hexdigest()[:8]}"
        self._url = url
        self._key = key
        self._clock = clock
        self._http = httpx.AsyncClient(timeout=WEBHOOK_S, limits=httpx.Limits(max_connections=2))

    async def take(self, events: Sequence[EventRow]) -> None:
        for event in events:
            try:
                async with asyncio.timeout(WEBHOOK_S):
                    status = await self._post(event)
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
                raise SinkFailed(f"not reached ({type(error).__name__})") from error
            if not 200 <= status < 300:
                raise SinkFailed(f"answered with HTTP status {status}")

    async def close(self) -> None:
        await self._http.aclose()

    async def _post(self, event: EventRow) -> int:
        body = event.body.encode()
        signed = signing.headers(self._key, event.event_id, self._clock.wall() // 1000, body)
        headers = {"content-type": "application/json", "user-agent": "stateward", **signed}
        async with self._http.stream("POST", self._url, content=body, headers=headers) as answer:
            size = 0
            async for part in answer.aiter_raw():  # read to its end, the connection serves the next event too
                size += len(part)
                if size > ANSWER_BYTES:
                    break
            return answer.status_code


class LinesFile:
    """Appends to a file; it is opened each time, so that it may be moved away by a log rotation."""

    at_once = LINES_AT_ONCE

    def __init__(self, path: Path) -> None:
        self.name = f"file:{path}"
        self._path = path

    async def take(self, events: Sequence[EventRow]) -> None:
        data = _lines(events)
        await _in_a_thread(lambda: append(self._path, data))

    async def close(self) -> None:
        """Nothing stays open."""


class StandardOutput:
    """Writes JSON lines to a descriptor of this process."""

    name = "stdout"
    at_once = LINES_AT_ONCE

    def __init__(self, descriptor: int = STANDARD_OUTPUT) -> None:
        self._descriptor = descriptor

    async def take(self, events: Sequence[EventRow]) -> None:
        data = _lines(events)
        await _in_a_thread(lambda: _write(self._descriptor, data))

    async def close(self) -> None:
        """The descriptor belongs to the process."""


def append(path: Path, data: bytes) -> None:
    """Add whole lines to a file, on the disk when this returns; a line that a crash has cut off is closed first."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise OSError(f"{path} is not a regular file")
        if state.st_size and os.pread(descriptor, 1, state.st_size - 1) != b"\n":
            data = b"\n" + data
        _write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lines(events: Sequence[EventRow]) -> bytes:
    return b"".join(event.body.encode() + b"\n" for event in events)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


async def _in_a_thread(work: Callable[[], None]) -> None:
    """Do blocking work elsewhere. A thread that never comes back (a pipe that nobody reads) keeps nobody from ending.

    Raises SinkFailed with the operating system's reason.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[str | None] = loop.create_future()

    def settle(failure: str | None) -> None:
        if not done.done():
            done.set_result(failure)

    def run() -> None:
        failure = None
        try:
            work()
        except OSError as error:
            failure = error.strerror or str(error)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, failure)

    threading.Thread(target=run, name="event sink", daemon=True).start()
    failure = await done
    if failure is not None:
        raise SinkFailed(f"not written ({failure})")
