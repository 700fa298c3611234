"""The `parameters` of a document, checked when the document comes (spec 5.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from stateward.documents import parameters, patterns
from stateward.documents.parameters import RESOURCE_TYPE, TYPES, Declaration
from stateward.documents.problems import InvalidDocumentContent, expect

AUTOMATION = "0.3"
MAX_PARAMETERS = 200
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_VARIABLE = re.compile(r"[A-Za-z0-9_]+")
_DISPLAY_TYPES = ("textfield", "textarea")
_COUNTS = ("minItems", "maxItems", "minChars", "maxChars")
_MEMBERS = frozenset(
    ("type", "description", "default", "allowedValues", "allowedPattern", "displayType", "interpolationType", *_COUNTS)
)


def parse(raw: Mapping[str, Any], schema_version: str) -> dict[str, Declaration]:
    """Name → declaration; schema 0.3 knows the resource types too. Raises InvalidDocumentContent, naming the path."""
    if len(raw) > MAX_PARAMETERS:
        raise InvalidDocumentContent(f"parameters: {len(raw)} of them, use at most {MAX_PARAMETERS}")
    return {name: _declaration(name, raw, schema_version) for name in raw}


def _declaration(name: str, raw: Mapping[str, Any], schema_version: str) -> Declaration:
    path = f"parameters.{name[:60]}"
    if not _NAME.fullmatch(name):
        raise InvalidDocumentContent(f"{path}: a name has up to 128 letters, digits, _, - and .")
    given = expect(raw, name, dict, "parameters")
    unknown = sorted(given.keys() - _MEMBERS)
    if unknown:
        raise InvalidDocumentContent(f"{path}.{unknown[0][:60]}: unknown member, use {', '.join(sorted(_MEMBERS))}")
    declared_type = _type(expect(given, "type", str, path), f"{path}.type", schema_version)
    declared = Declaration(
        type=declared_type,
        description=expect(given, "description", str, path, ""),
        allowed_values=_allowed_values(given, declared_type, path),
        allowed_pattern=_allowed_pattern(given, declared_type, path),
        min_items=_count(given, "minItems", path),
        max_items=_count(given, "maxItems", path),
        min_chars=_count(given, "minChars", path),
        max_chars=_count(given, "maxChars", path),
        interpolation_type=_interpolation_type(given, name, path, schema_version),
        display_type=_display_type(given, path),
    )
    _check_order(declared, path)
    return msgspec.structs.replace(declared, default=_default(given, declared, path))


def _type(declared_type: str, path: str, schema_version: str) -> str:
    if declared_type in TYPES:
        return declared_type
    known = ", ".join(TYPES)
    if schema_version != AUTOMATION:
        raise InvalidDocumentContent(f"{path} {declared_type[:60]!r}: use one of {known}")
    listed = declared_type.startswith("List<") and declared_type.endswith(">")
    if not RESOURCE_TYPE.fullmatch(declared_type[5:-1] if listed else declared_type):
        raise InvalidDocumentContent(
            f"{path} {declared_type[:60]!r}: use one of {known}, a resource type such as AWS::EC2::Instance::Id, "
            f"or a List<> of one"
        )
    return declared_type


def _default(given: Mapping[str, Any], declared: Declaration, path: str) -> Any:
    value = given.get("default", msgspec.UNSET)
    if value is msgspec.UNSET or parameters.refers_to_store(value):
        return value
    if not parameters.has_type(declared.type, value):
        raise InvalidDocumentContent(f"{path}.default: not of type {declared.type}")
    problem = parameters.problem_with(declared, value)
    if problem is None and declared.allowed_pattern is not None:
        found = (parameters.pattern_problem(declared.allowed_pattern, one) for one in _items(declared, value))
        problem = next((one for one in found if one is not None), None)
    if problem is not None:
        raise InvalidDocumentContent(f"{path}.default: {problem}")
    return value


def _items(declared: Declaration, value: Any) -> list[str]:
    items = parameters.items_of(declared, value)
    if len(items) > parameters.MAX_PATTERN_CHECKS:
        raise InvalidDocumentContent(f"{len(items)} default values must match an allowed pattern: use fewer")
    return items


def _allowed_values(given: Mapping[str, Any], declared_type: str, path: str) -> tuple[Any, ...] | None:
    values = expect(given, "allowedValues", list, path, None)
    if values is None:
        return None
    kind = parameters.kind_of(declared_type)
    item_type = {"StringList": "String", "MapList": "StringMap"}.get(kind, kind)
    for value in values:
        if not parameters.has_type(item_type, value):
            raise InvalidDocumentContent(f"{path}.allowedValues: {str(value)[:60]} is not of type {item_type}")
    return tuple(values)


def _allowed_pattern(given: Mapping[str, Any], declared_type: str, path: str) -> str | None:
    pattern: str | None = expect(given, "allowedPattern", str, path, None)
    if not pattern:
        return None
    if parameters.kind_of(declared_type) not in ("String", "StringList"):
        raise InvalidDocumentContent(f"{path}.allowedPattern: only for String and StringList, not {declared_type}")
    try:
        patterns.compiled(pattern)
    except patterns.UnusablePattern as error:
        raise InvalidDocumentContent(f"{path}.allowedPattern: {error}") from error
    return pattern


def _interpolation_type(given: Mapping[str, Any], name: str, path: str, schema_version: str) -> str:
    value: str = expect(given, "interpolationType", str, path, "")
    if value == "":
        return ""
    if value != "ENV_VAR":
        raise InvalidDocumentContent(f"{path}.interpolationType {value[:60]!r}: use ENV_VAR or leave it out")
    if schema_version != "2.2":
        raise InvalidDocumentContent(f"{path}.interpolationType: needs schema 2.2, not {schema_version}")
    if not _VARIABLE.fullmatch(name):
        raise InvalidDocumentContent(f"{path}: with interpolationType ENV_VAR a name has only letters, digits and _")
    return value


def _display_type(given: Mapping[str, Any], path: str) -> str:
    value: str = expect(given, "displayType", str, path, "")
    if value not in ("", *_DISPLAY_TYPES):
        raise InvalidDocumentContent(f"{path}.displayType {value[:60]!r}: use {' or '.join(_DISPLAY_TYPES)}")
    return value


def _count(given: Mapping[str, Any], member: str, path: str) -> int | None:
    value = given.get(member)
    if value is None:
        return None
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidDocumentContent(f"{path}.{member} {text[:60]!r}: use a whole number from 0 on")
    return int(text)


def _check_order(declared: Declaration, path: str) -> None:
    for unit, least, most in (
        ("Items", declared.min_items, declared.max_items),
        ("Chars", declared.min_chars, declared.max_chars),
    ):
        if least is not None and most is not None and least > most:
            raise InvalidDocumentContent(f"{path}: min{unit} {least} is more than max{unit} {most}")
