"""A document as the server hands it out, and how steps name it."""

from __future__ import annotations

import re

import msgspec

_NAME = re.compile(
    r"(?P<name>(?:arn:[a-zA-Z0-9-]+:ssm:[a-z0-9-]*:[0-9]*:document/)?[A-Za-z0-9_.-]{3,128})"
    r"(?::(?P<version>[0-9]+|\$LATEST|\$DEFAULT))?"
)


class StoredDocument(msgspec.Struct, frozen=True):
    """A document's text, `JSON` or `YAML`, and its type."""

    name: str
    content: str
    document_format: str
    document_type: str


def read_name(text: str) -> tuple[str, str]:
    """Name and version of `name`, `name:version`, or an ARN; an empty version where none is written.

    A text of no such form is passed on as a name, for the server to refuse.
    """
    found = _NAME.fullmatch(text)
    return (text, "") if found is None else (found["name"], found["version"] or "")
