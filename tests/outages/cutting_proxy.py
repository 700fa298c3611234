"""A TCP proxy between a node and its server that breaks off at a given byte, falls silent, refuses, or comes late."""

import asyncio
import socket
import struct
import threading
from functools import partial

HOST = "127.0.0.1"
WAIT_S = 30
UP, DOWN = "up", "down"
"""From the node to the server, and back."""

OPENS_CHANNEL = b"GET /v1/control-channel/"


class CuttingProxy:
    """One port of the node's side. Every method may be called from any thread; `dial` connects to the server.

    `passes_channels` False: requests pass, websockets do not, as behind many a proxy of a company.
    """

    def __init__(self, thread, dial, passes_channels=True):
        self.passes_channels = passes_channels
        self.is_silent = False
        self._thread = thread
        self._dial = dial
        # Never listens; keeps the number while the door is closed.
        self._place = _bound(0)
        self.port = self._place.getsockname()[1]
        self._door = None
        self._connections = set()
        self._carried = {UP: 0, DOWN: 0}
        self._orders = []
        self._is_closed = False
        self._refusals = 0
        self.open_door()

    def open_door(self):
        """Take connections again."""
        self._call(self._open_door())

    def close_door(self):
        """Whoever connects is refused; what is connected stays."""
        self._call(self._close_door())

    def cut(self):
        """Reset every connection."""
        self._call(self._each(Connection.reset))

    def silence(self):
        """Swallow everything from now on, also on new connections; nobody is told."""
        self.is_silent = True
        self._call(self._each(Connection.swallow))

    def speak(self):
        """New connections carry again; those that fell silent stay so."""
        self.is_silent = False

    def refuse_next(self, count):
        """Reset so many connections as soon as they come."""
        self._refusals += count

    def at(self, direction, count, act):
        """Do `act(connection)` when so many more bytes have gone in that direction, and not one byte later.

        The event is set when it was done.
        """
        done = threading.Event()
        self._call(self._order(direction, count, act, done))
        return done

    def carried(self, direction):
        """How many bytes have gone in that direction."""
        return self._carried[direction]

    def calm(self):
        """Drop what was ordered and has not happened."""
        self._refusals = 0
        self._call(self._drop_orders())

    def close(self):
        self._call(self._close())

    def _call(self, coroutine):
        return self._thread.run(coroutine, WAIT_S)

    async def _open_door(self):
        loop = asyncio.get_running_loop()
        self._door = await loop.create_server(partial(_Half, self), sock=_bound(self.port))

    async def _close_door(self):
        door, self._door = self._door, None
        if door is not None:
            door.close()

    async def _each(self, act):
        for connection in list(self._connections):
            act(connection)

    async def _order(self, direction, count, act, done):
        self._orders.append((direction, self._carried[direction] + count, act, done))

    async def _drop_orders(self):
        self._orders.clear()

    async def _close(self):
        self._is_closed = True  # what was accepted a moment ago has not entered yet
        await self._close_door()
        for connection in list(self._connections):
            connection.reset()
        self._place.close()

    # Called by the connections, in the loop

    def enter(self, connection):
        self._connections.add(connection)
        if self._is_closed:
            connection.reset()
        elif self.is_silent:
            connection.swallow()
        elif self._refusals > 0:
            self._refusals -= 1
            connection.reset()
        else:
            connection.dialling = asyncio.ensure_future(connection.join(self._dial))

    def leave(self, connection):
        self._connections.discard(connection)

    def pass_on(self, connection, direction, data):
        """Carry bytes, with what was ordered at its exact place between them."""
        while data and not connection.is_over:
            due = [order for order in self._orders if order[0] == direction]
            place, order = min(((one[1], one) for one in due), key=lambda one: one[0], default=(None, None))
            room = len(data) if place is None else place - self._carried[direction]
            part, data = data[:room], data[room:]
            self._carried[direction] += len(part)
            connection.carry(direction, part)
            if place is not None and self._carried[direction] >= place:
                self._orders.remove(order)
                order[2](connection)
                order[3].set()


class Connection:
    """The two halves of a connection; what one hears, the other says."""

    def __init__(self, proxy, node):
        self._proxy = proxy
        self._node = node
        self._server = None
        self._early = []
        self._late = None
        self.dialling = None
        self.is_over = False
        self.is_silent = False

    async def join(self, dial):
        """Connect to the server; who cannot be brought there is cut off."""
        try:
            transport, half = await dial(lambda: _Half(self._proxy, self))
        except OSError:
            self.reset()
            return
        self._server = half
        if self.is_over:
            transport.abort()
            return
        early, self._early = self._early, []
        for data in early:
            self._proxy.pass_on(self, UP, data)

    def hear(self, half, data):
        if self.is_silent or self.is_over:
            return
        if half is self._node and data.startswith(OPENS_CHANNEL) and not self._proxy.passes_channels:
            self.reset()
            return
        if half is self._node and self._server is None:
            self._early.append(data)
            return
        self._proxy.pass_on(self, UP if half is self._node else DOWN, data)

    def carry(self, direction, data):
        if self.is_silent or not data:
            return
        if self._late is not None:
            self._late.append((direction, data))
            return
        half = self._server if direction == UP else self._node
        if half is not None and not half.transport.is_closing():
            half.transport.write(data)

    def hang_up(self, half):
        """One side has gone: so goes the other, unless everything is silent between them."""
        if self.is_over or self.is_silent:
            return
        self._end(lambda transport: transport.close())

    def close(self):
        """End both sides in good order, after what was carried."""
        self._end(lambda transport: transport.close())

    def reset(self):
        """Break both sides off."""
        self._end(_break_off)

    def swallow(self):
        """Carry nothing any more, and leave both sides in the belief that all is well."""
        self.is_silent = True

    def delay(self, seconds):
        """Hold everything back for a while, then carry it in order."""
        if self._late is None:
            self._late = []
            asyncio.get_running_loop().call_later(seconds, self._go_on)

    def _go_on(self):
        late, self._late = self._late, None
        for direction, data in late:
            self.carry(direction, data)

    def _end(self, how):
        self.is_over = True
        self._proxy.leave(self)
        for half in (self._node, self._server):
            if half is not None:
                how(half.transport)


class _Half(asyncio.Protocol):
    def __init__(self, proxy, connection=None):
        self._proxy = proxy
        self._connection = connection
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport
        if self._connection is None:
            self._connection = Connection(self._proxy, self)
            self._proxy.enter(self._connection)

    def data_received(self, data):
        self._connection.hear(self, data)

    def connection_lost(self, _error):
        self._connection.hang_up(self)


def _break_off(transport):
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _bound(port):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((HOST, port))
    return sock
