"""How the agent is: written beside its state whenever that changes, for `stateward agent status`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from stateward.agent.processes import birth_of

STATUS_FILE = "status.json"
# Changes that come together are written together.
QUIET_S = 0.2
log = structlog.get_logger("stateward.agent")


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """An agent process; instants in ms. `way` is ssmmessages, ec2messages, or empty while there is no connection."""

    node_id: str
    endpoint: str
    region: str
    agent_version: str
    process_id: int
    birth: str
    started_ms: int
    way: str = ""
    since_ms: int = 0
    refusal: str = ""
    running: tuple[str, ...] = ()
    waiting: int = 0
    rebooting: tuple[str, ...] = ()
    unsent_replies: int = 0

    @property
    def is_alive(self) -> bool:
        """Whether the process that wrote this is still there."""
        return bool(self.birth) and birth_of(self.process_id) == self.birth


class StatusFile:
    """Writes what `look` sees each time that something has changed."""

    def __init__(self, state_dir: Path, look: Callable[[], Status], changed: asyncio.Event) -> None:
        self._path = state_dir / STATUS_FILE
        self._look = look
        self._changed = changed
        self._written: Status | None = None

    async def keep(self) -> None:
        """Write for ever."""
        while True:
            self._write()
            await self._changed.wait()
            await asyncio.sleep(QUIET_S)
            self._changed.clear()

    def _write(self) -> None:
        status = self._look()
        if status == self._written:
            return
        beside = self._path.with_name(f".{STATUS_FILE}.new")
        try:
            # Not flushed to the disk: after a crash nobody believes it anyway.
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(msgspec.json.encode(status))
            beside.replace(self._path)
        except OSError as error:
            log.warning("the status cannot be written", reason=str(error))
            return
        self._written = status


def read(state_dir: Path) -> Status | None:
    """What the last agent process wrote; None when there is nothing that can be read."""
    try:
        return msgspec.json.decode((state_dir / STATUS_FILE).read_bytes(), type=Status)
    except (OSError, msgspec.MsgspecError):
        return None
