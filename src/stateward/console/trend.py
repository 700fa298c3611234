"""How long runs took, as a small line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import msgspec

WIDTH, HEIGHT, MARGIN = 160, 24, 2


class Trend(msgspec.Struct, frozen=True):
    """Durations, oldest first, and the points of their line."""

    took_ms: list[int]
    points: list[tuple[float, float]]

    @property
    def last_ms(self) -> int:
        return self.took_ms[-1]

    @property
    def median_ms(self) -> int:
        return round(median(self.took_ms))

    @property
    def change(self) -> int:
        """By how much the last run differs from the median, in per cent."""
        return round(100 * (self.last_ms - self.median_ms) / max(1, self.median_ms))

    @property
    def line(self) -> str:
        return " ".join(f"{x:g},{y:g}" for x, y in self.points)


def trend(newest_first: Sequence[int]) -> Trend | None:
    """The line of these durations; None where fewer than two say nothing."""
    took = list(reversed(newest_first))
    if len(took) < 2:
        return None
    step, most = (WIDTH - 2 * MARGIN) / (len(took) - 1), max(1, *took)
    room = HEIGHT - 2 * MARGIN
    return Trend(
        took, [(round(MARGIN + n * step, 1), round(MARGIN + room * (1 - ms / most), 1)) for n, ms in enumerate(took)]
    )
