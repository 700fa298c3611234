"""What steps ask of the server, with the node's credentials of the moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog

from stateward.agent.backoff import Backoff
from stateward.agent.client import CallRefused, Credentials, NodeClient, ServerUnreachable
from stateward.agent.credentials import CredentialKeeper
from stateward.agent.stored_document import StoredDocument

TRIES = 4
log = structlog.get_logger("stateward.agent")
_Answer = TypeVar("_Answer")


class NodeServer:
    """The server as plugins see it; every method raises CallFailed."""

    def __init__(self, client: NodeClient, keeper: CredentialKeeper) -> None:
        self._client = client
        self._keeper = keeper

    async def get_document(self, name: str, version: str) -> StoredDocument:
        """A document that the node's account sees; an empty version is the default one."""
        return await self._call(lambda credentials: self._client.get_document(credentials, name, version))

    async def put_inventory(self, items: list[dict[str, Any]]) -> None:
        """Store inventory of this node."""
        await self._call(lambda credentials: self._client.put_inventory(credentials, items))

    async def get_secret(self, name: str) -> str:
        """The value of a SecureString."""
        return await self._call(lambda credentials: self._client.get_secret(credentials, name))

    async def _call(self, call: Callable[[Credentials], Awaitable[_Answer]]) -> _Answer:
        backoff = Backoff()
        for _ in range(TRIES - 1):
            credentials = await self._keeper.current()
            try:
                return await call(credentials)
            except CallRefused as error:
                if error.code == "ExpiredTokenException":
                    self._keeper.distrust()
                elif not error.passing:
                    raise
            except ServerUnreachable as error:
                log.info("a step's call to the server is tried again", reason=str(error))
            await asyncio.sleep(backoff.next_s())
        return await call(await self._keeper.current())
