"""Whether two machines keep taking a node's channel from each other (D56)."""

from __future__ import annotations

from collections import deque

WINDOW_MS = 10 * 60 * 1000
HARMLESS = 3
MOST_REMEMBERED = 32
MOST_NODES = 10_000


class TakeOvers:
    """Remembers the last ten minutes' take-overs: a channel opened while the node had another one."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[int, str, str]]] = {}
        self._told: dict[str, int] = {}

    def is_news(self, node_id: str, wall_ms: int) -> bool:
        """Whether a node's channel is taken over too often, which nobody was told of in the last ten minutes."""
        told_ms = self._told.get(node_id)
        if len(self._seen.get(node_id, ())) <= HARMLESS or (told_ms is not None and told_ms > wall_ms - WINDOW_MS):
            return False
        self._told[node_id] = wall_ms
        return True

    def note(self, node_id: str, old_address: str, new_address: str, wall_ms: int) -> tuple[str, ...]:
        """The addresses that take the channel from each other, the latest first; none while it is harmless.

        A machine whose network breaks reconnects too, but from one address, or now and then.
        """
        if len(self._seen) >= MOST_NODES and node_id not in self._seen:
            self._forget(wall_ms)
        seen = self._seen.setdefault(node_id, deque(maxlen=MOST_REMEMBERED))
        seen.append((wall_ms, old_address, new_address))
        while seen[0][0] <= wall_ms - WINDOW_MS:
            seen.popleft()
        addresses = dict.fromkeys(address for _, old, new in reversed(seen) for address in (new, old) if address)
        return tuple(addresses) if len(seen) > HARMLESS and len(addresses) > 1 else ()

    def _forget(self, wall_ms: int) -> None:
        for node_id in [node_id for node_id, seen in self._seen.items() if seen[-1][0] <= wall_ms - WINDOW_MS]:
            del self._seen[node_id]
            self._told.pop(node_id, None)
