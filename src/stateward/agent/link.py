"""How a node and its server are connected: by the control channel, else by long polls (node protocol 6.1)."""

from __future__ import annotations

import asyncio
from typing import Literal

import structlog

from stateward.agent.channel import ControlChannel
from stateward.agent.polling import MessagePolling

Way = Literal["", "ssmmessages", "ec2messages"]
log = structlog.get_logger("stateward.agent")


class Link:
    """Keeps trying the channel; polls while it cannot be opened, and never while it is open."""

    def __init__(self, channel: ControlChannel, polling: MessagePolling, changed: asyncio.Event) -> None:
        self._channel = channel
        self._polling = polling
        channel.watch(changed.set)
        polling.watch(changed.set)
        self._task: asyncio.Task[None] | None = None

    @property
    def way(self) -> Way:
        """What carries commands at this moment; empty: nothing does."""
        if self._channel.is_open:
            return "ssmmessages"
        return "ec2messages" if self._polling.answered.is_set() else ""

    async def run(self) -> None:
        """Be connected, for ever."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._channel.run(self._stop_polling), name="channel")
                group.create_task(self._fall_back(), name="fallback")
        finally:
            await self._stop_polling()

    async def _fall_back(self) -> None:
        while True:
            await self._channel.failing.wait()
            if self._task is None:
                log.info("there is no control channel: polling for commands meanwhile")
                self._task = asyncio.create_task(self._polling.run(), name="polling")
            await self._channel.opened.wait()

    async def _stop_polling(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
