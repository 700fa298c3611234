"""Alarms in a file that somebody else writes (D37)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import structlog

from stateward.alarms.source import STATES, UNKNOWN, shown

PATIENCE_S = 2.0
MOST_BYTES = 4 * 1024 * 1024
log = structlog.get_logger("stateward.alarms")


class UnusableFile(Exception):
    """The file does not say how alarms stand; the text says why."""


class AlarmFile:
    """JSON, name → state, read again when its time or size has changed. Write it beside, then rename it into place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._states: Mapping[str, str] = {}
        self._problem = ""
        self._reading: asyncio.Task[None] | None = None

    async def state(self, name: str) -> str:
        """What the file says now. A disk that does not answer in two seconds is UNKNOWN, and asked no second time."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._refresh())
        done, _ = await asyncio.wait({self._reading}, timeout=PATIENCE_S)
        return self._states.get(name, UNKNOWN) if done else UNKNOWN

    async def close(self) -> None:
        """Nothing stays open."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _refresh(self) -> None:
        try:
            found = await asyncio.to_thread(_changed, self._path, self._seen)
        except Exception as error:  # an alarm that cannot be read must not end the work that asks for it
            self._seen, self._states = None, {}
            if str(error) != self._problem:
                self._problem = str(error)
                log.warning("the alarms cannot be read and are UNKNOWN", file=str(self._path), problem=str(error))
            return
        if found is not None:
            self._seen, told = found
            self._problem = ""
            self._states = {name: _checked(name, state) for name, state in told.items()}


def _changed(path: Path, seen: tuple[int, int] | None) -> tuple[tuple[int, int], dict[str, Any]] | None:
    """Time and size of the file with what it says, or None when it is as it was. Raises OSError and UnusableFile."""
    about = path.stat()
    now = (about.st_mtime_ns, about.st_size)
    if now == seen:
        return None
    if about.st_size > MOST_BYTES:
        raise UnusableFile(f"the file has {about.st_size} bytes, at most {MOST_BYTES} are read")
    try:
        told = msgspec.json.decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableFile(f"{error}; write a JSON object, name to OK, ALARM or UNKNOWN") from None
    if not isinstance(told, dict):
        raise UnusableFile("write a JSON object, name to OK, ALARM or UNKNOWN")
    return now, told


def _checked(name: str, state: Any) -> str:
    if isinstance(state, str) and state in STATES:
        return state
    log.warning("an alarm has no state that is known", alarm=shown(name), use="OK, ALARM or UNKNOWN")
    return UNKNOWN
