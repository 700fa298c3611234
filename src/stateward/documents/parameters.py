"""Parameters: what a document declares, what a caller gives, what a node receives (spec 5.2, 2.2 V14 to V16)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.documents import content, patterns

TYPES = ("String", "StringList", "Boolean", "Integer", "MapList", "StringMap")
RESOURCE_TYPE = re.compile(r"AWS::[A-Za-z0-9]+::[A-Za-z0-9]+(?:::[A-Za-z0-9]+)?")
MAX_PATTERN_BYTES = 4096
MAX_PATTERN_CHECKS = 1000
# All matches of one request together.
PATTERNS_TIMEOUT_S = 1.0

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_SECRET_REFERENCE = re.compile(r"\{\{\s*ssm-secure:")
_STORE_REFERENCE = re.compile(r"\{\{\s*ssm:[A-Za-z0-9_:/.\-]+\s*\}\}")


class InvalidParameters(ValueError):
    """What a caller gave does not fit the document; the message is for the caller."""


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """One declared parameter; `default` is UNSET where the document has none."""

    type: str
    description: str = ""
    default: Any = msgspec.UNSET
    allowed_values: tuple[Any, ...] | None = None
    allowed_pattern: str | None = None
    min_items: int | None = None
    max_items: int | None = None
    min_chars: int | None = None
    max_chars: int | None = None
    interpolation_type: str = ""
    display_type: str = ""

    @property
    def kind(self) -> str:
        """Which of TYPES its values are; resource types such as `AWS::EC2::Instance::Id` are text, `List<…>` lists."""
        return kind_of(self.type)

    @property
    def required(self) -> bool:
        """Whether the caller must give a value."""
        return self.default is msgspec.UNSET


def kind_of(parameter_type: str) -> str:
    """Which of TYPES the values of a declared type are."""
    if parameter_type.startswith("List<"):
        return "StringList"
    return "String" if parameter_type.startswith("AWS::") else parameter_type


def check(
    declarations: Mapping[str, Declaration],
    given: Mapping[str, Sequence[str]],
    *,
    always_allowed: frozenset[str] = frozenset(),
    may_be_missing: frozenset[str] = frozenset(),
) -> None:
    """Raises InvalidParameters for the first rule that is broken, in the order V14, V15, V16 (spec 2.2).

    `always_allowed` need no declaration, `may_be_missing` no value. A value that is nothing but `{{ ssm:name }}` is
    not compared with constraints: its text is not known yet.
    """
    for name in given:
        if name not in declarations and name not in always_allowed:
            raise InvalidParameters(f'Parameter "{name}" is not defined in document')
    for name, declared in declarations.items():
        if declared.required and name not in given and name not in may_be_missing:
            raise InvalidParameters(f'Parameter "{name}" requires a value.')
    to_match: dict[tuple[str, str], str] = {}
    for name, values in given.items():
        if any(_SECRET_REFERENCE.search(value) for value in values):
            raise InvalidParameters(
                f'Parameter "{name}" refers to a secret: {{{{ssm-secure:…}}}} is for the credentials of '
                "aws:downloadContent, inside a document."
            )
        if name not in declarations or _from_store(values):
            continue
        declared = declarations[name]
        problem = problem_with(declared, _typed(name, declared, values))
        if problem is not None:
            raise InvalidParameters(f'Parameter "{name}" {problem}')
        if declared.allowed_pattern is not None:
            to_match |= {(declared.allowed_pattern, value): name for value in values}
    _check_patterns(to_match)


def typed_values(declarations: Mapping[str, Declaration], given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The given parameters as a node receives them, from the API's lists of text (node protocol 5.5).

    String → text, StringList → list, StringMap → object, MapList → list of objects, Integer, Boolean. Only what was
    given and is declared. Raises InvalidParameters for text that has not the declared type.
    """
    return {name: _typed(name, declarations[name], values) for name, values in given.items() if name in declarations}


def effective_values(declarations: Mapping[str, Declaration], typed: Mapping[str, Any]) -> dict[str, Any]:
    """The typed values with the document's defaults for those that were not given."""
    defaults = {name: declared.default for name, declared in declarations.items() if not declared.required}
    return {**defaults, **typed}


def has_type(parameter_type: str, value: Any) -> bool:
    """Whether a JSON value is of a declared type."""
    match kind_of(parameter_type):
        case "String":
            return isinstance(value, str)
        case "StringList":
            return isinstance(value, list) and all(isinstance(item, str) for item in value)
        case "Boolean":
            return isinstance(value, bool)
        case "Integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "MapList":
            return isinstance(value, list) and all(isinstance(item, dict) for item in value)
        case _:
            return isinstance(value, dict)


def items_of(declared: Declaration, value: Any) -> list[Any]:
    """What allowedValues, allowedPattern and the character limits apply to: each item of a list, else the value."""
    return list(value) if declared.kind in ("StringList", "MapList") else [value]


def problem_with(declared: Declaration, value: Any) -> str | None:
    """Which constraint but the pattern a typed value breaks, as the end of a sentence about the parameter."""
    items = items_of(declared, value)
    allowed = declared.allowed_values
    for item in items:
        if allowed is not None and item not in allowed:
            return f'has value "{_shown(item)}" not found in [{", ".join(_shown(one) for one in allowed)}].'
        if isinstance(item, str):
            problem = _outside(len(item), declared.min_chars, declared.max_chars, "characters")
            if problem is not None:
                return problem
        if declared.interpolation_type and "\0" in _shown(item, limit=None):
            return "contains the character NUL, which no environment variable can hold."
    if declared.kind in ("StringList", "MapList", "StringMap"):
        return _outside(len(value), declared.min_items, declared.max_items, "items")
    return None


def refers_to_store(value: Any) -> bool:
    """Whether a value is nothing but one reference to Parameter Store."""
    return isinstance(value, str) and _STORE_REFERENCE.fullmatch(value) is not None


def _check_patterns(to_match: Mapping[tuple[str, str], str]) -> None:
    if len(to_match) > MAX_PATTERN_CHECKS:
        raise InvalidParameters(
            f"{len(to_match)} values must match an allowed pattern: give at most {MAX_PATTERN_CHECKS}"
        )
    timeout_s = min(patterns.TIMEOUT_S, PATTERNS_TIMEOUT_S / max(len(to_match), 1))
    for (pattern, value), name in to_match.items():
        problem = pattern_problem(pattern, value, timeout_s)
        if problem is not None:
            raise InvalidParameters(f'Parameter "{name}" {problem}')


def pattern_problem(pattern: str, value: str, timeout_s: float = patterns.TIMEOUT_S) -> str | None:
    """Why a value does not pass an allowedPattern, as the end of a sentence about the parameter."""
    if len(value.encode()) > MAX_PATTERN_BYTES:
        return f"has a value longer than {MAX_PATTERN_BYTES} bytes, which is not matched against an allowed pattern."
    try:
        if not patterns.matches(pattern, value, timeout_s):
            return f'has value "{_shown(value)}" that does not match the allowed pattern {_shown(pattern)}.'
    except TimeoutError:
        return f"has a value whose match against the allowed pattern {_shown(pattern)} takes too long."
    return None


def _from_store(values: Sequence[str]) -> bool:
    return len(values) == 1 and refers_to_store(values[0])


def _typed(name: str, declared: Declaration, values: Sequence[str]) -> Any:
    if declared.kind == "StringList":
        return list(values)
    if declared.kind == "MapList":
        return [_map(name, value) for value in values]
    if not values:
        raise InvalidParameters(f'Parameter "{name}" requires a value.')
    if len(values) > 1:
        raise InvalidParameters(
            f'Parameter "{name}" is of type {declared.type} and takes one value, not {len(values)}.'
        )
    value = values[0]
    if declared.kind == "String" or refers_to_store(value):
        return value
    if declared.kind == "StringMap":
        return _map(name, value)
    if declared.kind == "Boolean" and value in ("true", "false"):
        return value == "true"
    if declared.kind == "Integer" and _INTEGER.fullmatch(value):
        return int(value)
    expected = "true or false" if declared.kind == "Boolean" else "a whole number of at most 18 digits"
    raise InvalidParameters(f'Parameter "{name}" has value "{_shown(value)}": use {expected}.')


def _map(name: str, text: str) -> Any:
    if refers_to_store(text):
        return text
    try:
        value = content.read_json(text)
    except content.Unreadable as error:
        raise InvalidParameters(f'Parameter "{name}" has value "{_shown(text)}": {error}.') from error
    if not isinstance(value, dict):
        raise InvalidParameters(f'Parameter "{name}" has value "{_shown(text)}": use a JSON object.')
    return value


def _outside(size: int, least: int | None, most: int | None, unit: str) -> str | None:
    if least is not None and size < least:
        return f"has {size} {unit}: use at least {least}."
    if most is not None and size > most:
        return f"has {size} {unit}: use at most {most}."
    return None


def _shown(value: Any, limit: int | None = 200) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if limit is None or len(text) <= limit else text[:limit] + "…"
