"""Fresh identifiers and secrets: with clock.py the only source of what cannot be repeated."""

from __future__ import annotations

import secrets
import uuid

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def new_uuid() -> str:
    """A random UUID v4 in lower case, for associations and requests (spec 1.1)."""
    return str(uuid.uuid4())


def uuid_behind(other: str | None) -> str:
    """A random UUID v4 that sorts behind another, so that what was made in one instant keeps its order."""
    fresh = new_uuid()
    if other is None:
        return fresh
    first = int(other[:8], 16) + 1 + secrets.randbits(8)
    return fresh if first >= 1 << 32 else f"{first:08x}{fresh[8:]}"


def ordered_uuid() -> str:
    """A UUID v6 in lower case, for executions and commands: it sorts after those that this process made before it.

    So the id settles the order of what begins in one millisecond of domain time. Its time is the system's in steps of
    100 ns, never the same twice; the other 61 bits are random (RFC 9562, 5.6).
    """
    node = secrets.randbits(48) | 1 << 40  # the multicast bit says that this is no machine's address
    made = uuid.uuid1(node, secrets.randbits(14))
    high, low = made.time >> 12, made.time & 0xFFF
    return str(uuid.UUID(int=high << 80 | 0x6 << 76 | low << 64 | made.int & 0xFFFF_FFFF_FFFF_FFFF))


def node_id() -> str:
    """A managed node's id: `mi-` and 17 hex digits (spec 7.1)."""
    return "mi-" + secrets.token_hex(9)[:17]


def activation_code() -> str:
    """The secret half of an activation: 20 characters that survive copy and paste (spec 6.1)."""
    return "".join(secrets.choice(_BASE32) for _ in range(20))


def access_key_id(prefix: str) -> str:
    """An access key id of 20 characters: `AKIA…` for people, `ASIA…` for a node's passing credentials."""
    return prefix + "".join(secrets.choice(_BASE32) for _ in range(20 - len(prefix)))


def secret_access_key() -> str:
    """The secret of an access key: 40 characters."""
    return secrets.token_urlsafe(30)


def random_bytes(size: int) -> bytes:
    """Key material."""
    return secrets.token_bytes(size)


def jitter(low: float, high: float) -> float:
    """A number between low and high that spreads retries and polls over time."""
    return low + (high - low) * (secrets.randbits(32) / 0xFFFFFFFF)
