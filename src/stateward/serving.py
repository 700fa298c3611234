"""Running a Server on a socket: one process, one data directory, a clean end (design 3, node protocol 9.3)."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import socket
from collections.abc import Callable
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import uvicorn

from stateward.access.key_proof import AnotherMasterKey
from stateward.api.connections import Gatekeeper, guarded_protocol
from stateward.app import Server
from stateward.config import Address, Config
from stateward.storage.migrations import NewerDatabase

LOCK_FILE = "stateward.lock"
WEBSOCKET_FRAME = 256 * 1024
DRAIN_S = 5


class CannotServe(Exception):
    """The server cannot start; the text says why and what would help."""


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


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 picks a free one. Raises CannotServe."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, proto)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(1024)
    except OSError as error:
        raise CannotServe(
            f"address {host}:{port}: cannot listen ({error.strerror}); choose another with --port (0 picks a free one)"
        ) from error
    sock.setblocking(False)
    return sock


def url_of(sock: socket.socket) -> str:
    """The address of a listening socket as clients write it."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def client_url(sock: socket.socket) -> str:
    """The address under which clients on this machine reach a listening socket."""
    url = urlsplit(url_of(sock))
    host = ip_address(url.hostname or "")
    return f"http://127.0.0.1:{url.port}" if host.is_unspecified else url.geturl()


class _QuietServer(uvicorn.Server):
    """uvicorn without its own hand on the process's signals."""

    @contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


def open_server(config: Config) -> Server:
    """Build the server. Raises CannotServe with a sentence for people."""
    try:
        return Server(config)
    except (NewerDatabase, OSError) as error:
        raise CannotServe(str(error)) from error


async def serve(config: Config, on_ready: Callable[[str], None], stopping: asyncio.Event | None = None) -> None:
    """Serve until SIGTERM, Ctrl-C, or `stopping`. Raises CannotServe before it serves."""
    with prepare_directory(config.data_dir), bind(config.host, config.port) as sock:
        server = open_server(config)
        stopped = stopping or asyncio.Event()
        loop = asyncio.get_running_loop()
        if stopping is None:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stopped.set)

        def ready() -> None:
            Address(client_url(sock), config.region, config.account_id).save(config.data_dir)
            on_ready(url_of(sock))

        try:
            await run(server, sock, ready, stopped)
        except AnotherMasterKey as error:
            raise CannotServe(str(error)) from error


async def run(server: Server, sock: socket.socket, on_ready: Callable[[], None], stopped: asyncio.Event) -> None:
    """Serve one Server on one socket until `stopped`. Raises what the start of the server raises."""
    http = _QuietServer(
        uvicorn.Config(
            server,
            http=guarded_protocol(Gatekeeper()),
            ws="websockets-sansio",
            ws_max_size=WEBSOCKET_FRAME,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            timeout_graceful_shutdown=DRAIN_S,
        )
    )
    serving = asyncio.create_task(http.serve(sockets=[sock]), name="http")
    try:
        await server.start()
        while not http.started and not serving.done():  # noqa: ASYNC110 - uvicorn tells it by this flag only
            await asyncio.sleep(0.001)
        on_ready()
        stop = asyncio.create_task(stopped.wait())
        await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
    finally:
        await server.gateway.stop()
        http.should_exit = True
        await serving
        await server.stop()
