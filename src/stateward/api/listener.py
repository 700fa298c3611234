"""A listening socket that lets connections in no faster than they can be served (node protocol 5.2, 9.3).

When a server comes back its whole fleet is at the door within seconds. Who is let in is answered; who is not waits in
the kernel's queue, where nothing is refused.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import structlog

from stateward.api.connections import Gatekeeper

AT_ONCE = 64
MOST_SILENT = 4096
MOST_HANDSHAKES = 256
HANDSHAKE_S = 10.0
SLOW_S = 3.0
TICK_S = 0.05
EXHAUSTED_S = 0.5
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
log = structlog.get_logger("stateward.api")


class TlsSource(Protocol):
    """Has the context for the next connection; it changes when a certificate is renewed."""

    @property
    def context(self) -> ssl.SSLContext: ...


class Listener:
    """Accepts on one socket; over TLS when it is given a source of contexts.

    A connection costs next to nothing until its first byte has come, and then shakes hands as one of at most
    `handshakes`. Where others wait, one that has been at it for `slow_s` gives way: neither silent connections nor half
    a handshake can keep the others out.
    """

    def __init__(
        self,
        sock: socket.socket,
        gatekeeper: Gatekeeper,
        tls: TlsSource | None = None,
        *,
        silent: int = MOST_SILENT,
        handshakes: int = MOST_HANDSHAKES,
        slow_s: float = SLOW_S,
    ) -> None:
        self.socket = sock
        self.gatekeeper = gatekeeper
        self._tls = tls
        self._most_silent = silent
        self._slow_s = slow_s
        self._factory: Callable[[], asyncio.Protocol] | None = None
        self._tasks: dict[asyncio.Task[None], socket.socket | None] = {}
        """Connections on their way in; with the socket while nobody else would close it."""
        self._silent: OrderedDict[asyncio.Task[None], float] = OrderedDict()
        self._shaking: OrderedDict[asyncio.Task[None], float] = OrderedDict()
        self._slots = asyncio.Semaphore(handshakes)
        self._watching: asyncio.TimerHandle | None = None
        self._listening = False
        self._resuming: asyncio.TimerHandle | None = None

    def open(self, factory: Callable[[], asyncio.Protocol]) -> None:
        """Begin to accept; each connection gets a protocol of the factory."""
        self._factory = factory
        self.gatekeeper.on_room = self._resume
        self._resume()

    def close(self) -> None:
        """Accept no more. Connections stay; those that are still shaking hands do not."""
        self._factory = None
        self._pause()
        if self._watching is not None:
            self._watching.cancel()
        for task in list(self._tasks):
            task.cancel()
        self.socket.close()

    def _resume(self) -> None:
        if self._resuming is not None:
            self._resuming.cancel()
            self._resuming = None
        if self._factory is not None and not self._listening:
            self._listening = True
            asyncio.get_running_loop().add_reader(self.socket.fileno(), self._accept)

    def _pause(self, for_s: float | None = None) -> None:
        loop = asyncio.get_running_loop()
        if self._listening:
            self._listening = False
            loop.remove_reader(self.socket.fileno())
        if self._resuming is not None:
            self._resuming.cancel()
            self._resuming = None
        if for_s is not None:
            self._resuming = loop.call_later(for_s, self._resume)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            wait_s = self._wait_s()
            if wait_s > 0:
                self._pause(wait_s)
                return
            try:
                connection, peer = self.socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                log.error("no connection can be accepted for the moment", reason=error.strerror, retry_s=EXHAUSTED_S)
                self._pause(EXHAUSTED_S)
                return
            connection.setblocking(False)
            loop = asyncio.get_running_loop()
            task = loop.create_task(self._admit(connection, peer), name="a connection arrives")
            self._tasks[task] = connection
            self._silent[task] = loop.time()
            task.add_done_callback(self._arrived)

    def _wait_s(self) -> float:
        """For how long nobody is let in; the oldest silent connection gives way to one more."""
        arriving = len(self._shaking) + (len(self._silent) if self._tls is None else 0)
        wait_s = self.gatekeeper.wait_s(arriving)
        if wait_s == 0 and len(self._silent) >= self._most_silent:
            oldest, since_s = next(iter(self._silent.items()))
            wait_s = max(0.0, since_s + self._slow_s - asyncio.get_running_loop().time())
            if wait_s == 0:
                del self._silent[oldest]
                oldest.cancel()
        return wait_s

    def _arrived(self, task: asyncio.Task[None]) -> None:
        never_begun = self._tasks.pop(task, None)
        if never_begun is not None:
            never_begun.close()
        self._silent.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("a connection could not be taken", exc_info=task.exception())
        self._resume()

    async def _admit(self, connection: socket.socket, peer: object) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection arrives in a task of its own"
        self._tasks[task] = None
        try:
            if self._tls is None:
                await self._connect(connection, None)
            else:
                await self._shake_hands(task, connection, self._tls)
        except (OSError, TimeoutError) as error:
            # A node that does not trust the CA says so here, and nowhere else.
            log.info("a connection was not made", peer=_address(peer), reason=_reason(error))

    async def _shake_hands(self, task: asyncio.Task[None], connection: socket.socket, tls: TlsSource) -> None:
        try:
            await _first_byte(connection)
            self._silent.pop(task, None)
            if self._slots.locked():
                self._watch()
            await self._slots.acquire()
        except BaseException:
            connection.close()
            raise
        try:
            self._shaking[task] = asyncio.get_running_loop().time()
            await self._connect(connection, tls.context)
        finally:
            self._shaking.pop(task, None)
            self._slots.release()

    async def _connect(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        if self._factory is None:
            connection.close()
            return
        limit_s = None if context is None else HANDSHAKE_S
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(self._factory, connection, ssl=context, ssl_handshake_timeout=limit_s)

    def _watch(self) -> None:
        """Somebody waits for a handshake's place: see to it that slow ones give way."""
        if self._watching is None:
            loop = asyncio.get_running_loop()
            oldest_s = next(iter(self._shaking.values()), loop.time())
            self._watching = loop.call_at(max(oldest_s + self._slow_s, loop.time() + TICK_S), self._end_slow)

    def _end_slow(self) -> None:
        self._watching = None
        if not self._slots.locked():
            return
        before_s = asyncio.get_running_loop().time() - self._slow_s
        for task, since_s in list(self._shaking.items()):
            if since_s > before_s:
                break
            task.cancel()
        self._watch()


def _reason(error: Exception) -> str:
    """Why a connection was not made; most clients that do not trust a certificate hang up without a word."""
    if isinstance(error, ConnectionResetError | BrokenPipeError) or not str(error):
        return f"the peer hung up while TLS was agreed on, as who does not trust the CA does ({type(error).__name__})"
    return str(error)


def _address(peer: object) -> str:
    match peer:
        case (str(host), int(port), *_):
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return str(peer)


async def _first_byte(connection: socket.socket) -> None:
    """Wait until something has come, or the end. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    come: asyncio.Future[None] = loop.create_future()
    number = connection.fileno()

    def note() -> None:
        if not come.done():
            come.set_result(None)

    loop.add_reader(number, note)
    try:
        async with asyncio.timeout(HANDSHAKE_S):
            await come
    finally:
        loop.remove_reader(number)
