"""Instants and durations in words; instants are domain time in ms, so that they are right on a virtual clock too."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
LATEST_MS = 253_402_300_799_000
LONGEST_ZONE = 64


@lru_cache(64)
def zone_named(name: str) -> tzinfo:
    """The time zone of this name; UTC for one that nobody knows."""
    if not name or name == "UTC" or len(name) > LONGEST_ZONE:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def at(ms: int, zone: tzinfo = UTC) -> datetime:
    return datetime.fromtimestamp(min(max(ms, 0), LATEST_MS) / 1000, zone)


def exact(ms: int, zone: tzinfo = UTC) -> str:
    """`2027-02-01 03:00:00 UTC`: the zone is always written."""
    local = at(ms, zone)
    return f"{local:%Y-%m-%d %H:%M:%S} {zone_letters(local)}"


def to_the_minute(ms: int, zone: tzinfo = UTC) -> str:
    local = at(ms, zone)
    return f"{local:%Y-%m-%d %H:%M} {zone_letters(local)}"


def zone_letters(local: datetime) -> str:
    """`CET`, or the offset where a zone has no letters of its own."""
    letters = local.tzname() or "UTC"
    return f"UTC{letters}" if letters[:1] in "+-" else letters


def machine(ms: int) -> str:
    """For `<time datetime>`."""
    return f"{at(ms):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def ago(ms: int, now_ms: int, zone: tzinfo = UTC) -> str:
    """`12 min ago`, `in 17 h`; the date first where that is more than a day away."""
    apart = now_ms - ms
    if abs(apart) >= DAY_MS:
        return to_the_minute(ms, zone)
    if abs(apart) < 1000:
        return "now"
    words = _largest_unit(abs(apart))
    return f"{words} ago" if apart > 0 else f"in {words}"


def _largest_unit(ms: int) -> str:
    if ms < MINUTE_MS:
        return f"{ms // 1000} s"
    if ms < HOUR_MS:
        return f"{ms // MINUTE_MS} min"
    return f"{ms // HOUR_MS} h"


def span(ms: int | None) -> str:
    """A duration: `0:41`, `5:31`, `2:03:10`, or tenths of a second below ten."""
    if ms is None:
        return ""
    if ms < 10_000:
        return f"{max(ms, 0) / 1000:.1f} s"
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def roughly(ms: int) -> str:
    """A long time in words: `45 s`, `12 min`, `6 h`, `3 d`."""
    return f"{ms // DAY_MS} d" if ms >= 2 * DAY_MS else _largest_unit(max(ms, 0))
