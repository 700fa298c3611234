"""Rows of the inventory tables."""

from __future__ import annotations

import msgspec


class ItemRow(msgspec.Struct, frozen=True):
    """What a node has of one type; `content` is a JSON list of maps of text."""

    node_id: str
    type_name: str
    schema_version: str
    capture_time: str
    content_hash: str | None
    content: str


class HashRow(msgspec.Struct, frozen=True):
    content_hash: str | None


class CustomTypeRow(msgspec.Struct, frozen=True):
    """A custom type; `attributes` is a JSON list of names, `disabled_version` what is ignored with all before it."""

    type_name: str
    version: str
    attributes: str
    disabled_version: str | None


class VersionCountRow(msgspec.Struct, frozen=True):
    """How many nodes have a type in which version of its schema."""

    schema_version: str
    nodes: int


class DeletionRow(msgspec.Struct, frozen=True):
    """A deletion that was done; `summary` is a JSON list of [version, count]."""

    deletion_id: str
    type_name: str
    schema_option: str | None
    summary: str
    started_ms: int
