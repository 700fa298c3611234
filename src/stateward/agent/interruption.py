"""Calling off what runs."""

from __future__ import annotations

import asyncio
from typing import Literal

Reason = Literal["", "cancel", "stop"]


class Interruption:
    """Says to one command that it must end: `cancel` when the server wants it, `stop` when the agent ends."""

    def __init__(self) -> None:
        self.reason: Reason = ""
        self._called = asyncio.Event()

    def call(self, reason: Reason) -> None:
        """Interrupt; the first reason stays."""
        self.reason = self.reason or reason
        self._called.set()

    async def called(self) -> None:
        """Wait until somebody interrupts."""
        await self._called.wait()
