"""How often somebody may try to sign in: five times a minute for a key and an address."""

from __future__ import annotations

from collections import OrderedDict

MOST = 5
WINDOW_MS = 60 * 1000
KEPT = 10_000


class Attempts:
    """Remembers the tries of the last minute, of the last ten thousand who tried."""

    def __init__(self) -> None:
        self._tries: OrderedDict[tuple[str, str], list[int]] = OrderedDict()

    def wait_s(self, access_key_id: str, address: str, now_ms: int) -> int:
        """Count one try; the answer is 0, or for how many seconds no further one is looked at."""
        who = (access_key_id[:200], address)
        recent = [at_ms for at_ms in self._tries.pop(who, []) if at_ms > now_ms - WINDOW_MS]
        if len(recent) >= MOST:
            self._keep(who, recent)
            return -(-(recent[0] + WINDOW_MS - now_ms) // 1000)
        self._keep(who, [*recent, now_ms])
        return 0

    def forget(self, access_key_id: str, address: str) -> None:
        """Whoever knew the secret has not tried in vain."""
        self._tries.pop((access_key_id[:200], address), None)

    def _keep(self, who: tuple[str, str], tries: list[int]) -> None:
        self._tries[who] = tries
        while len(self._tries) > KEPT:
            self._tries.popitem(last=False)
