"""Reading HTTP requests with limits, and what a request may come from (design 5, D21)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from stateward.access.signing import SignedRequest
from stateward.wire.errors import AwsError

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

MAX_BODY = 1024 * 1024
LARGE_BODY = 4 * 1024 * 1024
LARGE_OPERATIONS = ("PutComplianceItems", "PutInventory")
BODY_S = 30.0


class BodyTooLarge(AwsError):
    """More bytes than a request may have; the connection is closed."""

    def __init__(self, limit: int) -> None:
        super().__init__("RequestEntityTooLargeException", f"The request body is larger than {limit} bytes.", 413)


def headers_of(scope: Any) -> dict[str, str]:
    """Header names in lower case; repeated ones joined by commas, as signatures see them."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "surrogateescape").strip()
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def source_of(scope: Any) -> str:
    """The address at the other end of the connection: the client's, or a proxy's."""
    client = scope.get("client")
    return str(client[0]) if client else ""


async def body_of(receive: Receive, limit: int) -> bytes:
    """The whole body, counted while it is read. Raises BodyTooLarge, or RequestTimeoutException after 30 s."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise AwsError("RequestTimeoutException", "The connection was closed before the end of the body.")
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    raise BodyTooLarge(limit)
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise AwsError("RequestTimeoutException", f"The body did not arrive within {BODY_S:.0f} seconds.") from None


def signed_request(scope: Any, headers: dict[str, str], body: bytes) -> SignedRequest:
    """The request as its signature covers it."""
    return SignedRequest(
        method=scope["method"] if scope["type"] == "http" else "GET",
        path=scope.get("raw_path", scope["path"].encode()).decode("latin-1").split("?", 1)[0],
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
    )


def authenticated(scope: Any) -> None:
    """Tell whoever watches the connection (api.connections) that its caller is known."""
    scope.get("authenticated", _nothing)()


def cut_off(scope: Any) -> None:
    """End the connection of a caller who does not read, with what still waits for it."""
    scope.get("cut_off", _nothing)()


def _nothing() -> None:
    """The connection is not watched (a test's transport)."""


def refuse_strangers(scope: Any, headers: dict[str, str], allowed_hosts: Sequence[str]) -> None:
    """Loopback is reachable from any web page: a foreign Origin or Host is refused (design 5).

    The address that the connection was made to is no foreign Host: no name can be bound anew to a literal address.
    """
    host = headers.get("host", "")
    name = _host_name(host)
    if not (_known_host(name, allowed_hosts) or _is_own_address(name, scope.get("server"))):
        raise AwsError(
            "AccessDeniedException",
            f"Host {host[:100]!r} is not served here; allow it with --allowed-hosts",
            403,
        )
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
        raise AwsError("AccessDeniedException", f"Requests from the origin {origin[:100]!r} are not taken.", 403)


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # such as an open bracket
        return ""


def _is_own_address(name: str, server: tuple[str, int | None] | None) -> bool:
    """Whether `name` is the literal address of the local end of the connection."""
    try:
        return server is not None and _address(name) == _address(server[0])
    except ValueError:
        return False


def _address(text: str) -> IPv4Address | IPv6Address:
    """Raises ValueError. A socket for both families says IPv4 addresses as IPv6."""
    address = ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _known_host(name: str, allowed_hosts: Sequence[str]) -> bool:
    if name == "localhost" or name.endswith(".localhost") or name in allowed_hosts or "*" in allowed_hosts:
        return True
    if f"*.{name.partition('.')[2]}" in allowed_hosts:
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
