"""The proxy that outages are made with does what it says, at the byte that it says."""

import asyncio
import socket

import pytest
from cutting_proxy import DOWN, UP, Connection, CuttingProxy

from waiting import until


@pytest.fixture
def echo(server_thread):
    """A server that answers with what it hears; its port."""

    async def serve():
        async def answer(reader, writer):
            while data := await reader.read(1000):
                writer.write(data)
            writer.close()

        return await asyncio.start_server(answer, "127.0.0.1", 0)

    async def end(server):
        server.close()

    server = server_thread.run(serve())
    yield server.sockets[0].getsockname()[1]
    server_thread.run(end(server))


@pytest.fixture
def make_proxy(server_thread, echo):
    made = []

    def make(**settings):
        def dial(factory):
            return asyncio.get_running_loop().create_connection(factory, "127.0.0.1", echo)

        made.append(CuttingProxy(server_thread, dial, **settings))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture
def proxy(make_proxy):
    return make_proxy()


@pytest.fixture
def connect():
    made = []

    def connect(proxy):
        made.append(socket.create_connection(("127.0.0.1", proxy.port), 10))
        return made[-1]

    yield connect
    for sock in made:
        sock.close()


def heard(sock, count):
    """So many bytes, or what came before the end."""
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            break
        data += part
    return data


def test_it_carries_in_both_directions(proxy, connect):
    sock = connect(proxy)
    sock.sendall(b"hello")
    assert heard(sock, 5) == b"hello"


@pytest.mark.parametrize("count", [0, 1, 7, 9])
@pytest.mark.parametrize("direction", [UP, DOWN])
def test_it_ends_a_connection_at_a_byte(proxy, connect, direction, count):
    sock = connect(proxy)
    fallen = proxy.at(direction, count, Connection.close)
    sock.sendall(b"0123456789")
    assert heard(sock, 10) == (b"" if direction == UP else b"0123456789"[:count])
    assert fallen.is_set()
    assert not proxy.at(direction, 1, Connection.close).is_set()


def test_a_reset_is_a_reset(proxy, connect):
    sock, other = connect(proxy), connect(proxy)
    for one in (sock, other):
        one.sendall(b"x")
        assert heard(one, 1) == b"x"
    proxy.cut()
    for one in (sock, other):
        with pytest.raises(ConnectionResetError):
            one.recv(1)


def test_it_refuses_with_its_door_closed_and_takes_the_next_with_it_open(proxy, connect):
    sock = connect(proxy)
    sock.sendall(b"here")
    assert heard(sock, 4) == b"here"
    proxy.close_door()
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.open_door()
    for one in (sock, connect(proxy)):
        one.sendall(b"still here")
        assert heard(one, 10) == b"still here"


def test_it_resets_the_next_connections(proxy, connect):
    proxy.refuse_next(2)
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            connect(proxy).recv(1)
    sock = connect(proxy)
    sock.sendall(b"third")
    assert heard(sock, 5) == b"third"


def test_a_silent_connection_stays_open_and_carries_nothing(proxy, connect):
    sock = connect(proxy)
    proxy.silence()
    late = connect(proxy)
    for one in (sock, late):
        one.sendall(b"anybody there?")
        one.settimeout(0.05)
        with pytest.raises(TimeoutError):
            one.recv(1)
    proxy.speak()
    fresh = connect(proxy)
    fresh.sendall(b"fresh")
    assert heard(fresh, 5) == b"fresh"
    with pytest.raises(TimeoutError):
        late.recv(1)


def test_what_is_held_back_comes_later_and_in_order(proxy, connect):
    sock = connect(proxy)
    delayed = proxy.at(UP, 3, lambda connection: connection.delay(0.05))
    sock.sendall(b"012345")
    until(delayed.is_set)
    sock.sendall(b"6789")
    assert heard(sock, 10) == b"0123456789"


def test_what_was_ordered_and_called_off_never_happens(proxy, connect):
    sock = connect(proxy)
    proxy.at(UP, 2, Connection.reset)
    proxy.refuse_next(1)
    proxy.calm()
    for one in (sock, connect(proxy)):
        one.sendall(b"01234")
        assert heard(one, 5) == b"01234"


def test_it_stops_channels_and_lets_requests_pass(make_proxy, connect):
    proxy = make_proxy(passes_channels=False)
    sock = connect(proxy)
    sock.sendall(b"POST / HTTP/1.1")
    assert heard(sock, 15) == b"POST / HTTP/1.1"
    channel = connect(proxy)
    channel.sendall(b"GET /v1/control-channel/mi-1 HTTP/1.1")
    with pytest.raises(ConnectionResetError):
        channel.recv(1)
