"""A change calendar as far as it was worked out: when it is closed, over one span of time (spec 6.7)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import msgspec

YEAR_MS = 366 * 86_400_000
"""How far ahead a transition is looked for (D36)."""

Span = tuple[int, int]
"""From (inclusive) to (exclusive), in ms."""


class InvalidCalendar(Exception):
    """The text is no change calendar, or one that cannot be worked out; the message says what is wrong."""


class Calendar(msgspec.Struct, frozen=True):
    """What is known of a calendar from `from_ms` to `to_ms`: the spans in which it is closed, apart and in order."""

    from_ms: int
    to_ms: int
    closed: tuple[Span, ...]

    def covers(self, at_ms: int) -> bool:
        """Whether the state at an instant and the year after it are known."""
        return self.from_ms <= at_ms and at_ms + YEAR_MS <= self.to_ms


def from_events(events: Iterable[Span], *, opens_by_default: bool, from_ms: int, to_ms: int) -> Calendar:
    """A calendar by its events: they close one that is open by default, and open one that is closed by default."""
    busy = _clipped(joined(events), from_ms, to_ms)
    return Calendar(from_ms, to_ms, busy if opens_by_default else _between(busy, from_ms, to_ms))


def combined(calendars: Sequence[Calendar]) -> Calendar:
    """Several calendars as one, which is open when all of them are."""
    from_ms = max(calendar.from_ms for calendar in calendars)
    to_ms = min(calendar.to_ms for calendar in calendars)
    closed = joined(span for calendar in calendars for span in calendar.closed)
    return Calendar(from_ms, to_ms, _clipped(closed, from_ms, to_ms))


def is_open(calendar: Calendar, at_ms: int) -> bool:
    """Whether changes are allowed at an instant that the calendar covers."""
    span = _span_from(calendar, at_ms)
    return span is None or not span[0] <= at_ms


def next_transition(calendar: Calendar, after_ms: int) -> int | None:
    """When the state after an instant changes next, in ms; None when it does not within a year."""
    span = _span_from(calendar, after_ms)
    if span is None:
        return None
    change_ms = span[1] if span[0] <= after_ms else span[0]
    # The end of what is known is not the end of a span.
    return change_ms if change_ms <= after_ms + YEAR_MS and change_ms < calendar.to_ms else None


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same times as spans that neither overlap nor touch, in order; empty ones are dropped."""
    found: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def _span_from(calendar: Calendar, at_ms: int) -> Span | None:
    """The first closed span that ends after an instant."""
    assert calendar.covers(at_ms), f"{at_ms} lies outside of {calendar.from_ms} to {calendar.to_ms}"
    at = bisect_right(calendar.closed, at_ms, key=lambda span: span[1])
    return calendar.closed[at] if at < len(calendar.closed) else None


def _clipped(spans: Iterable[Span], from_ms: int, to_ms: int) -> tuple[Span, ...]:
    cut = ((max(start, from_ms), min(end, to_ms)) for start, end in spans)
    return tuple(span for span in cut if span[0] < span[1])


def _between(busy: Sequence[Span], from_ms: int, to_ms: int) -> tuple[Span, ...]:
    starts = [from_ms, *(end for _, end in busy)]
    ends = [*(start for start, _ in busy), to_ms]
    return tuple(span for span in zip(starts, ends, strict=True) if span[0] < span[1])
