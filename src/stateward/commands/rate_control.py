"""How many targets run at once, and when a command stops because of errors (spec 4.6)."""

from __future__ import annotations

import msgspec


class Progress(msgspec.Struct, frozen=True):
    """The counters of a command that rate control looks at."""

    target_count: int
    released: int
    in_flight: int
    errors: int
    concurrency_limit: int
    error_limit: int


class Release(msgspec.Struct, frozen=True):
    """What to do now: release this many more targets, or stop the rest."""

    count: int
    stop: bool


def concurrency_allowed(max_concurrency: str, target_count: int) -> int:
    """How many targets may be unfinished at a time; a percentage is rounded down and is at least one."""
    if max_concurrency.endswith("%"):
        return max(1, target_count * int(max_concurrency[:-1]) // 100)
    return int(max_concurrency)


def errors_allowed(max_errors: str, target_count: int) -> int:
    """How many targets may fail before the rest is stopped; 10% of 50 allows five."""
    if max_errors.endswith("%"):
        return target_count * int(max_errors[:-1]) // 100
    return int(max_errors)


def release(progress: Progress) -> Release:
    """The next step of a running command; its cost is what it releases."""
    if progress.errors > progress.error_limit:
        return Release(0, True)
    free = progress.concurrency_limit - progress.in_flight
    return Release(max(0, min(free, progress.target_count - progress.released)), False)
