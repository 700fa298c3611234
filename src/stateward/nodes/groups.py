"""Resource groups: names for tag filters, read from a file that may be edited while the server runs (D52)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import structlog

from stateward.nodes.targets import Groups

log = structlog.get_logger("stateward.nodes")
NO_GROUPS: Groups = {}


class UnreadableGroups(ValueError):
    """The file of groups cannot be used; the text says why and what would be right."""


class ResourceGroups:
    """The groups of one file: a JSON object, group name → tag key → list of values. Without a file there are none."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._groups = NO_GROUPS
        if path is not None:
            self._groups = read(path)
            self._stamp = _stamp(path)

    @property
    def is_configured(self) -> bool:
        """Whether there is a file that may change."""
        return self._path is not None

    @property
    def current(self) -> Groups:
        """The groups as the file had them when it was last read."""
        return self._groups

    @property
    def digest(self) -> str:
        """What tells one content of the file from another."""
        return hashlib.sha256(msgspec.json.encode(self._groups, order="sorted")).hexdigest()

    def refresh(self) -> bool:
        """Read the file again when it has changed; a file that cannot be read leaves the groups as they are."""
        if self._path is None:
            return False
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            groups = read(self._path)
        except UnreadableGroups as error:
            log.warning("the resource groups stay as they were", reason=str(error))
            return False
        changed = groups != self._groups
        self._groups = groups
        return changed


def read(path: Path) -> Groups:
    """The groups in a file. Raises UnreadableGroups."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, list[str]]])
    except OSError as error:
        raise UnreadableGroups(f"groups file {path}: {error.strerror}") from error
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UnreadableGroups(
            f'groups file {path}: {error}; write {{"<group>": {{"<tag key>": ["<value>"]}}}}'
        ) from error


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
