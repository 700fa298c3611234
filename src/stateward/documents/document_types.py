"""What the content of each document type must be, and what it says of itself (spec 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stateward.documents import automation, content, description, platforms, schema
from stateward.documents.platforms import PLATFORMS
from stateward.documents.problems import InvalidDocumentContent, InvalidDocumentSchemaVersion

COMMAND = "Command"
STEPS_OF_NODES = (COMMAND, "Policy")
AUTOMATION = "Automation"
CALENDAR = "ChangeCalendar"
ONLY_SOME_FORMATS = {
    COMMAND: ("JSON", "YAML"),
    "Policy": ("JSON", "YAML"),
    AUTOMATION: ("JSON", "YAML"),
    CALENDAR: ("TEXT",),
}
# Sessions open on every platform.
_EVERYWHERE = ("Session",)


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What DescribeDocument shows of a content."""

    schema_version: str = ""
    description: str = ""
    parameters: list[dict[str, str]] = []
    platform_types: tuple[str, ...] = ()


def type_of(given: str | None, text: str, document_format: str) -> str:
    """The type that was given; without one, schema 1.2 is a Command document.

    Raises InvalidDocumentSchemaVersion for every other version, InvalidDocumentContent for what can not be read.
    """
    if given is not None:
        return given
    if document_format == "TEXT":
        raise InvalidDocumentContent("A Command document is JSON or YAML, not TEXT.")
    version = schema.load(text, document_format).get("schemaVersion")
    if isinstance(version, str) and version.startswith("0."):
        raise InvalidDocumentSchemaVersion(f"Document type is required for schema version {version[:60]}")
    if isinstance(version, str) and version in schema.MAIN_STEPS:
        raise InvalidDocumentSchemaVersion("Document type is required for schema version 2.0")
    return COMMAND


def described(document_type: str, text: str, document_format: str) -> Described:
    """A content checked by the rules of its type, except for those that need more than the text itself (D67).

    Raises InvalidDocumentSchemaVersion and InvalidDocumentContent. Types without rules are stored as they are.
    """
    formats = ONLY_SOME_FORMATS.get(document_type, ("JSON", "YAML", "TEXT"))
    if document_format not in formats:
        article = "An" if document_type[0] in "AEIOU" else "A"
        raise InvalidDocumentContent(
            f"{article} {document_type} document is {' or '.join(formats)}, not {document_format}."
        )
    if document_type in STEPS_OF_NODES:
        document = schema.parse_command(schema.load(text, document_format), document_type)
        return Described(
            schema_version=document.schema_version,
            description=document.description,
            parameters=description.flattened_parameters(document.parameters),
            platform_types=tuple(platforms.platform_types(document)),
        )
    if document_type == AUTOMATION:
        runbook = automation.parse(schema.load(text, document_format))
        return Described(
            schema_version=runbook.schema_version,
            description=runbook.description,
            parameters=description.flattened_parameters(runbook.parameters),
            platform_types=PLATFORMS,
        )
    return Described() if document_format == "TEXT" else _as_it_is(document_type, text, document_format)


def _as_it_is(document_type: str, text: str, document_format: str) -> Described:
    if document_format == "YAML":
        try:
            content.check_yaml(text)
            value = schema.read(text, document_format)
        except content.Unreadable as error:
            raise InvalidDocumentContent(f"The YAML content can not be read: {error}") from error
        except InvalidDocumentContent:
            value = None  # Tags, as in CloudFormation templates: kept, but not ours to read.
    else:
        value = schema.read(text, document_format)
    members = value if isinstance(value, dict) else {}
    return Described(
        schema_version=_text(members, "schemaVersion"),
        description=_text(members, "description"),
        platform_types=PLATFORMS if document_type in _EVERYWHERE else (),
    )


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""
