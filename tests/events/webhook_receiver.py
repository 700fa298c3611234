"""A receiver of webhooks in a thread: answers as told, checks signatures, remembers what came."""

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAIT_S = 20


class Delivery:
    """One request as it came."""

    def __init__(self, headers, body):
        self.headers = headers
        self.body = body
        self.event = json.loads(body)
        self.id = headers["webhook-id"]

    def is_signed_with(self, secret):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        text = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        return self.headers["webhook-signature"] == f"v1,{expected}"


class WebhookReceiver:
    """`statuses` are the answers to come, then 204; `hangs` lets every request wait until it is closed."""

    def __init__(self, *statuses, hangs=False):
        self.deliveries = []
        self.accepted = []
        self.statuses = list(statuses)
        self._hangs = hangs
        self._ending = threading.Event()
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?token=a-secret-token"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()

    def wait_for(self, condition):
        """Wait until `condition(self)` holds."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), WAIT_S), f"{len(self.deliveries)} came"

    def _take(self, headers, body):
        with self._changed:
            delivery = Delivery(headers, body)
            self.deliveries.append(delivery)
            status = self.statuses.pop(0) if self.statuses else 204
            if 200 <= status < 300:
                self.accepted.append(delivery)
            self._changed.notify_all()
        if self._hangs:
            self._ending.wait(WAIT_S)
        return status

    def _handler(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver._take({name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler
