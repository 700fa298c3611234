"""A proxy that stands between a node and the server, and does to an exchange what it is told to.

It answers instead of the server, or after it (so that the server's own answer is lost), or not at all; it goes deaf,
cuts every websocket, and lets nobody through while the server is away.
"""

import http.client
import json
import socket
import threading
from collections import Counter, deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from every_run import with_the_rest_slow

WAIT_S = 30
END_OF_HEAD = b"\r\n\r\n"
REACHES = with_the_rest_slow((False, True), (False,), {False: "instead", True: "after"}.get)
"""Whether what the proxy answers to has reached the server: it answers instead of the server, or after it."""
HOP = ("connection", "content-length", "transfer-encoding", "keep-alive")
XML, JSON = "application/xml", "application/x-amz-json-1.1"


class Fault(NamedTuple):
    """What becomes of one exchange."""

    status: int | None
    """None: the connection is closed without an answer."""

    body: Any = ""
    reaches: bool = False
    """Whether the server has dealt with the request before."""

    @property
    def text(self):
        return self.body if isinstance(self.body, str) else json.dumps(self.body)


class FaultProxy:
    """One proxy on a free loopback port; what is not spoiled passes unchanged, signatures included."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.came, self.reached = Counter(), Counter()
        """Operation, or method of a channel's call → how often a node asked, and how often the server heard it."""
        self.lost = []
        """(name, status) of the server's own answers that no node has seen."""
        self._faults = deque()
        self._tunnels = []
        self._server = _Listener(("127.0.0.1", 0), _Exchange)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, name="fault proxy", daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self.cut()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WAIT_S)

    def spoil(self, *faults):
        """The next requests meet these, one each."""
        self._faults += faults

    @property
    def is_spent(self):
        """Whether every fault has been met."""
        return not self._faults

    def deafen(self):
        """From now on nothing comes through the websockets that are open; they stay open."""
        for tunnel in self._tunnels:
            tunnel.is_deaf = True

    @property
    def swallowed(self):
        """How many bytes of nodes were not passed on."""
        return sum(tunnel.swallowed for tunnel in self._tunnels)

    def cut(self):
        """Reset every websocket."""
        for tunnel in self._tunnels:
            tunnel.cut()

    def next_fault(self, name):
        """What the request of this name meets; None: it passes."""
        self.came[name] += 1
        fault = self._faults.popleft() if self._faults else None
        if fault is None or fault.reaches:
            self.reached[name] += 1
        return fault

    def tunnel(self, node, server):
        made = _Tunnel(node, server)
        self._tunnels.append(made)
        return made


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A connection that was cut is no error here."""


class _Exchange(BaseHTTPRequestHandler):
    """The connection of one node: one exchange after the other, or a websocket from its upgrade on."""

    protocol_version = "HTTP/1.1"
    timeout = WAIT_S

    def log_message(self, *_):
        """Tests read what came from the counters."""

    @property
    def _proxy(self):
        return self.server.proxy

    def do_POST(self):
        body = self._body()
        target = self.headers.get("x-amz-target", "POST channel")
        name = target.rpartition(".")[2]
        fault = self._proxy.next_fault(name)
        if fault is not None and not fault.reaches:
            self._spoil(fault)
            return
        answer = self._forward(body)
        if fault is None:
            self._say(*answer)
        else:
            self._proxy.lost.append((name, answer[0]))
            self._spoil(fault)

    def do_GET(self):
        fault = self._proxy.next_fault("GET channel")
        if fault is not None and not fault.reaches:
            self._spoil(fault)
            return
        with self._dial() as server:
            server.sendall(self._head())
            if fault is None:
                self._proxy.tunnel(self.connection, server).run()
                self.close_connection = True
            else:
                self._proxy.lost.append(("GET channel", _status_of(server)))
                self._spoil(fault)

    def _body(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _forward(self, body):
        """(status, headers, body) of the server's own answer."""
        chunked = self.headers.get("transfer-encoding") == "chunked"
        connection = http.client.HTTPConnection(urlsplit(self._proxy.upstream).netloc, timeout=WAIT_S)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(iter([body]) if chunked else body, encode_chunked=chunked)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _say(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _spoil(self, fault):
        if fault.status is None:
            self.close_connection = True
            return
        kind = XML if fault.text.startswith("<") else JSON
        self._say(fault.status, [("content-type", kind)], fault.text.encode())

    def _dial(self):
        where = urlsplit(self._proxy.upstream)
        return socket.create_connection((where.hostname, where.port), WAIT_S)

    def _head(self):
        lines = [self.requestline, *(f"{name}: {value}" for name, value in self.headers.items())]
        return "\r\n".join(lines).encode() + END_OF_HEAD


class _Tunnel:
    """The bytes of one websocket, both ways."""

    def __init__(self, node, server):
        self.is_deaf = False
        self.swallowed = 0
        self._node, self._server = node, server

    def run(self):
        """Until one of both has closed."""
        for end in (self._node, self._server):
            end.settimeout(None)
        back = threading.Thread(target=self._pump, args=(self._server, self._node), daemon=True)
        back.start()
        self._pump(self._node, self._server)
        back.join()

    def cut(self):
        for end in (self._node, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _pump(self, source, sink):
        with suppress(OSError):
            while data := source.recv(65536):
                if self.is_deaf:
                    self.swallowed += len(data) if source is self._node else 0
                else:
                    sink.sendall(data)
        self.cut()


def _status_of(connection):
    """The status of the server's answer to an upgrade."""
    told = b""
    while END_OF_HEAD not in told:
        told += connection.recv(4096)
    return int(told.split()[1])
