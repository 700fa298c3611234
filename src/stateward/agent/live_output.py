"""Output on its way to the server while steps still run, under the server's credit; no step ever waits for it (D58)."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import structlog

from stateward.agent.durable import private_folder
from stateward.agent.live_frames import MOST_DATA, Output, OutputAck, StreamKey, StreamName
from stateward.agent.stream_spool import StreamSpool

MOST_SPOOLED = 100 * 1024 * 1024
SMALLEST_LIMIT, LARGEST_LIMIT = 32 * 1024, 16 * 1024 * 1024
log = structlog.get_logger("stateward.agent")


class LiveStream:
    """One stream of one step. `sent` is of the present connection, `stored` what the server has."""

    def __init__(self, key: StreamKey, spool: StreamSpool, news: asyncio.Event) -> None:
        self.key = key
        self.spool = spool
        self.sent = 0
        self.stored = 0
        self.ended = False
        self.end_sent = False
        self.is_over = False
        self._news = news

    def add(self, data: bytes) -> None:
        """Take in the next bytes of the stream."""
        if self.ended or self.is_over:
            return
        try:
            self.spool.add(data)
        except OSError as error:
            # The report of the step has its beginning all the same.
            log.warning("live output cannot be spooled", reason=str(error))
            self.is_over = True
        self._news.set()

    def finish(self) -> None:
        """The step has ended."""
        self.ended = True
        self._news.set()

    def next_piece(self, most: int) -> Output | None:
        """The next piece to send, none when there is nothing new. Raises OSError."""
        offset = self.spool.next_kept(self.sent)
        if offset < self.spool.length:
            data = self.spool.read(offset, min(most, MOST_DATA))
            self.sent = offset + len(data)
            self.end_sent = self.ended and self.sent == self.spool.length
            return Output(self.key, offset, data, self.end_sent)
        if self.ended and not self.end_sent:
            self.end_sent = True
            return Output(self.key, self.spool.length, b"", True)
        return None


class LiveStep:
    """The streams of one step; each begins with its first byte."""

    def __init__(self, output: LiveOutput, job_id: str, step: str) -> None:
        self._output = output
        self._job_id = job_id
        self._step = step
        self._streams: dict[StreamName, LiveStream | None] = {}

    def add(self, name: StreamName, data: bytes) -> None:
        """Take in the next bytes of a stream."""
        if name not in self._streams:
            self._streams[name] = self._output.open(StreamKey(self._job_id, self._step, name))
        stream = self._streams[name]
        if stream is not None:
            stream.add(data)

    def finish(self) -> None:
        """The step has ended."""
        for stream in self._streams.values():
            if stream is not None:
                stream.finish()


class LiveOutput:
    """The streams of this agent that the server has not stored to their end. Nothing of them survives the agent."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self._folder = private_folder(folder)
        self._streams: dict[StreamKey, LiveStream] = {}
        self._limit = 0
        self._credit = 0
        self._number = 0
        self._news = asyncio.Event()

    def connected(self, limit: int) -> None:
        """A new connection, on which the server keeps `limit` bytes of each end of a stream; 0: it wants none."""
        self._limit = min(max(limit, SMALLEST_LIMIT), LARGEST_LIMIT) if limit > 0 else 0
        self._credit = 0
        if not self._limit:
            for stream in list(self._streams.values()):
                self._forget(stream)
        for stream in self._streams.values():
            stream.sent, stream.end_sent = stream.stored, False
        self._news.set()

    def step(self, job_id: str, step: str) -> LiveStep:
        """What a step that begins writes its output to."""
        return LiveStep(self, job_id, step)

    def open(self, key: StreamKey) -> LiveStream | None:
        """A stream that begins; None where the server wants none, or too much waits already."""
        spooled = sum(stream.spool.most_bytes for stream in self._streams.values())
        if not self._limit or key in self._streams or spooled + 2 * self._limit > MOST_SPOOLED:
            return None
        self._number += 1
        try:
            spool = StreamSpool(self._folder / str(self._number), self._limit)
        except OSError as error:
            log.warning("live output cannot be spooled", reason=str(error))
            return None
        self._streams[key] = LiveStream(key, spool, self._news)
        return self._streams[key]

    def take_ack(self, ack: OutputAck) -> None:
        """The server has stored something, and lets more come."""
        self._credit += ack.credit
        for stored in ack.stored:
            stream = self._streams.get(stored.key)
            if stream is None:
                continue
            stream.stored = max(stream.stored, min(stored.offset, stream.spool.length))
            if stored.end:
                self._forget(stream)
        self._news.set()

    async def next(self) -> Output:
        """The next piece to send on the present connection; streams take turns, and only as the credit allows."""
        while True:
            piece = self._next_piece()
            if piece is not None:
                self._credit -= len(piece.data)
                return piece
            self._news.clear()
            await self._news.wait()

    def _next_piece(self) -> Output | None:
        for key, stream in list(self._streams.items()):
            if self._credit <= 0:
                return None
            try:
                piece = None if stream.is_over else stream.next_piece(self._credit)
            except OSError as error:
                log.warning("spooled output cannot be read", reason=str(error))
                stream.is_over = True
                piece = None
            if stream.is_over:
                self._forget(stream)
            if piece is not None:
                self._streams[key] = self._streams.pop(key)
                return piece
        return None

    def _forget(self, stream: LiveStream) -> None:
        stream.is_over = True
        self._streams.pop(stream.key, None)
        try:
            stream.spool.close()
        except OSError as error:
            log.warning("spooled output cannot be removed", reason=str(error))
