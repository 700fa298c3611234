"""A web server on loopback whose answers a test makes up."""

import base64
import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

NAME, PASSWORD = "user", "pass word"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        web = self.server.web
        web.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        web.asked.set()
        answer = web.answers.get(self.path.partition("?")[0])
        if answer is None:
            self.reply(404, {}, b"no")
        else:
            answer(self)

    do_PUT = do_GET

    def reply(self, status, headers, body):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def content(body, **headers):
    return lambda handler: handler.reply(200, headers, body)


def redirect(target):
    return lambda handler: handler.reply(302, {"Location": target}, b"")


def basic(body):
    expected = "Basic " + base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()

    def answer(handler):
        known = handler.headers.get("Authorization") == expected
        handler.reply(*((200, {}, body) if known else (401, {"WWW-Authenticate": "Basic"}, b"")))

    return answer


def digest(body):
    def answer(handler):
        given = handler.headers.get("Authorization", "")
        if not given.startswith("Digest "):
            handler.reply(401, {"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'}, b"")
            return
        fields = dict(part.strip().split("=", 1) for part in given.removeprefix("Digest ").split(","))
        fields = {name: value.strip('"') for name, value in fields.items()}
        secret = _md5(f"{NAME}:r:{PASSWORD}")
        request = _md5(f"GET:{handler.path}")
        expected = _md5(f"{secret}:n:{fields['nc']}:{fields['cnonce']}:auth:{request}")
        handler.reply(*((200, {}, body) if fields["response"] == expected else (403, {}, b"")))

    return answer


def endless(handler):
    """A body that never ends, without a length."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(bytes(64 * 1024))
    except OSError:
        handler.close_connection = True


def silent(handler):
    """An answer that never comes, until the server ends."""
    handler.server.web.over.wait(60)
    handler.close_connection = True


def _md5(text):
    return hashlib.md5(text.encode()).hexdigest()


@contextmanager
def web_server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.block_on_close = False
    url = f"http://127.0.0.1:{server.server_address[1]}"
    server.web = SimpleNamespace(answers={}, requests=[], url=url, over=threading.Event(), asked=threading.Event())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.web
    finally:
        server.web.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
