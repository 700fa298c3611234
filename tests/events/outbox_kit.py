"""A database with events in it, and time that tests turn, for the couriers."""

import asyncio
import json
from contextlib import asynccontextmanager

from stateward.clock import SystemClock
from stateward.events import store
from stateward.events.delivery import Courier
from stateward.events.sinks import SinkFailed
from stateward.events.store import EventRow
from stateward.storage import Database

HOUR_MS = 3_600_000


class TurnedClock(SystemClock):
    """Both times stand still until they are turned."""

    def __init__(self, ms=1_700_000_000_000):
        self.ms = ms

    def now(self):
        return self.ms

    def wall(self):
        return self.ms


class ListSink:
    """Remembers what it takes; the next `failures` tries fail."""

    def __init__(self, name="list", at_once=2, failures=0):
        self.name = name
        self.at_once = at_once
        self.failures = failures
        self.taken = []
        self.closed = False
        self._took = asyncio.Event()

    async def take(self, events):
        assert len(events) <= self.at_once
        if self.failures:
            self.failures -= 1
            raise SinkFailed("not today")
        self.taken += [event.sequence for event in events]
        self._took.set()

    async def until(self, numbers):
        """Wait until exactly these events were taken."""
        while self.taken != numbers:
            self._took.clear()
            await self._took.wait()

    async def close(self):
        self.closed = True


class Outbox:
    """One database, and what couriers on it observed and how long they paused."""

    def __init__(self, db, clock):
        self.db = db
        self.clock = clock
        self.pauses = []
        self.observed = []

    async def add(self, count=1, account="123456789012"):
        async def work(tx):
            first = await store.reserve(tx, count)
            rows = [self._row(first + n, account) for n in range(count)]
            await store.add(tx, rows)

        await self.db.write(work)

    async def courier(self, sink):
        courier = Courier(sink, self.db, self.clock, self._observe, pause=self._pause)
        await courier.begin()
        return courier

    async def deliver(self, courier):
        """Carry until nothing is left."""
        while await courier.carry():
            pass

    async def carry_until(self, courier, condition):
        """Carry while time passes, a thousand looks at most."""
        for _ in range(1_000):
            if condition():
                return
            await courier.carry()
        raise AssertionError(f"it did not come to that: {self.observed[-5:]}")

    def counts(self, outcome):
        return sum(count for _, what, count in self.observed if what == outcome)

    async def sequences(self):
        async with self.db.reading() as tx:
            return [row.sequence for row in await store.after(tx, 0, 100_000)]

    async def _pause(self, seconds):
        self.pauses.append(seconds)
        self.clock.ms += int(seconds * 1000)

    def _observe(self, *what):
        self.observed.append(what)

    def _row(self, sequence, account):
        body = json.dumps({"id": f"event-{sequence}", "number": sequence})
        now_ms, wall_ms = self.clock.now(), self.clock.wall()
        return EventRow(sequence, account, "us-east-1", "association", f"event-{sequence}", now_ms, wall_ms, body)


@asynccontextmanager
async def outbox(path):
    """An empty outbox in the database file `path`, or what was in it before."""
    clock = TurnedClock()
    db = Database(path, clock, durable=False)
    try:
        yield Outbox(db, clock)
    finally:
        await db.close()
