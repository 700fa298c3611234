"""Keeping a node's credentials fresh: renewed at half their life, tried again for ever (node protocol 3.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from stateward.agent.backoff import Backoff
from stateward.agent.client import CallFailed, CallRefused, Credentials
from stateward.clock import Clock

REFUSED_CAP_S = 300.0
SHORTEST_S = 1.0
GONE = "if this node was removed, stop the agent and register in another --state-dir"
log = structlog.get_logger("stateward.agent")


class CredentialKeeper:
    """Holds the latest credentials; `keep` runs as long as the agent."""

    def __init__(
        self, fetch: Callable[[], Awaitable[Credentials]], clock: Clock, changed: asyncio.Event | None = None
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._changed = changed or asyncio.Event()
        self._missed = False
        self.refusal = ""
        """Why the server does not take this machine for the node any more; empty while it does."""
        self._latest: Credentials | None = None
        self._renewed = asyncio.Event()
        self._wanted = asyncio.Event()
        self._unreachable = Backoff()
        self._refused = Backoff(REFUSED_CAP_S)

    async def current(self) -> Credentials:
        """Credentials that have not expired; waits until there are some."""
        while self._latest is None or self._latest.expires_ms <= self._clock.wall():
            self._renewed.clear()
            self._wanted.set()
            await self._renewed.wait()
        return self._latest

    def distrust(self) -> None:
        """The server did not take the credentials: get new ones soon."""
        self._wanted.set()

    async def keep(self) -> None:
        """Renew for ever."""
        while True:
            pause_s = await self._renew()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wanted.wait()

    async def _renew(self) -> float:
        """One try; how long to wait for the next, in seconds."""
        try:
            self._latest = await self._fetch()
        except CallRefused as error:
            log.warning("credentials were refused", reason=str(error), hint=None if error.passing else GONE)
            self._note_refusal("" if error.passing else str(error))
            return await self._pause((self._unreachable if error.passing else self._refused).next_s())
        except CallFailed as error:
            tell = log.debug if self._missed else log.warning
            tell("credentials could not be renewed, which is tried until it works", reason=str(error))
            self._missed = True
            return await self._pause(self._unreachable.next_s())
        self._missed = False
        self._note_refusal("")
        self._unreachable.reset()
        self._refused.reset()
        self._wanted.clear()
        self._renewed.set()
        log.info("credentials renewed", life_s=(self._latest.expires_ms - self._latest.obtained_ms) // 1000)
        return max(SHORTEST_S, (self._latest.renew_ms - self._clock.wall()) / 1000)

    def _note_refusal(self, refusal: str) -> None:
        if refusal != self.refusal:
            self.refusal = refusal
            self._changed.set()

    async def _pause(self, seconds: float) -> float:
        # Somebody may be waiting for credentials: that must not shorten the wait after a failure.
        await asyncio.sleep(seconds)
        return 0.0
