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
MOST_HANDSHAKES = 256
HANDSHAKE_S = 10.0
SLOW_HANDSHAKE_S = 3.0
EXHAUSTED_S = 0.5
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
log = structlog.get_logger("stateward.api")


class TlsSource(Protocol):
    """Has the context for the next connection; it changes when a certificate is renewed."""

    @property
    def context(self) -> ssl.SSLContext: ...


class Listener:
    """Accepts on one socket; over TLS when it is given a source of contexts.

    At most `handshakes` connections shake hands at a time. Where there are more, one that has been at it for three
    seconds gives way, so that silent ones cannot keep the others out.
    """

    def __init__(
        self,
        sock: socket.socket,
        gatekeeper: Gatekeeper,
        tls: TlsSource | None = None,
        *,
        handshakes: int = MOST_HANDSHAKES,
        slow_s: float = SLOW_HANDSHAKE_S,
    ) -> None:
        self.socket = sock
        self.gatekeeper = gatekeeper
        self._tls = tls
        self._most = handshakes
        self._slow_s = slow_s
        self._factory: Callable[[], asyncio.Protocol] | None = None
        self._arriving: OrderedDict[asyncio.Task[None], float] = OrderedDict()
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
        for task in self._arriving:
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
            wait_s = self.gatekeeper.wait_s(len(self._arriving))
            if wait_s > 0:
                self._pause(wait_s)
                return
            if len(self._arriving) >= self._most and not self._make_way():
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
            task = asyncio.get_running_loop().create_task(self._admit(connection, peer), name="a connection arrives")
            self._arriving[task] = asyncio.get_running_loop().time()
            task.add_done_callback(self._arrived)

    def _make_way(self) -> bool:
        """End the oldest handshake if it is a slow one; otherwise wait until there is room, or it is."""
        oldest, since_s = next(iter(self._arriving.items()))
        left_s = since_s + self._slow_s - asyncio.get_running_loop().time()
        if left_s > 0:
            self._pause(left_s)
            return False
        del self._arriving[oldest]
        oldest.cancel()
        return True

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self._arriving.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("a connection could not be taken", exc_info=task.exception())
        self._resume()

    async def _admit(self, connection: socket.socket, peer: object) -> None:
        factory = self._factory
        if factory is None:
            connection.close()
            return
        context = None if self._tls is None else self._tls.context
        limit_s = None if context is None else HANDSHAKE_S
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(factory, connection, ssl=context, ssl_handshake_timeout=limit_s)
        except (OSError, TimeoutError) as error:
            # A node that does not trust the CA says so here, and nowhere else.
            log.info("a connection was not made", peer=str(peer), reason=str(error) or type(error).__name__)
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise
