"""Alarms that an HTTP endpoint is asked for (D37)."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import httpx
import msgspec
import structlog

from stateward.alarms.source import STATES, UNKNOWN, shown
from stateward.clock import Clock

PATIENCE_S = 2.0
KEPT_MS = 10_000
MOST_BYTES = 64 * 1024
MOST_NAMES = 5_000
log = structlog.get_logger("stateward.alarms")


class _Told(msgspec.Struct):
    state: str


class AlarmEndpoint:
    """`GET <url>/<name>` answers `{"state": …}` within two seconds; an answer is kept for ten, in wall time."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url.rstrip("/")
        self._clock = clock
        self._http: httpx.AsyncClient | None = None
        self._kept: dict[str, tuple[int, str]] = {}
        self._failing: set[str] = set()

    async def state(self, name: str) -> str:
        """What the endpoint says, or said within the last ten seconds."""
        now_ms = self._clock.wall()
        until_ms, state = self._kept.get(name, (0, UNKNOWN))
        if now_ms < until_ms:
            return state
        state = await self._ask(name)
        if len(self._kept) >= MOST_NAMES:
            self._kept.clear()
            self._failing.clear()
        self._kept[name] = (self._clock.wall() + KEPT_MS, state)
        return state

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def _ask(self, name: str) -> str:
        try:
            async with asyncio.timeout(PATIENCE_S):
                state = await self._get(name)
        except Exception as error:  # whatever an address, a network or an answer can be wrong in
            if name not in self._failing:
                self._failing.add(name)
                # The address may hold a password, and some errors repeat it.
                log.warning("an alarm's state is UNKNOWN", alarm=shown(name), problem=_problem(error))
            return UNKNOWN
        self._failing.discard(name)
        return state

    async def _get(self, name: str) -> str:
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=PATIENCE_S)
        async with self._http.stream("GET", f"{self._url}/{_quoted(name)}") as answer:
            if answer.status_code != 200:
                raise _Unusable(f"the endpoint answered {answer.status_code}")
            body = b""
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise _Unusable("the endpoint's answer is too long")
        state = msgspec.json.decode(body, type=_Told).state
        if state not in STATES:
            raise _Unusable("the endpoint's state is none of OK, ALARM and UNKNOWN")
        return state


class _Unusable(Exception):
    """An answer without a state."""


def _quoted(name: str) -> str:
    """A name as one part of a path, whatever it holds: dots alone would mean another place."""
    quoted = quote(name, safe="")
    return quoted.replace(".", "%2E") if not quoted.strip(".") else quoted


def _problem(error: Exception) -> str:
    if isinstance(error, _Unusable):
        return str(error)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return f"no answer within {PATIENCE_S:g} s"
    return f"{type(error).__name__}"
