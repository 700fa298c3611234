"""Values of filters with an operator, as compliance, inventory and nodes take them.

The operators are spelled `NOT_EQUAL` in one operation and `NotEqual` in the next; here they are `notequal`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from stateward.wire.protocol import parse_instant

_NUMBERS = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18}){0,9}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*")


def operator_of(spelling: str | None) -> str:
    """One spelling for all; an absent operator is `equal`."""
    return "equal" if spelling is None else spelling.replace("_", "").lower()


def passes(operator: str, actual: str | None, values: Sequence[str]) -> bool:
    """Whether a value meets a filter: `notequal` asks all of `values`, every other operator for one of them.

    An absent value (None) is only ever unequal. Numbers with dots compare like versions, dates as instants.
    """
    match operator:
        case "notequal":
            return actual is None or not any(_equal(actual, value) for value in values)
        case "exists":
            return actual is not None
        case _ if actual is None:
            return False
        case "equal":
            return any(_equal(actual, value) for value in values)
        case "beginwith":
            return any(actual.startswith(value) for value in values)
        case "lessthan":
            return any(_order(actual, value) < 0 for value in values)
        case "greaterthan":
            return any(_order(actual, value) > 0 for value in values)
        case unknown:
            raise ValueError(f"operator {unknown!r} is not known")


def _equal(actual: str, value: str) -> bool:
    return actual == value or (_both(_DATE, actual, value) and _order(actual, value) == 0)


def _order(one: str, other: str) -> int:
    """Below zero when `one` comes first."""
    if _both(_NUMBERS, one, other):
        return _sign([int(part) for part in one.split(".")], [int(part) for part in other.split(".")])
    if _both(_DATE, one, other):
        try:
            return _sign([parse_instant(one)], [parse_instant(other)])
        except ValueError:
            pass  # looks like a date and is none: text, as everything else
    return _sign([one], [other])


def _sign(one: list[int] | list[str], other: list[int] | list[str]) -> int:
    return (one > other) - (one < other)  # type: ignore[operator]


def _both(pattern: re.Pattern[str], one: str, other: str) -> bool:
    return pattern.fullmatch(one) is not None and pattern.fullmatch(other) is not None
