"""Long polls of nodes: the same work, under the same lease, as on the control channel (node protocol 6)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog

from stateward import ids
from stateward.access import store as keys
from stateward.access.principals import Scope
from stateward.clock import Clock
from stateward.commands import delivery
from stateward.commands.delivery import EVERY_SEND, LEASE_MS, Parcel
from stateward.nodes import connection
from stateward.nodes import store as nodes
from stateward.storage import Database, Transaction

HOLD_S = 15.0
"""A node gives up after twenty seconds."""

QUIET_MS = 30_000
"""Polls come every 15 to 18 seconds; a node that stays away longer has gone, or has found its channel."""

NOTHING = Parcel([], [])
log = structlog.get_logger("stateward.gateway")


class Poll:
    """One request that is being held."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.is_over = False

    def end(self) -> None:
        """Answer with nothing, and hand nothing over any more."""
        self.is_over = True
        self.woken.set()


class Session:
    """A node that polls, from its first poll to `QUIET_MS` after its last; its row is a channel like any other."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.held: Poll | None = None
        self.seen_wall_ms = 0
        self.handed_wall_ms = 0


class LongPolls:
    """The polls that this process holds; `holds_channel` says whether a node has its websocket here."""

    def __init__(self, db: Database, clock: Clock, replica: str, holds_channel: Callable[[str], bool]) -> None:
        self._db = db
        self._clock = clock
        self._replica = replica
        self._holds_channel = holds_channel
        self.hold_s = HOLD_S
        self._sessions: dict[str, Session] = {}
        self._is_stopping = False

    async def next_parcel(self, node_id: str, poll: Poll) -> Parcel:
        """What the node should get, as soon as there is something; nothing at all after `hold_s` seconds."""
        session = await self._session(node_id)
        if session.held is not None:
            session.held.end()  # the newest request wins: the node has given the older one up
        session.held = poll
        if self._is_stopping:
            poll.end()
        try:
            return await self._wait(node_id, session, poll, asyncio.get_running_loop().time() + self.hold_s)
        finally:
            session.seen_wall_ms = self._clock.wall()
            if session.held is poll:
                session.held = None

    def hint(self, node_ids: Iterable[str]) -> None:
        for node_id in node_ids:
            session = self._sessions.get(node_id)
            if session is not None and session.held is not None:
                session.held.woken.set()

    def channel_opened(self, node_id: str) -> bool:
        """The node has its websocket: its polls are no channel any more. True when one has just got work."""
        session = self._sessions.pop(node_id, None)
        return session is not None and session.handed_wall_ms > self._clock.wall() - LEASE_MS

    def throw_out(self, node_ids: Iterable[str]) -> None:
        for node_id in node_ids:
            session = self._sessions.pop(node_id, None)
            if session is not None and session.held is not None:
                session.held.end()

    async def close_quiet(self) -> None:
        """Nodes that poll no more have lost their channel."""
        before_ms = self._clock.wall() - QUIET_MS
        for node_id, session in list(self._sessions.items()):
            if session.held is None and session.seen_wall_ms < before_ms and node_id in self._sessions:
                del self._sessions[node_id]
                await self._close(node_id, session.epoch)

    def stop(self) -> None:
        """Answer every poll; the nodes ask again."""
        self._is_stopping = True
        for session in self._sessions.values():
            if session.held is not None:
                session.held.end()

    async def _wait(self, node_id: str, session: Session, poll: Poll, until_s: float) -> Parcel:
        while not poll.is_over:
            poll.woken.clear()
            parcel = await self._take(node_id, poll)
            if parcel.jobs or parcel.cancels:
                session.handed_wall_ms = self._clock.wall()
                return parcel
            try:
                async with asyncio.timeout_at(until_s):  # never around a take: what was leased must be answered
                    await poll.woken.wait()
            except TimeoutError:
                break
        return NOTHING

    async def _take(self, node_id: str, poll: Poll) -> Parcel:
        wall_ms = self._clock.wall()
        async with self._db.reading() as tx:
            if not await delivery.anything(tx, node_id, wall_ms, EVERY_SEND):
                return NOTHING

        async def take(tx: Transaction) -> Parcel:
            return NOTHING if poll.is_over else await delivery.take(tx, node_id, wall_ms, EVERY_SEND)

        return await self._db.write(take)

    async def _session(self, node_id: str) -> Session:
        session = self._sessions.get(node_id)
        if session is not None:
            return session
        session = Session(ids.new_uuid())
        session.seen_wall_ms = self._clock.wall()
        if self._holds_channel(node_id):
            return session  # for a minute a node polls beside its channel; this is worth no row

        self._sessions[node_id] = session
        log.info("a node polls for its work", node=node_id)

        async def work(tx: Transaction) -> None:
            key = await keys.node_key(tx, node_id)
            if key is not None and key.removed_ms is None and self._sessions.get(node_id) is session:
                scope = Scope(key.account_id, key.region)
                await connection.connect(tx, scope, node_id, self._replica, session.epoch)

        await self._db.write(work)
        return session

    async def _close(self, node_id: str, epoch: str) -> None:
        async def work(tx: Transaction) -> None:
            await nodes.close_channel(tx, node_id, epoch)

        await self._db.write(work)
        log.info("a node polls no more", node=node_id)
