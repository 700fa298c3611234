"""Requests that come before the server is ready wait; probes are answered at once (node protocol 9.3)."""

import asyncio
import json
import threading

import pytest

from live_server import KEY_ID, SECRET
from programs import get
from signed_requests import send, signed
from stateward import serving
from stateward.api.doorway import Doorway
from stateward.api.listener import Listener
from stateward.app import Server
from stateward.config import Config
from stateward.testing.background import LoopThread

HTTP = {"type": "http", "method": "POST", "path": "/", "headers": [(b"host", b"localhost")], "server": None}
HEALTH = {**HTTP, "method": "GET", "path": "/healthz"}


async def told(doorway, scope):
    """What an application sends."""
    sent = []

    async def send(message):
        sent.append(message)

    await doorway(scope, None, send)
    return sent


async def greet(scope, receive, send):
    await send("hello")


def test_requests_wait_for_the_server():
    async def work():
        doorway = Doorway(())
        waiting = [asyncio.create_task(told(doorway, HTTP)) for _ in range(3)]
        waiting.append(asyncio.create_task(told(doorway, {**HTTP, "type": "websocket"})))
        (answer, body) = await told(doorway, HEALTH)
        assert (answer["status"], body["body"]) == (503, b"starting\n")
        assert not any(task.done() for task in waiting)
        doorway.open(greet)
        assert await asyncio.gather(*waiting) == [["hello"]] * 4
        assert await told(doorway, HEALTH) == ["hello"]

    asyncio.run(work())


def test_nobody_waits_for_ever():
    async def work():
        doorway = Doorway((), wait_s=0.01)
        answer, body = await told(doorway, HTTP)
        assert answer["status"] == 503
        assert json.loads(body["body"]) == {
            "__type": "ServiceUnavailableException",
            "message": "The server is starting. Try again in a moment.",
        }
        assert await told(doorway, {**HTTP, "type": "websocket"}) == [{"type": "websocket.close", "code": 1013}]

    asyncio.run(work())


def test_an_ending_server_says_so_and_goes_on():
    async def work():
        doorway = Doorway(())
        doorway.open(greet)
        doorway.close()
        answer, body = await told(doorway, HEALTH)
        assert (answer["status"], body["body"]) == (503, b"stopping\n")
        assert await told(doorway, HTTP) == ["hello"]

    asyncio.run(work())


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_strangers_learn_nothing_of_the_start(path):
    async def work():
        answer, body = await told(Doorway(()), {**HEALTH, "path": path, "headers": [(b"host", b"evil.test")]})
        assert answer["status"] == 403
        assert b"evil.test" in body["body"]

    asyncio.run(work())


class SlowServer(Server):
    """A database whose migration takes as long as the test says."""

    migrated = threading.Event()

    def __init__(self, config):
        assert self.migrated.wait(30)
        super().__init__(config)


class Starting:
    """A server in the middle of its migration, in a thread of its own."""

    def __init__(self, folder, monkeypatch):
        monkeypatch.setattr(serving, "Server", SlowServer)
        monkeypatch.setattr(serving, "Listener", self._listen)
        SlowServer.migrated.clear()
        self._bound, self._ready = threading.Event(), threading.Event()
        self._stopping = asyncio.Event()
        self._thread = LoopThread("starting server")
        keys = {"admin_access_key_id": KEY_ID, "admin_secret_access_key": SECRET}
        config = Config(data_dir=folder, port=0, durable=False, **keys)
        serve = serving.serve(config, lambda url: self._ready.set(), self._stopping)
        self._running = asyncio.run_coroutine_threadsafe(serve, self._thread.loop)
        assert self._bound.wait(30)

    def close(self):
        SlowServer.migrated.set()
        assert self._ready.wait(30)
        self._thread.loop.call_soon_threadsafe(self._stopping.set)
        self._running.result(30)
        self._thread.close()

    def _listen(self, sock, *more):
        self.url = serving.url_of(sock)
        self._bound.set()
        return Listener(sock, *more)


@pytest.fixture
def starting(tmp_path, monkeypatch):
    found = Starting(tmp_path / "data", monkeypatch)
    yield found
    found.close()


def test_the_port_is_open_during_a_migration(starting):
    answers = []
    asking = threading.Thread(target=lambda: answers.append(send(starting, *signed(starting)).status))
    asking.start()
    assert get(f"{starting.url}/healthz") == (503, "starting\n")
    assert get(f"{starting.url}/metrics") == (503, "starting\n")
    assert answers == []
    SlowServer.migrated.set()
    asking.join(30)
    assert answers == [200]
    assert get(f"{starting.url}/healthz") == (200, "ok\n")
