"""Requests below boto3: every part of them can be wrong on purpose."""

import http.client
import json
from urllib.parse import urlsplit

from live_server import KEY_ID, REGION, SECRET
from stateward.access.signing import SignedRequest, sign_hmac
from stateward.clock import wall_ms

JSON = "application/x-amz-json-1.1"


class Reply:
    """Status, AWS's code and text, and the decoded body."""

    def __init__(self, answer):
        text = answer.read()
        self.status = answer.status
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        self.body = json.loads(text) if text.startswith(b"{") else text.decode()
        self.code = self.body.get("__type") if isinstance(self.body, dict) else None
        self.message = self.body.get("message") if isinstance(self.body, dict) else self.body


def signed(server, operation="ListDocuments", members=None, **how):
    """Headers and body of a signed call; `how` as for sign_hmac, `late` for headers that the signature leaves out."""
    body = members if isinstance(members, bytes) else json.dumps(members or {}).encode()
    late = how.pop("late", {})
    headers = {"host": urlsplit(server.url).netloc, "content-type": JSON, "x-amz-target": f"AmazonSSM.{operation}"}
    headers.update(how.pop("headers", {}))
    request = SignedRequest(
        "POST", how.pop("path", "/"), "", {name: value for name, value in headers.items() if name not in late}, body
    )
    settings = {
        "access_key_id": KEY_ID,
        "secret_access_key": SECRET,
        "session_token": None,
        "region": REGION,
        "service": "ssm",
        "now_ms": wall_ms(),
    }
    return {**headers, **sign_hmac(request, **{**settings, **how}), **late}, body


def send(server, headers, body=b"", method="POST", path="/"):
    """What the server answers to exactly these headers and this body."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        return Reply(connection.getresponse())
    finally:
        connection.close()


def call(server, operation="ListDocuments", members=None, **how):
    """Sign and send."""
    return send(server, *signed(server, operation, members, **how))
