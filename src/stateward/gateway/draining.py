"""Closing many channels without having every node come back in the same second (node protocol 5.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
FASTEST_PER_S = 1000
TICK_S = 0.05
LAST_S = 1.0


async def close_spread(channels: Sequence[T], over_s: float, close: Callable[[T], Awaitable[None]]) -> None:
    """Close all, evenly over `over_s` seconds, or sooner where that is at most a thousand in a second."""
    span_s = min(over_s, len(channels) / FASTEST_PER_S)
    ticks = max(1, round(span_s / TICK_S))
    closing: list[asyncio.Task[None]] = []
    for tick in range(ticks):
        part = channels[len(channels) * tick // ticks : len(channels) * (tick + 1) // ticks]
        # One whose peer takes nothing must not hold up the others.
        closing += [asyncio.ensure_future(_quietly(close, channel)) for channel in part]
        await asyncio.sleep(TICK_S if tick < ticks - 1 else 0)
    if closing:
        _, stuck = await asyncio.wait(closing, timeout=LAST_S)
        for task in stuck:
            task.cancel()


async def _quietly(close: Callable[[T], Awaitable[None]], channel: T) -> None:
    await asyncio.gather(close(channel), return_exceptions=True)
