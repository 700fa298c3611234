"""An edited group acts like a tag change of every node: looked for in real time, noted in slices (D52)."""

from __future__ import annotations

import asyncio

import structlog

from stateward.access import store as values
from stateward.nodes import store as nodes
from stateward.nodes.facts import GroupsChanged
from stateward.nodes.groups import ResourceGroups
from stateward.storage import Database, Transaction

LOOK_S = 1.0
SLICE = 500
DIGEST = "resource groups"
log = structlog.get_logger("stateward.engine")


class GroupWatch:
    """Looks at the file of groups once a second; a change that happened while nothing ran is found at the start."""

    def __init__(self, db: Database, groups: ResourceGroups) -> None:
        self._db = db
        self._groups = groups
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._groups.is_configured:
            self._task = asyncio.create_task(self._watch(), name="groups")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            try:
                self._groups.refresh()
                await self._note_if_new()
            except Exception:
                log.exception("looking at the resource groups failed and is tried again", retry_s=LOOK_S)
            await asyncio.sleep(LOOK_S)

    async def _note_if_new(self) -> None:
        digest = self._groups.digest
        async with self._db.reading() as tx:
            known = await values.known_value(tx, DIGEST)
        if known == digest:
            return
        after_id = ""
        while True:

            async def note(tx: Transaction, after_id: str = after_id) -> list[str]:
                return await nodes.note_changes_of_all(tx, after_id, SLICE)

            noted = await self._db.write(note)
            if len(noted) < SLICE:
                break
            after_id = noted[-1]

        async def remember(tx: Transaction) -> None:
            # Last, so that a change whose nodes were noted only in part is found again.
            await values.put_value(tx, DIGEST, digest)
            tx.record(GroupsChanged())

        await self._db.write(remember)
