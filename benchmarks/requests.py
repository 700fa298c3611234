"""Whole HTTP requests as bytes, signed like an AWS client's."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from stateward.cli.credentials import Key
from stateward.config import DEFAULT_REGION


def get(url: str, path: str) -> bytes:
    """A GET without anything else."""
    return f"GET {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode()


def call(url: str, operation: str, members: dict[str, Any], key: Key | None) -> bytes:
    """An operation's call, signed with `key` if there is one."""
    headers = {
        "Host": urlsplit(url).netloc,
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AmazonSSM.{operation}",
    }
    body = json.dumps(members)
    request = AWSRequest("POST", f"{url}/", headers, body)
    if key is not None:
        SigV4Auth(Credentials(key.access_key_id, key.secret_access_key), "ssm", DEFAULT_REGION).add_auth(request)
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join(["POST / HTTP/1.1", *lines, f"Content-Length: {len(body)}", "", body]).encode()
