"""Replies on their way: on disk until the server says that it has stored them (node protocol 5.7)."""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from stateward import ids
from stateward.agent import messages
from stateward.agent.durable import private_folder, write_durably
from stateward.clock import Clock
from stateward.wire.agent_message import AgentMessage

RESEND_MS = 30_000
log = structlog.get_logger("stateward.agent")


class _Stored(msgspec.Struct, frozen=True):
    """A reply as it lies in the spool."""

    message_id: str
    created_ms: int
    payload: str


class _Waiting(msgspec.Struct):
    """A reply that the server has not acknowledged; `sent_ms` on the present connection. A passing one may be lost."""

    message: AgentMessage
    file: Path | None = None
    passing: bool = False
    sent_ms: int | None = None


class Outbox:
    """Replies in the order in which they were made. A reply keeps its MessageId however often it is sent.

    Without a folder they are in memory only.
    """

    def __init__(self, folder: Path | None, clock: Clock, changed: asyncio.Event | None = None) -> None:
        self._folder = None if folder is None else private_folder(folder)
        self._clock = clock
        self._changed = changed or asyncio.Event()
        self._waiting: dict[str, _Waiting] = {}
        self._unsent: deque[str] = deque()
        self._news = asyncio.Event()
        self._empty = asyncio.Event()
        self._number = self._load()
        self._note_emptiness()

    def post(self, job_id: str, content: str, *, topic: str = messages.SEND_TOPIC) -> None:
        """Store a reply and send it as soon as there is a connection, again and again until it is acknowledged."""
        message = self._message(job_id, content, topic)
        self._queue(_Waiting(message, None if self._folder is None else self._store(self._folder, job_id, message)))

    def post_passing(self, job_id: str, content: str, *, topic: str = messages.SEND_TOPIC) -> None:
        """Send a reply that nobody will miss, such as the first InProgress; a lost connection drops it."""
        self._queue(_Waiting(self._message(job_id, content, topic), passing=True))

    def acknowledge(self, message_id: str) -> None:
        """The server has stored a reply."""
        waiting = self._waiting.pop(message_id, None)
        if waiting is not None and waiting.file is not None:
            # A file that stays behind is only sent once more.
            with suppress(OSError):
                waiting.file.unlink(missing_ok=True)
        self._note_emptiness()

    def put_back(self, message_id: str) -> None:
        """A reply has probably not arrived: it goes out again behind those that wait; a passing one is dropped."""
        waiting = self._waiting.get(message_id)
        if waiting is None:
            return
        if waiting.passing:
            del self._waiting[message_id]
            return
        waiting.sent_ms = None
        self._unsent.append(message_id)

    def connected(self) -> None:
        """A new connection: everything that is not acknowledged goes out again."""
        self._waiting = {key: waiting for key, waiting in self._waiting.items() if not waiting.passing}
        for waiting in self._waiting.values():
            waiting.sent_ms = None
        self._unsent = deque(self._waiting)
        self._news.set()
        self._note_emptiness()

    async def next(self) -> AgentMessage:
        """The next reply to be sent on the present connection; waits for one."""
        while True:
            while self._unsent:
                waiting = self._waiting.get(self._unsent.popleft())
                if waiting is not None:
                    waiting.sent_ms = self._clock.wall()
                    return waiting.message
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(RESEND_MS / 1000):
                    await self._news.wait()
            self._repeat_late_ones()

    @property
    def unsent(self) -> int:
        """Replies that the server has not acknowledged, and that somebody would miss."""
        return sum(not waiting.passing for waiting in self._waiting.values())

    async def emptied(self) -> None:
        """Wait until the server has acknowledged everything."""
        await self._empty.wait()

    def _repeat_late_ones(self) -> None:
        before_ms = self._clock.wall() - RESEND_MS
        for key, waiting in self._waiting.items():
            if not waiting.passing and waiting.sent_ms is not None and waiting.sent_ms <= before_ms:
                self._unsent.append(key)

    def _store(self, folder: Path, job_id: str, message: AgentMessage) -> Path:
        self._number += 1
        file = folder / f"{self._number:012d}-{message.message_id}.json"
        stored = _Stored(message.message_id, message.created_ms, base64.b64encode(message.payload).decode())
        try:
            write_durably(file, msgspec.json.encode(stored))
        except OSError as error:
            log.error("a reply cannot be stored and is kept in memory only", job=job_id, reason=str(error))
        return file

    def _message(self, job_id: str, content: str, topic: str) -> AgentMessage:
        payload = messages.reply_payload(job_id, topic, content)
        return AgentMessage(messages.REPLY, ids.new_uuid(), self._clock.wall(), payload)

    def _queue(self, waiting: _Waiting) -> None:
        self._waiting[waiting.message.message_id] = waiting
        self._unsent.append(waiting.message.message_id)
        self._note_emptiness()
        self._news.set()

    def _note_emptiness(self) -> None:
        self._changed.set()
        if all(waiting.passing for waiting in self._waiting.values()):
            self._empty.set()
        else:
            self._empty.clear()

    def _load(self) -> int:
        number = 0
        for path in [] if self._folder is None else sorted(self._folder.glob("[0-9]*-*.json")):
            number = max(number, int(path.name.partition("-")[0]))
            try:
                stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
                payload = base64.b64decode(stored.payload)
            except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as error:
                log.error("a stored reply cannot be read and stays unsent", file=str(path), reason=str(error))
                continue
            message = AgentMessage(messages.REPLY, stored.message_id, stored.created_ms, payload)
            self._waiting[stored.message_id] = _Waiting(message, path)
        return number
