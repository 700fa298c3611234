"""Files that a document asks for by folder and pattern."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from stateward.agent.plugins.step import StepFailed
from stateward.agent.reports import instant

MOST_FILES = 500
MOST_SEEN = 50_000


class Wanted(msgspec.Struct, frozen=True):
    """One entry of the parameter `files`."""

    Path: str
    Pattern: list[str]
    Recursive: bool = False


def read_wanted(value: Any) -> list[Wanted]:
    """The entries, from a list or its JSON text; none for an empty text and `Disabled`. Raises StepFailed."""
    if value in (None, "", "Disabled"):
        return []
    try:
        if isinstance(value, str):
            return msgspec.json.decode(value, type=list[Wanted])
        return msgspec.convert(value, list[Wanted])
    except msgspec.MsgspecError as error:
        raise StepFailed(f"files: use a JSON list of objects with Path, Pattern and Recursive ({error})") from None


def find(wanted: Sequence[Wanted]) -> list[dict[str, str]]:
    """A row for each matching file. Raises StepFailed when there are too many, or too much to look at."""
    rows: dict[str, dict[str, str]] = {}
    seen = 0
    for one in wanted:
        for entry in _below(one):
            seen += 1
            if seen > MOST_SEEN:
                raise StepFailed(f"files: more than {MOST_SEEN} files and folders to look at")
            if _matches(entry, one.Pattern):
                rows[entry.path] = _row(entry)
                if len(rows) > MOST_FILES:
                    raise StepFailed(f"files: more than {MOST_FILES} files match")
    return [rows[path] for path in sorted(rows)]


def _below(wanted: Wanted) -> Iterator[os.DirEntry[str]]:
    folders = [os.path.expandvars(wanted.Path)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    yield entry
                    if wanted.Recursive and entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:
            continue  # gone, or not for this user


def _matches(entry: os.DirEntry[str], patterns: Sequence[str]) -> bool:
    return entry.is_file(follow_symlinks=False) and any(fnmatch.fnmatchcase(entry.name, one) for one in patterns)


def _row(entry: os.DirEntry[str]) -> dict[str, str]:
    status = entry.stat(follow_symlinks=False)
    return {
        "Name": entry.name,
        "Size": str(status.st_size),
        "Description": "",
        "FileVersion": "",
        "InstalledDate": "",
        "ModificationTime": instant(int(status.st_mtime) * 1000)[:19] + "Z",
        "LastAccessTime": "",
        "ProductName": "",
        "InstalledDir": os.path.dirname(entry.path),
        "ProductLanguage": "",
        "CompanyName": "",
        "ProductVersion": "",
    }
