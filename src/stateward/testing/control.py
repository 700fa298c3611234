"""The kit's hand on its server: the routes below `/_stateward`, which programs in every language have."""

from __future__ import annotations

import base64
import http.client
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

PATIENCE_S = 3_600.0


class KitError(Exception):
    """The kit was asked for something that cannot be; the text says what would be right."""


class StateManagerFailed(AssertionError):
    """Something is wrong that the test did not look at: the server failed, work did not end, a script names nothing."""


class UnusedRule(UserWarning):
    """A rule of the script has decided nothing by the end of the test, which may not test what it seems to."""


class Control:
    """Speaks to one server as its administrator."""

    def __init__(self, url: str, access_key_id: str, secret_access_key: str) -> None:
        self._address = urlsplit(url).netloc
        basic = base64.b64encode(f"{access_key_id}:{secret_access_key}".encode()).decode()
        self._headers = {"authorization": f"Basic {basic}", "content-type": "application/json"}

    def ask(self, path: str) -> Any:
        """What GET answers."""
        return self._call("GET", path, None)

    def tell(self, path: str, body: dict[str, Any]) -> Any:
        """What POST answers. Raises KitError with the server's words."""
        return self._call("POST", path, msgspec.json.encode(body))

    def _call(self, method: str, path: str, body: bytes | None) -> Any:
        # No library that a test may have mocked, and no proxy.
        connection = http.client.HTTPConnection(self._address, timeout=PATIENCE_S)
        try:
            connection.request(method, f"/_stateward/{path}", body, self._headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status == http.client.OK:
            return msgspec.json.decode(content)
        raise KitError(_message(content))


def _message(content: bytes) -> str:
    try:
        return str(msgspec.json.decode(content)["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return content.decode(errors="replace")


def duration(value: timedelta | str) -> str:
    """A time as the server reads it: `90s`, or a timedelta of whole milliseconds."""
    if isinstance(value, str):
        return value
    return f"{value // timedelta(milliseconds=1)}ms"
