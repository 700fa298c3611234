"""What a document says of itself: its parameters as the API shows them, its hash, its other format (spec 5.7)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import yaml

from stateward.documents.interpolation import as_text
from stateward.documents.parameters import Declaration
from stateward.documents.problems import InvalidDocumentContent
from stateward.documents.schema import read


def flattened_parameters(declarations: Mapping[str, Declaration]) -> list[dict[str, str]]:
    """DescribeDocument's Parameters: every default is text, those of lists and maps as JSON (DOC-11)."""
    return [
        {"Name": name, "Type": declared.type}
        | ({"Description": declared.description} if declared.description else {})
        | ({} if declared.required else {"DefaultValue": as_text(declared.default)})
        for name, declared in declarations.items()
    ]


def convert(text: str, from_format: str, to_format: str) -> str:
    """A document's text in the other format, JSON or YAML; the same format is returned byte for byte.

    Raises InvalidDocumentContent when that can not be done, or the text can not be read.
    """
    if from_format == to_format:
        return text
    if "TEXT" in (from_format, to_format):
        raise InvalidDocumentContent(f"A {from_format} document can not be converted to {to_format}.")
    value = read(text, from_format)
    if to_format == "JSON":
        return json.dumps(value, ensure_ascii=False, indent=2)
    dumped: str = yaml.dump(value, Dumper=_YamlText, sort_keys=False, allow_unicode=True, width=120)
    return dumped


def sha256_hex(content: str) -> str:
    """The document's Hash (HashType Sha256)."""
    return hashlib.sha256(content.encode()).hexdigest()


_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _YamlText(_DUMPER):  # type: ignore[misc]
    """Writes text of several lines as a block, as people do in documents."""

    def represent_text(self, text: str) -> Any:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_YamlText.add_representer(str, _YamlText.represent_text)
