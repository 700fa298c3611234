"""Inventory as it is sent: one item a type, with its content or only the content's hash."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

Rows = Sequence[Mapping[str, str]]


class Item(msgspec.Struct, frozen=True):
    """Everything of one type."""

    type_name: str
    schema_version: str
    rows: Rows

    @property
    def content_hash(self) -> str:
        """What tells whether the content has changed."""
        digest = hashlib.md5(msgspec.json.encode(self.rows), usedforsecurity=False).digest()
        return base64.b64encode(digest).decode()


def to_send(items: Sequence[Item], known: Mapping[str, str], capture_time: str) -> list[dict[str, Any]]:
    """The request's items; types whose hash is `known` to be the server's go without content."""
    return [
        {
            "TypeName": item.type_name,
            "SchemaVersion": item.schema_version,
            "CaptureTime": capture_time,
            "ContentHash": item.content_hash,
            **({} if known.get(item.type_name) == item.content_hash else {"Content": item.rows}),
        }
        for item in items
    ]
