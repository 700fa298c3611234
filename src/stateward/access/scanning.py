"""Listings whose filters are not SQL: read on until a page is full, without holding up the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from stateward.access.call import Call
from stateward.storage import Snapshot

T = TypeVar("T")
Key = Sequence[Any]
Read = Callable[[Snapshot, Key, int], Awaitable[list[T]]]
ROWS_PER_READ = 500


async def scan(
    call: Call,
    read: Read[T],
    *,
    start: Key,
    key_of: Callable[[T], Key],
    keep: Callable[[T], bool],
    wanted: int | None = None,
    rows_per_read: int = ROWS_PER_READ,
) -> list[T]:
    """The next rows behind `start` that pass `keep`, `wanted` of them at most (None: all).

    `read(tx, key, limit)` answers the rows behind a key. Each read has a block of its own and others run in between,
    so a filter that finds little in a large fleet delays nobody.
    """
    found: list[T] = []
    key = start
    while True:
        async with call.reading() as tx:
            rows = await read(tx, key, rows_per_read)
        found += [row for row in rows if keep(row)]
        if len(rows) < rows_per_read or (wanted is not None and len(found) >= wanted):
            return found if wanted is None else found[:wanted]
        key = key_of(rows[-1])
        await asyncio.sleep(0)
