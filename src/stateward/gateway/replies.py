"""Writing replies in batches: while one commit is under way, the next batch gathers (design 1, 3)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import structlog

from stateward.clock import Clock
from stateward.commands import results
from stateward.commands.results import Reply
from stateward.storage import Database, Transaction

BATCH = 500
log = structlog.get_logger("stateward.gateway")


class ReplyWriter:
    """Takes replies from every channel and answers each when it is durable."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._queue: deque[tuple[Reply, asyncio.Future[bool]]] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def store(self, reply: Reply) -> bool:
        """Wait until the reply is stored; False when the node was never sent that command."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.append((reply, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_batches(), name="replies")
        return await future

    async def _write_batches(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            try:
                known = await self._write([reply for reply, _ in batch])
            except Exception:
                log.exception("a batch of replies could not be stored; trying them one by one", replies=len(batch))
                for reply, future in batch:
                    await self._write_alone(reply, future)
                continue
            for (_, future), answer in zip(batch, known, strict=True):
                if not future.done():
                    future.set_result(answer)

    async def _write_alone(self, reply: Reply, future: asyncio.Future[bool]) -> None:
        try:
            answer = (await self._write([reply]))[0]
        except Exception as error:
            log.exception("a reply could not be stored", node=reply.node_id, command=reply.command_id)
            if not future.done():
                future.set_exception(error)
            return
        if not future.done():
            future.set_result(answer)

    async def _write(self, replies: Sequence[Reply]) -> list[bool]:
        async def work(tx: Transaction) -> list[bool]:
            return await results.store_replies(tx, replies, self._clock.wall())

        return await self._db.write(work)
