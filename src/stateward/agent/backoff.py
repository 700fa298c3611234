"""How long to wait before trying again."""

from __future__ import annotations

from stateward.ids import jitter

FIRST_S = (0.1, 1.0)
CAP_S = 30.0


class Backoff:
    """Waits that double up to a cap, spread at random so that a fleet does not come back in step."""

    def __init__(self, cap_s: float = CAP_S) -> None:
        self._cap_s = cap_s
        self._failures = 0

    def next_s(self) -> float:
        """Seconds to wait after one more failure."""
        self._failures += 1
        if self._failures == 1:
            return jitter(*FIRST_S)
        longest = min(self._cap_s, 2.0 ** min(self._failures - 1, 30))
        return jitter(longest / 2, longest)

    def reset(self) -> None:
        """It has worked."""
        self._failures = 0
