"""Untrusted JSON and YAML text read into plain values, at a cost that its length bounds."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

MAX_DEPTH = 50
MAX_NODES = 10_000
MAX_INTEGER = 2**63 - 1

_JSON_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)
_YAML_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_YAML_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# No leading zeros, no octal, no base 60: file modes, times and dates stay the text that their author sees.
_YAML_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_YAML_FLOAT = re.compile(r"[-+]?[0-9]{1,30}\.[0-9]{0,30}(?:[eE][-+][0-9]{1,3})?")
_YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(ValueError):
    """The text is not what it says, or more than anyone writes; the message says where."""


def read_json(text: str) -> Any:
    """The value of a JSON text, without duplicate keys, NaN, numbers past 64 bits or deep nesting."""
    _check_encodable(text)
    depth = 0
    for found in _JSON_BRACKETS.finditer(text):
        depth += (found[1] is not None) - (found[2] is not None)
        if depth > MAX_DEPTH:
            raise Unreadable(f"nested more than {MAX_DEPTH} levels deep at character {found.start() + 1}")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise Unreadable(f"not valid JSON: {error}") from error
    _check_values(value)
    return value


def read_yaml(text: str, *, keep_text: frozenset[str] = frozenset()) -> Any:
    """The value of a YAML text by the 1.2 core rules, without anchors, aliases, tags or duplicate keys.

    `yes`, `0755`, dates and times stay text. The top-level members in `keep_text` stay text whatever they look like.
    """
    _check_encodable(text)
    try:
        return _YamlValues(yaml.parse(text, Loader=_YAML_LOADER), keep_text).document()
    except yaml.YAMLError as error:
        raise Unreadable(f"not valid YAML: {' '.join(str(error).split())}") from error


def check_yaml(text: str) -> None:
    """Refuse a text that is no YAML, whatever tags, anchors and aliases it has; nothing of it is built."""
    _check_encodable(text)
    try:
        for _ in yaml.parse(text, Loader=_YAML_LOADER):
            pass
    except yaml.YAMLError as error:
        raise Unreadable(f"not valid YAML: {' '.join(str(error).split())}") from error


class _YamlValues:
    """Builds one value out of the parser's events, and stops at the first thing that is not allowed."""

    def __init__(self, events: Iterator[Any], keep_text: frozenset[str]) -> None:
        self._events = events
        self._keep_text = keep_text
        self._nodes = 0

    def document(self) -> Any:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise Unreadable("the text is empty")
        value = self._value(next(self._events), 0, as_text=False)
        next(self._events)
        if not isinstance(next(self._events), yaml.StreamEndEvent):
            raise Unreadable("more than one YAML document: write only one")
        return value

    def _value(self, event: Any, depth: int, *, as_text: bool) -> Any:
        self._admit(event, depth)
        if isinstance(event, yaml.ScalarEvent):
            return event.value if as_text or not event.implicit[0] else _plain(event)
        return self._sequence(depth) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(depth)

    def _sequence(self, depth: int) -> list[Any]:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1, as_text=False))
        return items

    def _mapping(self, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if isinstance(event, yaml.CollectionStartEvent):
                raise Unreadable(f"{_place(event)}: a key must be text")
            key = self._value(event, depth + 1, as_text=True)
            if key in members:
                raise Unreadable(f"{_place(event)}: the key {key[:60]!r} appears twice")
            as_text = depth == 0 and key in self._keep_text
            members[key] = self._value(next(self._events), depth + 1, as_text=as_text)
        return members

    def _admit(self, event: Any, depth: int) -> None:
        self._nodes += 1
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable(f"{_place(event)}: aliases are not allowed, write the value out")
        if event.anchor is not None:
            raise Unreadable(f"{_place(event)}: anchors are not allowed, remove &{event.anchor[:60]}")
        if event.tag is not None:
            raise Unreadable(f"{_place(event)}: tags are not allowed, remove {event.tag[:60]}")
        if depth > MAX_DEPTH:
            raise Unreadable(f"{_place(event)}: nested more than {MAX_DEPTH} levels deep")
        if self._nodes > MAX_NODES:
            raise Unreadable(f"{_place(event)}: more than {MAX_NODES} values")


def _plain(event: Any) -> Any:
    text: str = event.value
    if text in _YAML_NULL:
        return None
    if text in _YAML_BOOLEANS:
        return _YAML_BOOLEANS[text]
    if _YAML_INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _YAML_FLOAT.fullmatch(text) and math.isfinite(float(text)) else text


def _place(event: Any) -> str:
    return f"line {event.start_mark.line + 1}, column {event.start_mark.column + 1}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise Unreadable(f"the key {key[:60]!r} appears twice in one object")
        members[key] = value
    return members


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > MAX_INTEGER:
        raise Unreadable(f"the number {digits[:30]} is too large: use at most {MAX_INTEGER}")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Unreadable(f"the number {digits[:30]} is too large")
    return value


def _constant(name: str) -> Any:
    raise Unreadable(f"{name} is not a JSON value")


def _check_encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Unreadable(f"half of a surrogate pair at character {error.start + 1}") from error


def _check_values(value: Any) -> None:
    """Counts the nodes and finds the half surrogate pairs that JSON escapes can hide."""
    pending, nodes = [value], 0
    while pending:
        one = pending.pop()
        nodes += 1
        if nodes > MAX_NODES:
            raise Unreadable(f"more than {MAX_NODES} values")
        if isinstance(one, str):
            _check_encodable(one)
        elif isinstance(one, list):
            pending += one
        elif isinstance(one, dict):
            pending += one.keys()
            pending += one.values()
