"""Live output on its way into the database: credit for each channel, and all of it in turns (D58).

One transaction at a time and a pause behind each: a node that prints without end costs a bounded share of the server,
since what it cannot send it overwrites. Replies are written beside it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import msgspec
import structlog

from stateward.agent.live_frames import CREDIT, MOST_DATA, Output, OutputAck, Stored, StreamKey
from stateward.commands import store_output
from stateward.commands.output_intake import Arrived, OutputIntake
from stateward.commands.output_window import Kept, Piece
from stateward.storage import Database, Transaction

BATCH_BYTES = 1024 * 1024
PAUSE_S = 0.1
POOL_BYTES = 128 * 1024 * 1024
MOST_WAITING = 1_000
log = structlog.get_logger("stateward.gateway")


class OverCredit(Exception):
    """A node has sent more than it was let; the text says how much."""


class _Waiting(msgspec.Struct, frozen=True):
    """A piece in its lane, with the key that its node gave it."""

    frame_key: StreamKey
    arrived: Arrived


class Lane:
    """The live output of one channel. `wake` asks the channel to send what `take_ack` has."""

    def __init__(self, credit: int, wake: Callable[[], None]) -> None:
        self.waiting: deque[_Waiting] = deque()
        self.queued = False
        self.room = asyncio.Event()
        self.is_closed = False
        self._credit = credit
        self._granted = credit
        self._stored: dict[StreamKey, Stored] = {}
        self._wake = wake

    def charge(self, output: Output) -> None:
        """Take a piece off the credit. Raises OverCredit."""
        if len(output.data) > self._credit:
            raise OverCredit(f"{len(output.data)} bytes of live output, {self._credit} were allowed")
        self._credit -= len(output.data)

    def answer(self, waiting: _Waiting, kept: Kept | None) -> None:
        """A piece has been dealt with; `kept` is None where nothing more of its stream is wanted."""
        piece, key = waiting.arrived.piece, waiting.frame_key
        self._credit += len(piece.data)
        self._granted += len(piece.data)
        length = piece.offset + len(piece.data) if kept is None else kept.length
        self._stored[key] = Stored(key, min(length, 2**53), kept is None or kept.ended)
        self._wake()

    def take_ack(self) -> OutputAck | None:
        """What is to be said to the node; None when there is nothing."""
        if not self._granted and not self._stored:
            return None
        ack = OutputAck(self._granted, list(self._stored.values()))
        self._granted, self._stored = 0, {}
        return ack

    def close(self) -> None:
        """The channel is over: what waits comes again on the next one."""
        self.is_closed = True
        self.waiting.clear()
        self.room.set()


class OutputLanes:
    """The lanes of every channel. `limit` bytes of each end of a stream are kept; 0: no live output."""

    def __init__(self, db: Database, limit: int) -> None:
        self.limit = limit
        self._db = db
        self._intake = OutputIntake(limit)
        self._turns: deque[Lane] = deque()
        self._writing: asyncio.Task[None] | None = None

    def open(self, channels: int, wake: Callable[[], None]) -> Lane:
        """A lane for one more channel, of so many in all: together they cannot fill the memory."""
        return Lane(max(MOST_DATA, min(CREDIT, POOL_BYTES // max(1, channels))), wake)

    async def add(self, lane: Lane, node_id: str, command_id: str, output: Output) -> None:
        """Take in a piece; only the sender of very many small ones waits here."""
        key = store_output.StreamKey(command_id, node_id, output.key.step, output.key.stream)
        arrived = Arrived(key, Piece(output.offset, output.data, output.end))
        lane.waiting.append(_Waiting(output.key, arrived))
        if not lane.queued:
            lane.queued = True
            self._turns.append(lane)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_batches(), name="live output")
        while len(lane.waiting) >= MOST_WAITING and not lane.is_closed:
            lane.room.clear()
            await lane.room.wait()

    async def stop(self) -> None:
        """End; what is not stored comes again."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write_batches(self) -> None:
        while self._turns:
            batch = self._next_batch()
            try:
                found = await self._store([one.arrived for _, one in batch])
            except Exception:
                log.exception("live output could not be stored; trying stream by stream", pieces=len(batch))
                found = await self._store_apart([one.arrived for _, one in batch])
            for lane, one in batch:
                if not lane.is_closed:
                    lane.answer(one, found[one.arrived.key])
            await asyncio.sleep(PAUSE_S)

    def _next_batch(self) -> list[tuple[Lane, _Waiting]]:
        batch: list[tuple[Lane, _Waiting]] = []
        size = 0
        while self._turns and size < BATCH_BYTES:
            lane = self._turns.popleft()
            if lane.waiting:
                one = lane.waiting.popleft()
                size += len(one.arrived.piece.data)
                batch.append((lane, one))
                lane.room.set()
            lane.queued = bool(lane.waiting)
            if lane.queued:
                self._turns.append(lane)
        return batch

    async def _store(self, arrived: Sequence[Arrived]) -> dict[store_output.StreamKey, Kept | None]:
        async def work(tx: Transaction) -> dict[store_output.StreamKey, Kept | None]:
            return await self._intake.store(tx, arrived)

        return await self._db.write(work) if arrived else {}

    async def _store_apart(self, arrived: Sequence[Arrived]) -> dict[store_output.StreamKey, Kept | None]:
        """One stream that cannot be stored must not stop the others; its node is told to send no more of it."""
        found: dict[store_output.StreamKey, Kept | None] = {}
        for key in dict.fromkeys(one.key for one in arrived):
            try:
                found |= await self._store([one for one in arrived if one.key == key])
            except Exception:
                log.exception("a stream of output could not be stored", node=key.resource_id, command=key.command_id)
                found[key] = None
        return found
