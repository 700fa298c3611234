"""Waking those who watch an invocation, after the commit. A hint only: who hears nothing looks by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from stateward.commands.facts import InvocationChanged, OutputStored
from stateward.storage import Transaction

Watched = tuple[str, str]
"""A command's id and a node's."""


class OutputNews:
    """Who watches which invocation, in this process."""

    def __init__(self) -> None:
        self._watchers: dict[Watched, set[asyncio.Event]] = {}

    @contextmanager
    def watching(self, command_id: str, node_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever there may be something new of an invocation."""
        event = asyncio.Event()
        watchers = self._watchers.setdefault((command_id, node_id), set())
        watchers.add(event)
        try:
            yield event
        finally:
            watchers.discard(event)
            if not watchers:
                self._watchers.pop((command_id, node_id), None)

    async def note_output(self, tx: Transaction, facts: list[OutputStored]) -> None:
        """The reaction to output and to steps that have been reported."""
        if self._watchers:
            tx.after_commit(lambda: self._wake({(fact.command_id, fact.resource_id) for fact in facts}))

    async def note_changes(self, tx: Transaction, facts: list[InvocationChanged]) -> None:
        """The reaction to invocations that begin and end."""
        if self._watchers:
            tx.after_commit(lambda: self._wake({(fact.after.command_id, fact.after.resource_id) for fact in facts}))

    def _wake(self, watched: set[Watched]) -> None:
        for one in watched & self._watchers.keys():
            for event in self._watchers[one]:
                event.set()
