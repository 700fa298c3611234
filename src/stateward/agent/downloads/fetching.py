"""What every source of content gets and gives."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from stateward.agent.plugins.step import StepFailed, StepSetting
from stateward.documents import content
from stateward.documents.interpolation import REFERENCE

_SECRET = "ssm-secure:"


class Fetched(msgspec.Struct, frozen=True):
    """Content in a folder of the plugin's own: one file that has a name, or everything in the folder."""

    folder: Path
    file_name: str = ""

    @property
    def is_file(self) -> bool:
        return bool(self.file_name)


class Budget:
    """How much one step may still fetch; shared with a thread that unpacks, which ends when it is closed."""

    def __init__(self, most_bytes: int, most_files: int) -> None:
        self._most_bytes, self._most_files = most_bytes, most_files
        self._bytes = self._files = 0
        self._closed = threading.Event()

    def take(self, size: int) -> None:
        """Count bytes. Raises StepFailed beyond the limit."""
        self._bytes += size
        if self._closed.is_set():
            raise StepFailed("the download was called off")
        if self._bytes > self._most_bytes:
            raise StepFailed(f"the content is larger than {self._most_bytes} bytes, which is this node's limit")

    def take_file(self) -> None:
        """Count a file or a folder. Raises StepFailed beyond the limit."""
        self._files += 1
        if self._files > self._most_files:
            raise StepFailed(f"the content has more than {self._most_files} files, which is this node's limit")

    @property
    def left_bytes(self) -> int:
        return self._most_bytes - self._bytes

    def close(self) -> None:
        self._closed.set()


class Info:
    """The members of `sourceInfo`, all of them text. Raises StepFailed for what cannot be read."""

    def __init__(self, value: Any, setting: StepSetting) -> None:
        if isinstance(value, str):
            try:
                value = content.read_json(value)
            except content.Unreadable as error:
                raise StepFailed(f"sourceInfo: {error}") from None
        if not isinstance(value, Mapping):
            raise StepFailed("sourceInfo must be an object, or the JSON text of one")
        self._members = value
        self._setting = setting

    def text(self, member: str, default: str = "") -> str:
        """A member as it stands there."""
        value = self._members.get(member, default)
        if isinstance(value, bool):
            return str(value).lower()
        if not isinstance(value, str):
            raise StepFailed(f"sourceInfo.{member} must be text")
        return value.strip()

    def required(self, member: str) -> str:
        """A member that must be there."""
        value = self.text(member)
        if not value:
            raise StepFailed(f"sourceInfo.{member} is missing")
        return value

    def flag(self, member: str) -> bool:
        """A member that is true or false; false where it is missing."""
        value = self.text(member, "false").lower()
        if value not in ("true", "false", ""):
            raise StepFailed(f"sourceInfo.{member} {value[:60]!r}: use true or false")
        return value == "true"

    async def secret(self, member: str) -> str:
        """A member that may be `{{ ssm-secure:name }}`: then the value of that parameter. Raises CallFailed too."""
        value = self.text(member)
        found = REFERENCE.fullmatch(value)
        if found is None or not found[1].startswith(_SECRET):
            return value
        return await self._setting.server.get_secret(found[1].removeprefix(_SECRET))


@dataclass(frozen=True, slots=True)
class Order:
    """What one step fetches: from where, into which folder, and how much at most."""

    info: Info
    folder: Path
    budget: Budget
    setting: StepSetting


def options_of(text: str) -> tuple[str, str]:
    """Kind and value of `getOptions`: `branch:main`, `commitID:4a5b…`, or nothing. Raises StepFailed."""
    if not text:
        return "", ""
    kind, colon, value = text.partition(":")
    kind, value = kind.strip(), value.strip()
    if not colon or kind not in ("branch", "commitID") or not value:
        raise StepFailed(f"sourceInfo.getOptions {text[:60]!r}: use branch:<name> or commitID:<id>")
    return kind, value
