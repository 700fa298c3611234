"""The two times: `now()` is domain time (schedules, time-outs, history), `wall()` is protocol time.

Only domain time can be virtual (design 4): signatures, token lives and socket time-outs always follow the wall.
All instants are integer milliseconds since 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

PASSES_AT_ONE_INSTANT = 10_000
FIRED_SHOWN = 1_000
UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
# Thirteen digits write the longest turn in the smallest unit.
_DURATION = re.compile(r"(\d{1,13})(ms|[smhdw])", re.ASCII)


def wall_ms() -> int:
    """The system's time in milliseconds; for programs that have no Clock object (agent, command line)."""
    return time.time_ns() // 1_000_000


def monotonic_s() -> float:
    """A steadily growing number of seconds, for measuring how long something took."""
    return time.monotonic()


def thread_s() -> float:
    """Seconds of processor time that this thread has used, for measuring what a piece of work cost."""
    return time.thread_time()


def duration_ms(text: str) -> int:
    """`90s`, `30m`, `2h`, `30d`, `1w`, or several joined (`1h30m`). Raises ValueError that says what is right."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"duration {text!r}: write a number and a unit (ms, s, m, h, d, w), such as 30d or 1h30m")
    return sum(int(number) * UNITS_MS[unit] for number, unit in parts)


class Timer(Protocol):
    """Something that was asked to happen at an instant and can be called off."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """What the server's parts know of time."""

    def now(self) -> int: ...
    def wall(self) -> int: ...
    def at(self, due_ms: int, name: str, action: Callable[[], None]) -> Timer: ...
    def hold(self) -> Callable[[], None]: ...


class FiredLog:
    """What became due since it was looked at last: the first thousand as (instant in ms, what), and how many."""

    def __init__(self) -> None:
        self.first: list[tuple[int, str]] = []
        self.count = 0

    def add(self, at_ms: int, what: str) -> None:
        self.count += 1
        if len(self.first) < FIRED_SHOWN:
            self.first.append((at_ms, what))

    def clear(self) -> None:
        self.first.clear()
        self.count = 0


class SystemClock:
    """Domain time is the wall's time; timers belong to the running event loop."""

    def now(self) -> int:
        return wall_ms()

    def wall(self) -> int:
        return wall_ms()

    def at(self, due_ms: int, name: str, action: Callable[[], None]) -> Timer:
        # Long waits are cut, so that a system clock that was set is noticed within a minute.
        delay_s = min(max(due_ms - wall_ms(), 0) / 1000, 60.0)
        return asyncio.get_running_loop().call_later(delay_s, action)

    def hold(self) -> Callable[[], None]:
        return _nothing_to_release


def _nothing_to_release() -> None:
    """On the system's clock time does not wait for work."""


class ClockBusy(Exception):
    """Another advance is in progress."""


class ClockStuck(Exception):
    """Work at one instant does not come to an end; the text names the timers that keep firing."""


class _VirtualTimer:
    __slots__ = ("action", "cancelled", "name")

    def __init__(self, name: str, action: Callable[[], None]) -> None:
        self.name = name
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualClock:
    """Domain time that moves only when told to, and never while somebody holds it (design 4)."""

    def __init__(self, start_ms: int | None = None) -> None:
        self._now_ms = wall_ms() if start_ms is None else start_ms
        self._timers: list[tuple[int, int, _VirtualTimer]] = []
        self._order = itertools.count()
        self._holds = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._advancing = False

    def now(self) -> int:
        return self._now_ms

    def begin_at(self, instant_ms: int) -> None:
        """Before anything has asked the time: it is at least `instant_ms`."""
        self._now_ms = max(self._now_ms, instant_ms)

    def wall(self) -> int:
        return wall_ms()

    def at(self, due_ms: int, name: str, action: Callable[[], None]) -> Timer:
        timer = _VirtualTimer(name, action)
        heapq.heappush(self._timers, (due_ms, next(self._order), timer))
        return timer

    def hold(self) -> Callable[[], None]:
        """Count one piece of work in hand; the answer releases it (once, however often it is called)."""
        self._holds += 1
        self._idle.clear()
        released = False

        def release() -> None:
            nonlocal released
            if released:
                return
            released = True
            self._holds -= 1
            if self._holds == 0:
                self._idle.set()

        return release

    async def settled(self) -> None:
        """Wait until nobody holds the clock."""
        while self._holds:
            await self._idle.wait()

    def next_timer(self) -> tuple[int, str] | None:
        """The earliest thing that waits for domain time: (instant in ms, name)."""
        self._drop_cancelled()
        return (self._timers[0][0], self._timers[0][2].name) if self._timers else None

    @contextmanager
    def advancing(self) -> Iterator[None]:
        """Reserve the hand on the clock; ClockBusy while somebody else turns it (D47)."""
        if self._advancing:
            raise ClockBusy("the clock is being advanced by another request")
        self._advancing = True
        try:
            yield
        finally:
            self._advancing = False

    async def step(self, to_ms: int) -> list[str] | None:
        """Settle, then fire every timer of the earliest instant up to `to_ms` and settle again.

        Answers the names of what fired; None when nothing is left to fire, with the time then at `to_ms`.
        """
        await self.settled()
        self._drop_cancelled()
        if not self._timers or self._timers[0][0] > to_ms:
            self._now_ms = max(self._now_ms, to_ms)
            return None
        instant = self._timers[0][0]
        self._now_ms = max(self._now_ms, instant)
        # What these timers set for the same instant is the next step's: else one that sets itself would never end.
        batch: list[_VirtualTimer] = []
        while self._timers and self._timers[0][0] <= instant:
            batch.append(heapq.heappop(self._timers)[2])
        fired: list[str] = []
        for timer in batch:
            if not timer.cancelled:
                fired.append(timer.name)
                timer.action()
        await self.settled()
        return fired

    async def advance(self, to_ms: int, settle: Callable[[], Awaitable[object]]) -> None:
        """Move domain time to `to_ms`, instant by instant, waiting for `settle` after each.

        Raises ClockStuck when 10,000 rounds at one instant do not settle.
        """
        instant, rounds = -1, 0
        while (names := await self.step(to_ms)) is not None:
            rounds = rounds + 1 if self._now_ms == instant else 1
            instant = self._now_ms
            if rounds > PASSES_AT_ONE_INSTANT:
                raise ClockStuck(f"time stands still at {instant} ms: {', '.join(sorted(set(names)))} fires for ever")
            await settle()

    def _drop_cancelled(self) -> None:
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)


def pause(seconds: float) -> None:
    """Let real time pass in a program without an event loop."""
    time.sleep(seconds)
