"""Servers in a background thread: one thread and loop a process, one Server object a test (D59)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from stateward import serving
from stateward.app import Server
from stateward.config import Config
from stateward.testing.watching import ServerErrors
from stateward.wire.model import ServiceModel

T = TypeVar("T")
WAIT_S = 30.0


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()
        self._later: list[Future[Any]] = []

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float = WAIT_S) -> T:
        """What the coroutine answers, from outside the loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def later(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Let the coroutine run beside what follows; what it raises is raised by `close`."""
        self._later.append(asyncio.run_coroutine_threadsafe(coroutine, self.loop))

    def close(self) -> None:
        """Wait for what was left for later, then end the thread."""
        for future in self._later:
            future.result(WAIT_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(WAIT_S)
        self.loop.close()


class BackgroundServer:
    """One Server object on a free port, or the one that the configuration names.

    `errors` are what went wrong inside it since it was made, whoever was told of it. A quiet one logs only what is
    wrong.
    """

    def __init__(self, thread: LoopThread, config: Config, model: ServiceModel, *, is_quiet: bool = True) -> None:
        self.config = config
        self.errors = ServerErrors(is_quiet=is_quiet)
        self.server: Server | None = None
        self.url = ""
        self._thread = thread
        self.model = model
        self._stopped: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Start, and wait until requests are answered. Raises what the start of the server raises."""
        self._thread.run(self._start())

    def stop(self) -> None:
        """Stop, and wait until it has."""
        if (ending := self._ending()) is not None:
            self._thread.run(ending)

    def stop_later(self) -> None:
        """Stop beside what follows: most of a stop is waiting for connections to close."""
        if (ending := self._ending()) is not None:
            self._thread.later(ending)

    async def _start(self) -> None:
        sock = serving.bind(self.config.host, self.config.port)
        try:
            self.url = serving.url_of(sock)
            with self.errors.watched():  # tasks inherit the context in which they were made
                self.server = Server(self.config, self.model)
                self._stopped, ready = asyncio.Event(), asyncio.Event()
                self._task = asyncio.create_task(serving.run(self.server, sock, ready.set, self._stopped))
            waiting = asyncio.create_task(ready.wait())
            await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if self._task.done():
                waiting.cancel()
                task, self._task = self._task, None
                await task
        except BaseException:
            sock.close()
            raise

    def _ending(self) -> Coroutine[Any, Any, None] | None:
        task, stopped, self._task = self._task, self._stopped, None
        return None if task is None or stopped is None else _end(task, stopped)


async def _end(task: asyncio.Task[None], stopped: asyncio.Event) -> None:
    stopped.set()
    await task
