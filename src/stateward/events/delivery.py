"""Carrying events from the outbox to the sinks, each in order and by itself (D42).

Nothing here holds the virtual clock, and nobody waits for a sink: events lie in the database until they are taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from stateward import ids
from stateward.clock import Clock, monotonic_s
from stateward.events import patience, store
from stateward.events.sinks import Sink, SinkFailed
from stateward.events.store import EventRow, SinkRow
from stateward.storage import Database, Transaction

ROWS_PER_LOOK = 200
LOOK_AGAIN_S = 5.0
SAVE_EVERY_S = 1.0
log = structlog.get_logger("stateward.events")

Observe = Callable[[str, str, int], None]
"""(sink, outcome, how many): delivered, failed (a try) or given_up."""

Pause = Callable[[float], Awaitable[None]]


class Courier:
    """Brings events to one sink. Its place is saved once a second: after a crash the newest may come twice."""

    def __init__(
        self, sink: Sink, db: Database, clock: Clock, observe: Observe, *, pause: Pause = asyncio.sleep
    ) -> None:
        self._sink = sink
        self._db = db
        self._clock = clock
        self._observe = observe
        self._pause = pause
        self._at = SinkRow(sink.name, 0, None)
        self._saved = self._at
        self._saved_s = monotonic_s()
        self._failures = 0
        self._woken = asyncio.Event()

    @property
    def delivered_through(self) -> int:
        """The number of the last event that the sink has taken or was given up for it."""
        return self._at.delivered_through

    async def begin(self) -> None:
        """Take up where the sink stands; a sink that is new begins with the next event."""

        async def work(tx: Transaction) -> SinkRow:
            return await store.add_sink(tx, self._sink.name)

        self._at = self._saved = await self._db.write(work)

    def wake(self) -> None:
        """There may be new events."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            try:
                self._woken.clear()
                if not await self.carry():
                    await self._rest()
            except Exception:
                log.exception("a sink of events stopped and is tried again", sink=self._sink.name)
                await self._pause(patience.LONGEST_PAUSE_S)

    async def carry(self) -> bool:
        """One look into the outbox; whether there was anything to deliver."""
        async with self._db.reading() as tx:
            rows = await store.after(tx, self._at.delivered_through, ROWS_PER_LOOK)
        size = self._sink.at_once
        for start in range(0, len(rows), size):
            if not await self._offer(rows[start : start + size]):
                return True
        if not rows or monotonic_s() >= self._saved_s + SAVE_EVERY_S:
            await self.save()
        return bool(rows)

    async def save(self) -> None:
        """Note in the database how far the sink has come."""
        row = self._at
        if row != self._saved:

            async def work(tx: Transaction) -> None:
                await store.save_sink(tx, row)

            await self._db.write(work)
            self._saved = row
        self._saved_s = monotonic_s()

    async def end(self) -> None:
        """Save the place and close the sink."""
        try:
            await self.save()
        except Exception:  # the disk is full: the newest events come again after the next start
            log.exception("the place of a sink could not be saved", sink=self._sink.name)
        await self._sink.close()

    async def _offer(self, rows: Sequence[EventRow]) -> bool:
        """Give the sink some events. False when it failed: then this waits, and the next look begins with them."""
        try:
            await self._sink.take(rows)
        except SinkFailed as failure:
            await self._wait_after(str(failure))
            return False
        if self._failures:
            log.info("a sink takes events again", sink=self._sink.name)
        self._failures = 0
        self._at = SinkRow(self._sink.name, rows[-1].sequence, None)
        self._observe(self._sink.name, "delivered", len(rows))
        return True

    async def _wait_after(self, reason: str) -> None:
        self._failures += 1
        now_ms = self._clock.wall()
        if self._at.failing_since_wall_ms is None:
            self._at = msgspec.structs.replace(self._at, failing_since_wall_ms=now_ms)
        self._observe(self._sink.name, "failed", 1)
        await self._give_up(now_ms)
        await self.save()
        pause_s = patience.pause_s(self._failures)
        log.warning("events were not taken", sink=self._sink.name, reason=reason, tries=self._failures, retry_s=pause_s)
        await self._pause(ids.jitter(0.8 * pause_s, pause_s))

    async def _give_up(self, now_ms: int) -> None:
        """Pass over what has waited for 24 hours."""
        since_ms = self._at.failing_since_wall_ms
        limit_ms = None if since_ms is None else patience.given_up_until(since_ms, now_ms)
        if limit_ms is None:
            return
        async with self._db.reading() as tx:
            through, count = await store.waiting_since(tx, self._at.delivered_through, limit_ms)
        if count:
            self._at = msgspec.structs.replace(self._at, delivered_through=through)
            self._observe(self._sink.name, "given_up", count)
            log.error("events were given up after 24 hours", sink=self._sink.name, events=count)

    async def _rest(self) -> None:
        """Sleep until there is something new: a wake-up is only a hint, so look again from time to time."""
        try:
            async with asyncio.timeout(LOOK_AGAIN_S):
                await self._woken.wait()
        except TimeoutError:
            return


class Deliveries:
    """The couriers of all sinks."""

    def __init__(self, db: Database, clock: Clock, sinks: Sequence[Sink], observe: Observe) -> None:
        self._couriers = {sink.name: Courier(sink, db, clock, observe) for sink in sinks}
        self._db = db
        self._tasks: list[asyncio.Task[None]] = []
        self._newest = 0

    @property
    def sinks(self) -> list[str]:
        """The names of the sinks."""
        return list(self._couriers)

    def behind(self, sink: str) -> int:
        """How many events a sink has yet to take."""
        return max(self._newest - self._couriers[sink].delivered_through, 0)

    def wake(self, newest: int) -> None:
        """Events up to this number were committed."""
        self._newest = max(self._newest, newest)
        for courier in self._couriers.values():
            courier.wake()

    async def start(self) -> None:
        """Take up every sink's place before anything new can happen, then deliver."""
        for courier in self._couriers.values():
            await courier.begin()
        async with self._db.reading() as tx:
            self._newest = await store.last(tx)
        self._tasks = [
            asyncio.create_task(courier.run(), name=f"events to {name}") for name, courier in self._couriers.items()
        ]

    async def stop(self) -> None:
        """End at once: what a sink did not take waits for the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for courier in self._couriers.values():
            await courier.end()
