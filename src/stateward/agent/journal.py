"""The memory of commands: what was taken, how far it got, so that nothing ever runs twice (D27)."""

from __future__ import annotations

from pathlib import Path

import msgspec
import structlog

from stateward.agent.durable import private_folder, write_durably
from stateward.agent.reports import StepResult

REMEMBERED_MS = 48 * 3600 * 1000
log = structlog.get_logger("stateward.agent")


class Running(msgspec.Struct, frozen=True):
    """The process group of the step that runs: its leader, and what tells it from a later process of that number."""

    process_id: int
    birth: str
    started_ms: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A command. `results` are its finished steps in order; the next one is begun once `running` is set.

    `rebooting` names the boot of the system in which the next step asked for another (exit code 194), `earlier` is
    what that step had printed until then, `asked` with which code it asked and when it had begun.
    `leaving` says why the steps after these do not run, and `ended_ms` that all is said; then `content` is gone.
    """

    command_id: str
    job_id: str
    content: str
    accepted_ms: int
    results: tuple[StepResult, ...] = ()
    running: Running | None = None
    leaving: str = ""
    rebooting: str = ""
    earlier: tuple[str, str] = ("", "")
    asked: tuple[int, int] = (0, 0)
    cancelled: bool = False
    ended_ms: int | None = None


class Journal:
    """Entries in a folder, one file each; every change is on the disk when the method returns."""

    def __init__(self, folder: Path) -> None:
        self._folder = private_folder(folder)
        self._entries = {entry.command_id: entry for entry in self._read()}

    def knows(self, command_id: str) -> bool:
        """Whether a command was ever taken (within the last two days)."""
        return command_id in self._entries

    def unfinished(self) -> list[Entry]:
        """Commands on which not everything is said, oldest first."""
        open_ones = [entry for entry in self._entries.values() if entry.ended_ms is None]
        return sorted(open_ones, key=lambda entry: entry.accepted_ms)

    def save(self, entry: Entry) -> None:
        """Store an entry. Raises OSError."""
        write_durably(self._file(entry.command_id), msgspec.json.encode(entry))
        self._entries[entry.command_id] = entry

    def end(self, entry: Entry, now_ms: int) -> None:
        """Keep only that there was such a command. Raises OSError."""
        self.save(
            Entry(
                command_id=entry.command_id,
                job_id=entry.job_id,
                content="",
                accepted_ms=entry.accepted_ms,
                ended_ms=now_ms,
            )
        )

    def forget_old(self, now_ms: int) -> None:
        """Drop commands that ended two days ago; a server sends nothing again after 25 minutes (D25)."""
        for entry in list(self._entries.values()):
            if entry.ended_ms is not None and entry.ended_ms < now_ms - REMEMBERED_MS:
                self._file(entry.command_id).unlink(missing_ok=True)
                del self._entries[entry.command_id]

    def _file(self, command_id: str) -> Path:
        return self._folder / f"{command_id}.json"

    def _read(self) -> list[Entry]:
        entries = []
        for path in self._folder.glob("*.json"):
            try:
                entries.append(msgspec.json.decode(path.read_bytes(), type=Entry))
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                # Its name still says that the command was taken.
                log.error("a journal entry cannot be read; its command will not run", file=str(path), reason=str(error))
                now_ms = int(path.stat().st_mtime * 1000)
                entries.append(Entry(command_id=path.stem, job_id="", content="", accepted_ms=now_ms, ended_ms=now_ms))
        return entries
