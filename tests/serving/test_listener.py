"""A listener accepts no faster than is answered, and refuses nobody (node protocol 5.2, 9.3)."""

import asyncio
import errno
import gc
import socket
import ssl

import pytest
import uvicorn
from uvicorn.server import ServerState

from stateward.api.connections import Gatekeeper, guarded_protocol
from stateward.api.listener import Listener
from stateward.clock import wall_ms
from stateward.ports import bind
from stateward.tls import names
from stateward.tls.authority import Authority
from stateward.tls.contexts import PrivateTls, keep_fresh

DAY_MS = 24 * 60 * 60 * 1000


class Hall:
    """An application behind a listener; requests for /slow are answered when the test says so."""

    def __init__(self, *, tls=None, silent=4096, handshakes=256, slow_s=3.0, **limits):
        self.socket = bind("127.0.0.1", 0)
        own = {"silent": silent, "handshakes": handshakes, "slow_s": slow_s}
        self.listener = Listener(self.socket, Gatekeeper(**limits), tls, **own)
        self.address = self.socket.getsockname()
        self.answer = asyncio.Event()
        self.inside = 0
        self._tls = tls
        self._writers = []

    async def __aenter__(self):
        config = uvicorn.Config(self._application, lifespan="off", log_config=None, interface="asgi3")
        config.load()
        state = ServerState()
        protocol = guarded_protocol(self.listener.gatekeeper)
        self.listener.open(lambda: protocol(config=config, server_state=state, app_state={}))
        return self

    async def __aexit__(self, *exc):
        self.answer.set()
        self.listener.close()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)
        await asyncio.sleep(0)
        gc.collect()

    async def connect(self, *, secure=None):
        secure = self._tls is not None if secure is None else secure
        context = ssl._create_unverified_context() if secure else None
        reader, writer = await asyncio.open_connection(
            *self.address, ssl=context, server_hostname="localhost" if secure else None
        )
        self._writers.append(writer)
        return reader, writer

    async def ask(self, path="/", peer=None):
        reader, writer = peer or await self.connect()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return (await reader.readuntil(b"\r\n\r\n")).split()[1]

    async def stands(self):
        """How many are inside when that has stopped changing."""
        seen = -1
        while seen != self.inside:
            seen = self.inside
            for _ in range(100):
                await asyncio.sleep(0)
        return seen

    async def _application(self, scope, receive, send):
        self.inside += 1
        if scope["path"] == "/signed":
            scope["authenticated"]()
        if scope["path"] == "/slow":
            await self.answer.wait()
        self.inside -= 1
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is looked at tells nobody
            await asyncio.sleep(0)


@pytest.fixture
def tls(tmp_path):
    return PrivateTls(Authority.open(tmp_path, None, wall_ms()), names.LOOPBACK, wall_ms())


def test_who_is_not_let_in_waits_and_is_answered(monkeypatch):
    monkeypatch.setattr("stateward.api.listener.AT_ONCE", 1)

    async def work():
        async with Hall(asking=3) as hall:
            waiting = [asyncio.create_task(hall.ask("/slow")) for _ in range(100)]
            await until(lambda: hall.inside >= 3)
            assert await hall.stands() < 50, "the others wait outside"
            assert not any(task.done() for task in waiting)
            hall.answer.set()
            assert await asyncio.gather(*waiting) == [b"200"] * 100

    asyncio.run(work())


def test_a_crowd_is_let_in_by_and_by_and_nobody_is_thrown_out():
    """Far more at a time than may be silent: each asks as soon as it is in, as nodes do."""

    async def work():
        async with Hall(limit=4, asking=4) as hall:
            assert await asyncio.gather(*(hall.ask("/signed") for _ in range(200))) == [b"200"] * 200

    asyncio.run(work())


def test_a_request_in_hand_is_never_thrown_out():
    async def work():
        async with Hall(limit=2, patience_s=0.05) as hall:
            waiting = [asyncio.create_task(hall.ask("/slow")) for _ in range(5)]
            await until(lambda: hall.inside == 5)
            silent = [await hall.connect() for _ in range(4)]
            assert await silent[0][0].read() == b""
            assert await silent[1][0].read() == b""
            hall.answer.set()
            assert await asyncio.gather(*waiting) == [b"200"] * 5

    asyncio.run(work())


def test_answered_strangers_count_as_silent_again():
    async def work():
        async with Hall(limit=2, patience_s=0.05) as hall:
            peers = [await hall.connect() for _ in range(2)]
            for peer in peers:
                assert await hall.ask(peer=peer) == b"200"
            await hall.ask()
            assert await peers[0][0].read() == b""

    asyncio.run(work())


HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


def test_silent_connections_keep_nobody_waiting(tls):
    async def work():
        async with Hall(tls=tls, handshakes=2, slow_s=30) as hall:
            for _ in range(20):
                await hall.connect(secure=False)
            async with asyncio.timeout(10):
                assert await hall.ask() == b"200"

    asyncio.run(work())


def test_the_oldest_silent_connection_gives_way_after_a_while(tls):
    async def work():
        async with Hall(tls=tls, silent=2, slow_s=0.2) as hall:
            silent = [await hall.connect(secure=False) for _ in range(5)]
            async with asyncio.timeout(10):
                assert await hall.ask() == b"200"
            assert await silent[0][0].read() == b""

    asyncio.run(work())


def test_half_handshakes_give_way_after_a_while(tls):
    async def work():
        async with Hall(tls=tls, handshakes=2, slow_s=0.2) as hall:
            for _ in range(5):
                _, writer = await hall.connect(secure=False)
                writer.write(HALF_A_HELLO)
            async with asyncio.timeout(10):
                assert await asyncio.gather(*(hall.ask() for _ in range(10))) == [b"200"] * 10

    asyncio.run(work())


def test_a_crowd_shakes_hands_a_few_at_a_time(tls):
    async def work():
        async with Hall(tls=tls, handshakes=2) as hall:
            assert await asyncio.gather(*(hall.ask("/signed") for _ in range(50))) == [b"200"] * 50

    asyncio.run(work())


def test_no_handshake_lasts_for_ever(tls, monkeypatch):
    monkeypatch.setattr("stateward.api.listener.HANDSHAKE_S", 0.1)

    async def work():
        async with Hall(tls=tls) as hall:
            silent, _ = await hall.connect(secure=False)
            half, writer = await hall.connect(secure=False)
            writer.write(HALF_A_HELLO)
            assert await asyncio.wait_for(silent.read(), 10) == b""
            assert await asyncio.wait_for(half.read(), 10) == b""

    asyncio.run(work())


def test_a_slow_handshake_alone_is_left_its_time(tls):
    async def work():
        async with Hall(tls=tls, slow_s=0.01) as hall:
            silent, _ = await hall.connect(secure=False)
            for _ in range(3):
                assert await hall.ask() == b"200"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(silent.read(), 0.05)

    asyncio.run(work())


def test_a_handshake_that_fails_takes_nothing_with_it(tls):
    async def work():
        async with Hall(tls=tls) as hall:
            reader, writer = await hall.connect(secure=False)
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200" not in await reader.read()
            assert await hall.ask() == b"200"

    asyncio.run(work())


def test_a_closed_listener_leaves_its_connections_alone():
    async def work():
        async with Hall() as hall:
            peer = await hall.connect()
            assert await hall.ask(peer=peer) == b"200"
            hall.listener.close()
            assert await hall.ask(peer=peer) == b"200"
            with pytest.raises(OSError):
                await hall.connect()

    asyncio.run(work())


def test_without_files_left_it_goes_on_later(monkeypatch):
    monkeypatch.setattr("stateward.api.listener.EXHAUSTED_S", 0.05)

    class Full(socket.socket):
        refusals = 2

        def accept(self):
            if self.refusals:
                self.refusals -= 1
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    async def work():
        async with Hall() as hall:
            pass
        hall = Hall()
        hall.listener.socket = Full(fileno=hall.socket.detach())
        async with hall:
            async with asyncio.timeout(10):
                assert await hall.ask() == b"200"
            assert hall.listener.socket.refusals == 0

    asyncio.run(work())


def test_a_renewed_certificate_is_shown_to_new_connections(tls):
    """The clock is turned by two months while the server runs; nothing is restarted."""
    now = wall_ms()
    turned = iter([now, now + 59 * DAY_MS])

    async def certificate(hall):
        _, writer = await hall.connect()
        return writer.get_extra_info("ssl_object").getpeercert(binary_form=True)

    async def work():
        async with Hall(tls=tls) as hall:
            peer = await hall.connect()
            first, context = await certificate(hall), tls.context
            renewing = asyncio.create_task(keep_fresh(tls, lambda: next(turned, now + 61 * DAY_MS), look_s=0.01))
            await until(lambda: tls.context is not context)
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            assert await certificate(hall) != first
            assert await hall.ask(peer=peer) == b"200", "connections made before go on"

    asyncio.run(work())
