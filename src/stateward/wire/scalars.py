"""Compiled shapes without contents: strings, numbers, booleans, instants, blobs (spec 0.2)."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from stateward.wire.errors import AwsError, serialization_error
from stateward.wire.java_pattern import JavaPattern
from stateward.wire.protocol import checked_ms, json_type, parse_instant
from stateward.wire.violations import EnoughViolations, Violations

Shape = Mapping[str, Any]

MASK = "***"

_WHOLE_RANGES = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_FAR_FUTURE_S = 10**12


class Node(Protocol):
    """A compiled shape."""

    def check(self, value: Any, path: str, found: Violations) -> Any:
        """The value normalised; violations go to `found`, another JSON type is a SerializationException."""

    def text(self, value: Any) -> str:
        """The value as error texts print it, `***` for what is sensitive."""


def scalar_node(name: str, shape: Shape, sensitive: bool) -> Node:
    """The node of a shape that is no structure, list or map; ValueError for a type that the model never had."""
    match shape["type"]:
        case "string":
            return StringNode(shape, sensitive)
        case "integer" | "long" | "float" | "double":
            return NumberNode(shape, sensitive)
        case "boolean":
            return BooleanNode(sensitive)
        case "timestamp":
            return TimestampNode(sensitive)
        case "blob":
            return BlobNode(shape, sensitive)
        case unknown:
            raise ValueError(f"shape {name}: unknown type {unknown!r}")


def wrong_type(path: str, wanted: str, value: object) -> AwsError:
    """A SerializationException for a value whose JSON type is not the model's."""
    at = f"Value at '{path}'" if path else "The request"
    return serialization_error(f"{at} must be {wanted}, not {json_type(value)}")


class Bounds:
    """`min` and `max` of a shape, on a length or on a value."""

    __slots__ = ("_max", "_measure", "_min")

    def __init__(self, shape: Shape, measure: str) -> None:
        self._measure = measure
        self._max = shape.get("max")
        self._min = shape.get("min")

    def broken(self, size: float) -> Iterator[str]:
        """The rules that `size` breaks, at most one of the two unless the model contradicts itself."""
        if self._max is not None and size > self._max:
            yield f"Member must have {self._measure} less than or equal to {self._max}"
        if self._min is not None and size < self._min:
            yield f"Member must have {self._measure} greater than or equal to {self._min}"


class ScalarNode:
    """What all scalars share: how they are printed."""

    __slots__ = ("_sensitive",)

    def __init__(self, sensitive: bool) -> None:
        self._sensitive = sensitive

    def text(self, value: Any) -> str:
        if self._sensitive:
            return MASK
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)


class StringNode(ScalarNode):
    """Pattern, enumeration and length, the latter in Unicode code points."""

    __slots__ = ("_enum", "_length", "_pattern")

    def __init__(self, shape: Shape, sensitive: bool) -> None:
        super().__init__(sensitive)
        self._pattern = JavaPattern(shape["pattern"]) if "pattern" in shape else None
        self._enum = tuple(shape.get("enum", ()))
        self._length = Bounds(shape, "length")

    def check(self, value: Any, path: str, found: Violations) -> str:
        if not isinstance(value, str):
            raise wrong_type(path, "a string", value)
        if self._pattern is not None:
            self._check_pattern(self._pattern, value, path, found)
        if self._enum and value not in self._enum:
            rule = f"Member must satisfy enum value set: [{', '.join(self._enum)}]"
            found.add(self.text(value), path, rule)
        for rule in self._length.broken(len(value)):
            found.add(self.text(value), path, rule)
        return value

    def _check_pattern(self, pattern: JavaPattern, value: str, path: str, found: Violations) -> None:
        rule = f"Member must satisfy regular expression pattern: {pattern.text}"
        try:
            if not pattern.matches(value):
                found.add(self.text(value), path, rule)
        except TimeoutError:
            # A value made to be slow is refused at once: a list of such values would add up.
            found.add(self.text(value), path, rule)
            raise EnoughViolations from None


class NumberNode(ScalarNode):
    """Whole numbers (`5.0` is one) within their width, and floating ones."""

    __slots__ = ("_range", "_value")

    def __init__(self, shape: Shape, sensitive: bool) -> None:
        super().__init__(sensitive)
        self._range = _WHOLE_RANGES.get(shape["type"])
        self._value = Bounds(shape, "value")

    def check(self, value: Any, path: str, found: Violations) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong_type(path, "a number", value)
        number = value if self._range is None else self._whole(value, path, self._range)
        for rule in self._value.broken(number):
            found.add(self.text(number), path, rule)
        return number

    def _whole(self, value: float, path: str, limits: tuple[int, int]) -> int:
        low, high = limits
        if isinstance(value, float) and not value.is_integer():
            raise serialization_error(f"Value at '{path}' must be a whole number, not {self.text(value)}")
        if not low <= value <= high:
            raise serialization_error(f"Value at '{path}' must lie between {low} and {high}")
        return int(value)


class BooleanNode(ScalarNode):
    """JSON's true and false, nothing that resembles them."""

    __slots__ = ()

    def check(self, value: Any, path: str, found: Violations) -> bool:
        if not isinstance(value, bool):
            raise wrong_type(path, "a boolean", value)
        return value


class TimestampNode(ScalarNode):
    """Epoch seconds or ISO-8601 text; leaves as whole milliseconds (spec 0.1)."""

    __slots__ = ()

    def check(self, value: Any, path: str, found: Violations) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise wrong_type(path, "an instant (epoch seconds or ISO-8601 text)", value)
        try:
            return parse_instant(value) if isinstance(value, str) else _milliseconds(value)
        except ValueError:
            wanted = "an instant (epoch seconds or ISO-8601 text) of the years 1 to 9999"
            raise serialization_error(f"Value at '{path}' must be {wanted}") from None


class BlobNode(ScalarNode):
    """Base64 text; leaves as bytes, which is also what its length counts."""

    __slots__ = ("_length",)

    def __init__(self, shape: Shape, sensitive: bool) -> None:
        super().__init__(sensitive)
        self._length = Bounds(shape, "length")

    def check(self, value: Any, path: str, found: Violations) -> bytes:
        if not isinstance(value, str):
            raise wrong_type(path, "a string in base64", value)
        try:
            blob = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise serialization_error(f"Value at '{path}' must be base64") from None
        for rule in self._length.broken(len(blob)):
            found.add(self.text(value), path, rule)
        return blob


def _milliseconds(seconds: float) -> int:
    if abs(seconds) > _FAR_FUTURE_S:
        raise ValueError(f"{seconds} s is beyond the year 9999")
    return checked_ms(round(seconds * 1000), seconds)
