"""When a node counts as reachable (spec 6.1, NOD-05)."""

from __future__ import annotations

SILENCE_MS = 10 * 60 * 1000


def ping_status(connected: bool, last_ping_ms: int | None, now_ms: int) -> str:
    """`Online` while a channel is open or the last call is at most ten minutes old, else `ConnectionLost`."""
    if connected or (last_ping_ms is not None and now_ms - last_ping_ms <= SILENCE_MS):
        return "Online"
    return "ConnectionLost"


def reach(connected: bool, last_ping_ms: int | None, now_ms: int) -> int:
    """Release order of nodes: 0 with an open channel, 1 online by its pings, 2 the rest (D6, D35)."""
    if connected:
        return 0
    return 1 if ping_status(connected, last_ping_ms, now_ms) == "Online" else 2
