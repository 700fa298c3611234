"""JSON Schemas of the files of a folder, made from the service model, for editors."""

from __future__ import annotations

import json
from typing import Any

from stateward.folder.resources import ASSOCIATION_MEMBERS, DOCUMENT_MEMBERS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TAGS = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean"]},
    "description": "Tags of people; those that stand here and no others. Left out: tags are left alone.",
}
WAS = {"type": "string", "description": "The key that this file had before: its old path without the suffix."}
TYPES = {"string": "string", "integer": "integer", "long": "integer", "boolean": "boolean", "double": "number"}


def schemas() -> dict[str, str]:
    """`association`, `document` and `calendar` → the text of a JSON Schema."""
    import botocore.session

    model = botocore.session.get_session().get_service_model("ssm")
    create_association = model.operation_model("CreateAssociation").input_shape
    create_document = model.operation_model("CreateDocument").input_shape
    association = {name: _of(create_association.members[name]) for name in ASSOCIATION_MEMBERS}
    document = {name: _of(create_document.members[name]) for name in ("Name", "DocumentType", "DocumentFormat")}
    document |= {name: _of(create_document.members[name]) for name in DOCUMENT_MEMBERS}
    pin = {"type": ["string", "integer"], "description": "The version that stays the default whatever Content says."}
    content = {"type": ["object", "string"], "description": "The document, as YAML or as its text."}
    calendar = {"Name": document["Name"], "Content": {"type": "string", "description": "An iCalendar text."}}
    return {
        "association": _schema("An association", {**association, "Tags": TAGS, "was": WAS}, ["Name"]),
        "document": _schema(
            "A document", {**document, "Content": content, "default": pin, "Tags": TAGS, "was": WAS}, ["Content"]
        ),
        "calendar": _schema(
            "A change calendar",
            {**calendar, "DisplayName": document["DisplayName"], "default": pin, "Tags": TAGS, "was": WAS},
            ["Content"],
        ),
    }


def _schema(title: str, properties: dict[str, Any], required: list[str]) -> str:
    found = {"$schema": DIALECT, "title": title, "type": "object"}
    return json.dumps(
        {**found, "properties": properties, "required": required, "additionalProperties": False}, indent=2
    )


def _of(shape: Any, depth: int = 0) -> dict[str, Any]:
    """The schema of a shape of the service model; what nests deeply is left open."""
    limits = shape.metadata
    if shape.type_name == "structure":
        if depth > 4:
            return {"type": "object"}
        members = {name: _of(member, depth + 1) for name, member in shape.members.items()}
        found: dict[str, Any] = {"type": "object", "properties": members, "additionalProperties": False}
        return {**found, "required": list(shape.required_members)} if shape.required_members else found
    if shape.type_name == "list":
        found = {"type": "array", "items": _of(shape.member, depth + 1)}
        return found | {
            ours: limits[theirs] for theirs, ours in (("min", "minItems"), ("max", "maxItems")) if theirs in limits
        }
    if shape.type_name == "map":
        return {"type": "object", "additionalProperties": _of(shape.value, depth + 1)}
    found = {"type": TYPES.get(shape.type_name, "string")}
    values = getattr(shape, "enum", None)
    if values:
        found["enum"] = list(values)
    if found["type"] == "string":
        names = (("min", "minLength"), ("max", "maxLength"))
    else:
        names = (("min", "minimum"), ("max", "maximum"))
    return found | {ours: limits[theirs] for theirs, ours in names if theirs in limits}
