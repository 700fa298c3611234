"""Connections that never authenticate are bounded in number and time (design 5)."""

import asyncio
import http.client
import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import uvicorn
from uvicorn.server import ServerState

from live_server import KEY_ID, REGION, SECRET
from programs import get
from signed_requests import send, signed
from stateward.access.signing import SignedRequest, sign_hmac
from stateward.api import requests
from stateward.api.connections import Gatekeeper, guarded_protocol
from stateward.clock import wall_ms
from stateward.wire.errors import AwsError


class Doors:
    """A server whose only protection is a Gatekeeper with these limits."""

    def __init__(self, **limits):
        self.gatekeeper = Gatekeeper(**limits)
        self.peers = []

    async def __aenter__(self):
        config = uvicorn.Config(self._application, lifespan="off", log_config=None, interface="asgi3")
        config.load()
        state = ServerState()
        protocol = guarded_protocol(self.gatekeeper)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: protocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        return self

    async def __aexit__(self, *exc):
        for _, writer in self.peers:
            writer.close()
        self._server.close()
        await self._server.wait_closed()

    async def enter(self):
        reader, writer = await asyncio.open_connection(*self._server.sockets[0].getsockname())
        self.peers.append((reader, writer))
        return reader, writer

    async def ask(self, peer, path):
        reader, writer = peer
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert head.startswith(b"HTTP/1.1 200")

    async def _application(self, scope, receive, send):
        if scope["path"] == "/signed":
            scope["authenticated"]()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


async def is_closed(peer):
    """Wait for the end of a connection."""
    try:
        return await asyncio.wait_for(peer[0].read(), 10) == b""
    except ConnectionError:
        return True


def test_silent_connections_are_closed_after_a_while():
    async def work():
        async with Doors(life_s=0.05) as doors:
            assert await is_closed(await doors.enter())

    asyncio.run(work())


def test_answers_without_a_signature_do_not_keep_a_connection():
    async def work():
        async with Doors(life_s=0.2) as doors:
            peer = await doors.enter()
            await doors.ask(peer, "/healthz")
            assert await is_closed(peer)

    asyncio.run(work())


def test_the_oldest_stranger_gives_way():
    async def work():
        async with Doors(limit=3) as doors:
            peers = [await doors.enter() for _ in range(3)]
            for peer in peers:
                await doors.ask(peer, "/healthz")
            await doors.ask(await doors.enter(), "/healthz")
            assert await is_closed(peers[0])
            for peer in peers[1:]:
                await doors.ask(peer, "/healthz")

    asyncio.run(work())


def test_who_has_authenticated_stays_and_does_not_count():
    async def work():
        async with Doors(limit=2, life_s=0.2) as doors:
            known = await doors.enter()
            await doors.ask(known, "/signed")
            strangers = [await doors.enter() for _ in range(3)]
            for stranger in strangers:
                assert await is_closed(stranger)
            await doors.ask(known, "/healthz")

    asyncio.run(work())


def test_a_server_has_such_a_gatekeeper(start_server, monkeypatch):
    monkeypatch.setattr("stateward.serving.Gatekeeper", lambda: Gatekeeper(limit=2, patience_s=0))
    server = start_server()
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as first:
        strangers = [socket.create_connection((host, int(port)), timeout=10) for _ in range(2)]
        assert first.recv(1) == b""
        for stranger in strangers:
            stranger.close()
    headers, body = signed(server)
    assert send(server, headers, body).status == 200


def test_a_caller_of_sts_is_no_stranger(start_server, monkeypatch):
    monkeypatch.setattr("stateward.serving.Gatekeeper", lambda: Gatekeeper(limit=2, patience_s=0))
    server = start_server()
    address = urlsplit(server.url)
    headers = {"host": address.netloc, "content-type": "application/x-www-form-urlencoded"}
    question = b"Action=GetCallerIdentity&Version=2011-06-15"
    sign = sign_hmac(
        SignedRequest("POST", "/", "", headers, question),
        access_key_id=KEY_ID,
        secret_access_key=SECRET,
        session_token=None,
        region=REGION,
        service="sts",
        now_ms=wall_ms(),
    )
    connection = http.client.HTTPConnection(address.netloc, timeout=10)
    connection.auto_open = 0
    connection.connect()
    with ExitStack() as stack:
        stack.callback(connection.close)
        for _ in range(2):
            connection.request("POST", "/", question, {**headers, **sign})
            answer = connection.getresponse()
            assert (answer.status, b"GetCallerIdentityResult" in answer.read()) == (200, True)
            for _ in range(3):
                stack.enter_context(socket.create_connection((address.hostname, address.port), timeout=10))
            assert get(f"{server.url}/healthz")[0] == 200, "what came in before has been seen"


# The address that a connection was made to


@pytest.mark.parametrize(
    ("local", "host", "served"),
    [
        pytest.param("10.0.0.5", "10.0.0.5:8390", True, id="the address itself"),
        pytest.param("10.0.0.5", "10.0.0.5", True, id="without its port"),
        pytest.param("10.0.0.5", "10.0.0.6:8390", False, id="another address"),
        pytest.param("10.0.0.5", "node.example.test:8390", False, id="a name, which can be bound anew"),
        pytest.param("::ffff:10.0.0.5", "10.0.0.5:8390", True, id="through a socket of both families"),
        pytest.param("fd00::5", "[fd00:0::5]:8390", True, id="IPv6, spelt otherwise"),
        pytest.param("fe80::5%eth0", "[fe80::5]:8390", True, id="link-local"),
        pytest.param("fd00::5", "[fd00::6]:8390", False, id="another IPv6 address"),
        pytest.param("/run/stateward.sock", "10.0.0.5", False, id="a socket without address"),
    ],
)
def test_the_address_of_the_connection_is_served(local, host, served):
    scope = {"server": (local, 8390)}
    if served:
        requests.refuse_strangers(scope, {"host": host}, ())
        return
    with pytest.raises(AwsError) as caught:
        requests.refuse_strangers(scope, {"host": host}, ())
    assert (caught.value.code, caught.value.status) == ("AccessDeniedException", 403)


def test_a_server_off_loopback_answers_to_its_address(start_server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing, only finds the way
        except OSError:
            pytest.skip("this machine has loopback only")
        address = probe.getsockname()[0]
    server = start_server(host=address, insecure_http=True)
    assert server.url.startswith(f"http://{address}:")
    assert get(f"{server.url}/healthz") == (200, "ok\n")
    assert get(f"{server.url}/healthz", Host="other.example.test")[0] == 403
    assert send(server, *signed(server)).status == 200
