"""Inventory that somebody else has put on the node, one JSON file a type."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from stateward.agent.inventory.items import Item
from stateward.agent.plugins.step import StepFailed

MOST_TYPES = 20
MOST_BYTES = 1024 * 1024
_TYPE = re.compile(r"Custom:[A-Za-z0-9_.:-]{1,92}")


class _File(msgspec.Struct):
    SchemaVersion: str
    TypeName: str
    Content: dict[str, Any] | list[dict[str, Any]]


def read(folders: Sequence[Path]) -> tuple[list[Item], list[str]]:
    """The types that could be read, and what is wrong with the others."""
    found: dict[str, Item] = {}
    problems = []
    for path in [path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.json"))]:
        try:
            item = _read(path)
            if item.type_name in found:
                raise StepFailed(f"{item.type_name} stands in two files")
            found[item.type_name] = item
        except (StepFailed, OSError, msgspec.MsgspecError) as error:
            problems.append(f"custom inventory {path}: {error}")
    if len(found) > MOST_TYPES:
        problems.append(f"custom inventory: {len(found)} types, the first {MOST_TYPES} are sent")
    return list(found.values())[:MOST_TYPES], problems


def _read(path: Path) -> Item:
    if path.stat().st_size > MOST_BYTES:
        raise StepFailed(f"larger than {MOST_BYTES} bytes")
    file = msgspec.json.decode(path.read_bytes(), type=_File)
    if not _TYPE.fullmatch(file.TypeName):
        raise StepFailed(f"TypeName {file.TypeName[:60]!r}: use Custom:<name>")
    rows = file.Content if isinstance(file.Content, list) else [file.Content]
    return Item(file.TypeName, file.SchemaVersion, [_texts(row) for row in rows])


def _texts(row: dict[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode() for name, value in row.items()
    }
