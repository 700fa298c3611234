"""What has changed, for whoever watches: topics with revisions, never the news itself (console 2).

A watcher fetches what it shows when the revision of its topic is another one. Revisions are in memory: after a restart
every topic has another. Watchers are told of a topic once a second at most, whatever happens meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import msgspec
import structlog

from stateward.access.principals import Scope
from stateward.clock import monotonic_s

MOST_WATCHERS = 500
MOST_OF_A_KEY = 50
TOPICS_KEPT = 10_000
PAUSE_S = 1.0
HEARTBEAT_S = 15.0
KEYS_CHECKED_S = 1.0

log = structlog.get_logger("stateward.events")
Topic = tuple[Scope, str]
KnownKeys = Callable[[list[str]], Awaitable[set[str]]]


class TooManyWatchers(Exception):
    """No more are let in; the text says of whom there are too many."""


class Change(msgspec.Struct, frozen=True):
    """A topic has this revision now."""

    topic: str
    revision: int


class Live:
    """The topics and their watchers. `start_ms` makes revisions differ from those of an earlier process.

    `known_keys` says which of some access keys were not revoked; None where nobody has one.
    """

    def __init__(self, start_ms: int, known_keys: KnownKeys | None = None) -> None:
        self._latest = self._floor = start_ms
        self._revisions: OrderedDict[Topic, int] = OrderedDict()
        self._watchers: dict[Topic, set[Watcher]] = {}
        self._all: set[Watcher] = set()
        self._known_keys = known_keys
        self._checking: asyncio.Task[None] | None = None
        self._closed = False

    def revision(self, scope: Scope, topic: str) -> int:
        """The topic's revision; one that has not changed for long may get another."""
        return self._revisions.get((scope, topic), self._floor)

    def bump(self, topics: Iterable[Topic]) -> None:
        """Something of these topics has changed, and is committed."""
        self._latest += 1
        for topic in topics:
            self._revisions[topic] = self._latest
            self._revisions.move_to_end(topic)
            for watcher in self._watchers.get(topic, ()):
                watcher.wake(topic[1])
        while len(self._revisions) > TOPICS_KEPT:
            self._floor = self._revisions.popitem(last=False)[1]

    def watch(self, scope: Scope, topics: Iterable[str], key: str) -> Watcher:
        """A watcher in the name of an access key; whoever takes it closes it. Raises TooManyWatchers."""
        if self._closed or len(self._all) >= MOST_WATCHERS:
            raise TooManyWatchers(f"more than {MOST_WATCHERS} watch already" if not self._closed else "the server ends")
        if sum(watcher.key == key for watcher in self._all) >= MOST_OF_A_KEY:
            raise TooManyWatchers(f"{key} watches {MOST_OF_A_KEY} times already")
        watcher = Watcher(self, scope, tuple(dict.fromkeys(topics)), key)
        self._all.add(watcher)
        for topic in watcher.topics:
            self._watchers.setdefault((scope, topic), set()).add(watcher)
        return watcher

    def forget(self, watcher: Watcher) -> None:
        """A watcher has closed."""
        self._all.discard(watcher)
        for topic in watcher.topics:
            of_topic = self._watchers.get((watcher.scope, topic), set())
            of_topic.discard(watcher)
            if not of_topic:
                self._watchers.pop((watcher.scope, topic), None)

    def start(self) -> None:
        """Begin to look for watchers whose keys were revoked."""
        if self._known_keys is not None:
            self._checking = asyncio.create_task(self._check_keys(self._known_keys), name="watchers' keys")

    async def stop(self) -> None:
        """Nobody watches any more."""
        self.close()
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)

    def close(self) -> None:
        """End every watcher, and let no more in."""
        self._closed = True
        for watcher in tuple(self._all):
            watcher.close()

    async def _check_keys(self, known_keys: KnownKeys) -> None:
        while True:
            await asyncio.sleep(KEYS_CHECKED_S)
            keys = {watcher.key for watcher in self._all}
            try:
                revoked = keys - await known_keys(sorted(keys)) if keys else set()
            except Exception:  # whose key nobody can tell watches no longer
                log.exception("the keys of watchers could not be looked at: their streams end")
                revoked = keys
            for watcher in tuple(self._all):
                if watcher.key in revoked:
                    watcher.close()


class Watcher:
    """One who watches some topics; `async for` gives their changes, and None as a heartbeat."""

    def __init__(self, live: Live, scope: Scope, topics: tuple[str, ...], key: str) -> None:
        self._live = live
        self.scope = scope
        self.topics = topics
        self.key = key
        self._changed: dict[str, float] = dict.fromkeys(topics, 0.0)  # what the topics are now comes first
        self._told: dict[str, float] = {}
        self._woken = asyncio.Event()
        self._ended = False

    def wake(self, topic: str) -> None:
        """A topic has changed; it is told when a second has passed since it was told last."""
        self._changed.setdefault(topic, self._told.get(topic, -PAUSE_S) + PAUSE_S)
        self._woken.set()

    def close(self) -> None:
        """Watch no longer; the iteration ends."""
        self._ended = True
        self._live.forget(self)
        self._woken.set()

    async def changes(self) -> AsyncIterator[Change | None]:
        """The revision that each topic has now, then each later one, until `close`."""
        heartbeat_s = monotonic_s() + HEARTBEAT_S
        try:
            while not self._ended:
                now_s = monotonic_s()
                for change in self._due(now_s):
                    yield change
                if now_s >= heartbeat_s:
                    heartbeat_s = now_s + HEARTBEAT_S
                    yield None
                await self._rest(min([heartbeat_s, *self._changed.values()]) - monotonic_s())
        finally:
            self.close()

    def _due(self, now_s: float) -> list[Change]:
        due = [topic for topic, at_s in self._changed.items() if at_s <= now_s]
        for topic in due:
            del self._changed[topic]
            self._told[topic] = now_s
        return [Change(topic, self._live.revision(self.scope, topic)) for topic in due]

    async def _rest(self, seconds: float) -> None:
        if self._ended:
            return
        self._woken.clear()
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._woken.wait()
        except TimeoutError:
            return
