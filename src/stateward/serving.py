"""Running a Server on a socket: one process, one data directory, a clean end (design 3, node protocol 9.3)."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import IO

import structlog
import uvicorn

from stateward.access.key_proof import AnotherMasterKey
from stateward.api.connections import Gatekeeper, guarded_protocol
from stateward.api.doorway import Application, Doorway
from stateward.api.listener import Listener
from stateward.app import Server
from stateward.clock import wall_ms
from stateward.config import Address, Config
from stateward.ports import CannotServe, allow_many_files, bind, check_names, client_url, open_ports, url_of
from stateward.storage.migrations import NewerDatabase
from stateward.tls.contexts import ServerTls, keep_fresh

__all__ = ["CannotServe", "bind", "listen", "open_server", "prepare_directory", "run", "serve", "url_of"]

LOCK_FILE = "stateward.lock"
WEBSOCKET_FRAME = 256 * 1024
GRACE_S = 5
log = structlog.get_logger("stateward.serving")


def prepare_directory(path: Path) -> IO[str]:
    """Make the data directory (mode 0700) and take it for this process; the lock lives as long as the file is open."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = open(path / LOCK_FILE, "a+")  # noqa: SIM115 - kept open for the life of the process
    except OSError as error:
        raise CannotServe(
            f"data directory {path}: cannot be written ({error.strerror}); choose another with --data-dir"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise CannotServe(
            f"data directory {path}: another stateward serves it; stop that one, or choose another with --data-dir"
        ) from error
    return lock


class _Http(uvicorn.Server):
    """uvicorn behind our own listeners, without its own hand on the process's signals."""

    def __init__(self, application: Application, listeners: Sequence[Listener]) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                ws="websockets-sansio",
                ws_max_size=WEBSOCKET_FRAME,
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._listeners = listeners

    @contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        self.servers: list[asyncio.Server] = []
        for listener in self._listeners:
            listener.open(self._factory(listener))
        self.started = True

    def _factory(self, listener: Listener) -> Callable[[], asyncio.Protocol]:
        protocol = guarded_protocol(listener.gatekeeper)
        loop = asyncio.get_running_loop()

        def connect() -> asyncio.Protocol:
            return protocol(
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state, _loop=loop
            )

        return connect


def open_server(config: Config) -> Server:
    """Build the server. Raises CannotServe with a sentence for people."""
    try:
        return Server(config)
    except (NewerDatabase, OSError) as error:
        raise CannotServe(str(error)) from error


async def serve(config: Config, on_ready: Callable[[str], None], stopping: asyncio.Event | None = None) -> None:
    """Serve until SIGTERM, Ctrl-C, or `stopping`; `on_ready` hears each address. Raises CannotServe."""
    check_names(config)
    allow_many_files()
    with prepare_directory(config.data_dir) as lock, open_ports(config) as ports:
        hosts = (*config.allowed_hosts, *ports.host_names)
        config = replace(config, allowed_hosts=hosts, tls_endpoint=ports.public_endpoint)
        stopped = stopping or asyncio.Event()
        loop = asyncio.get_running_loop()
        if stopping is None:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stopped.set)

        def ready() -> None:
            address = Address(client_url(ports.plain), config.region, config.account_id, ports.public_endpoint)
            address.save(config.data_dir)
            _say_begin(lock, ports.urls)
            for url in ports.urls:
                on_ready(url)

        listeners = [Listener(ports.plain, Gatekeeper())]
        if ports.tls is not None:
            listeners.append(Listener(ports.tls, Gatekeeper(), ports.certificate))
        async with _fresh(ports.certificate):
            try:
                doorway = Doorway(config.allowed_hosts)
                await _run(lambda: open_server(config), doorway, listeners, ready, stopped, _say_stop)
            except AnotherMasterKey as error:
                raise CannotServe(str(error)) from error
        lock.truncate(0)
        log.info("the server has ended")


async def run(server: Server, sock: socket.socket, on_ready: Callable[[], None], stopped: asyncio.Event) -> None:
    """Serve one Server on one socket until `stopped`. Raises what the start of the server raises."""
    doorway = Doorway(server.config.allowed_hosts)
    await _run(lambda: server, doorway, [Listener(sock, Gatekeeper())], on_ready, stopped)


async def listen(application: Application, sock: socket.socket, stopped: asyncio.Event) -> None:
    """Answer on one socket with an application that is no server's for ever, until `stopped`."""
    listener = Listener(sock, Gatekeeper())
    http = _Http(application, [listener])
    answering = asyncio.create_task(http.serve(), name="http")
    try:
        await stopped.wait()
    finally:
        listener.close()
        http.should_exit = True
        await answering


async def _run(
    opening: Callable[[], Server],
    doorway: Doorway,
    listeners: Sequence[Listener],
    on_ready: Callable[[], None],
    stopped: asyncio.Event,
    on_stop: Callable[[int], None] = lambda channels: None,
) -> None:
    http = _Http(doorway, listeners)
    serving = asyncio.create_task(http.serve(), name="http")
    server: Server | None = None
    try:
        while not http.started and not serving.done():  # noqa: ASYNC110 - uvicorn tells it by this flag only
            await asyncio.sleep(0.001)
        # A migration takes its time, in a thread: who asks meanwhile is answered, or waits.
        server = await asyncio.to_thread(opening)
        await server.start()
        doorway.open(server)
        on_ready()
        stop = asyncio.create_task(stopped.wait())
        await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
    finally:
        doorway.close()
        for listener in listeners:
            listener.close()
        if server is not None:
            server.live.close()
            server.event_readers.close()
            if server.is_ready:
                on_stop(server.gateway.open_channels)
            await server.gateway.stop(server.config.drain_s)
        http.should_exit = True
        await serving
        if server is not None:
            await server.stop()


def _say_stop(channels: int) -> None:
    log.info("the server stops: it closes its channels", channels=channels)


def _say_begin(lock: IO[str], urls: Sequence[str]) -> None:
    """The lock file says from now on that there was no end yet."""
    lock.seek(0)
    if lock.read():
        log.warning("the server before this one did not end by itself: it was killed, or the machine went down")
    lock.truncate(0)
    lock.write("no end yet\n")
    lock.flush()
    log.info("the server has started", version=version("stateward"), addresses=list(urls))


@asynccontextmanager
async def _fresh(certificate: ServerTls | None) -> AsyncIterator[None]:
    if certificate is None:
        yield
        return
    renewing = asyncio.create_task(keep_fresh(certificate, wall_ms), name="certificate")
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
