"""How long a sink that fails is waited for (D42). All times are the wall's."""

from __future__ import annotations

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
GIVEN_UP_AFTER_MS = 24 * 60 * 60 * 1000


def pause_s(failures: int) -> float:
    """How long to wait after the nth failure in a row: one second, doubled each time, five minutes at most."""
    assert failures > 0, "only a failure makes one wait"
    return min(FIRST_PAUSE_S * (1 << min(failures - 1, 20)), LONGEST_PAUSE_S)


def given_up_until(failing_since_ms: int, now_ms: int) -> int | None:
    """Events created up to this instant have waited long enough for a sink that fails; None: all are waited for.

    An event has its 24 hours from its creation or from the sink's first failure, whichever is later: one that was
    written while the server stood still is not given up at the first try.
    """
    limit_ms = now_ms - GIVEN_UP_AFTER_MS
    return limit_ms if failing_since_ms <= limit_ms else None
