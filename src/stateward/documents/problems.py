"""How a document is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

_NAMES: dict[type, str] = {str: "text (in quotes)", dict: "an object", list: "a list"}


class InvalidDocumentContent(ValueError):
    """The content breaks a rule; the message is for the caller."""


class InvalidDocumentSchemaVersion(ValueError):
    """The content has a schemaVersion that its type of document does not have; the message is for the caller."""


def expect(members: Mapping[str, Any], name: str, kind: type, path: str, default: Any = msgspec.UNSET) -> Any:
    """A member of the wanted kind (str, dict or list), or the default; raises InvalidDocumentContent."""
    full = f"{path}.{name}" if path else name
    value = members.get(name, msgspec.UNSET)
    if value is msgspec.UNSET:
        if default is msgspec.UNSET:
            raise InvalidDocumentContent(f"{full}: missing, use {_NAMES[kind]}")
        return default
    if not isinstance(value, kind):
        raise InvalidDocumentContent(f"{full}: use {_NAMES[kind]}")
    return value
