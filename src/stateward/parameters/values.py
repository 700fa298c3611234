"""What a parameter's value may be. No error shows it."""

from __future__ import annotations

import re
from collections.abc import Callable

from stateward.wire.errors import AwsError

PATTERN_S = 0.05
"""What matching one value against its AllowedPattern may take."""
DATA_TYPES_TO_COME = (
    "aws:ec2:image",
    "aws:ssm:integration",
    "aws:region",
    "aws:account:id",
    "boolean",
    "integer",
    "float",
    "binary",
    "hostname",
    "email",
    "ipv4-address",
    "ipv6-address",
    "url",
    "json",
    "jsonc",
)
_NESTED = re.compile(r"\{\{.*\}\}", re.DOTALL)

Matches = Callable[[str, str, float], bool]
"""(pattern, value, seconds) → does the whole value match? ValueError: unusable pattern; TimeoutError: too slow."""


def check(value: str) -> None:
    """Raises ValidationException for an empty value, or one that refers to other parameters."""
    if not value:
        raise AwsError(
            "ValidationException",
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        )
    if _NESTED.search(value):
        raise AwsError(
            "ValidationException",
            'Parameter value can\'t nest another parameter. Do not use "{{}}" in the value.',
        )


def check_data_type(data_type: str) -> None:
    """Raises ValidationException for every type but text (D41)."""
    if data_type in DATA_TYPES_TO_COME:
        raise AwsError("ValidationException", f"DataType {data_type} is not supported by this version of Stateward")
    if data_type != "text":
        raise AwsError(
            "ValidationException",
            f"The following data type is not supported: {data_type} (Data type names are all lowercase.)",
        )


def check_pattern(pattern: str, matches: Matches) -> None:
    """Raises InvalidAllowedPatternException for what is no usable regular expression."""
    try:
        matches(pattern, "", PATTERN_S)
    except TimeoutError:
        pass
    except ValueError as error:
        raise AwsError("InvalidAllowedPatternException", f"AllowedPattern {pattern}: {error}.") from error


def check_match(pattern: str, value: str, parameter_type: str, matches: Matches, clock_s: Callable[[], float]) -> None:
    """Raises ParameterPatternMismatchException unless the value, or each item of a StringList, matches in time."""
    items = dict.fromkeys(value.split(",")) if parameter_type == "StringList" else (value,)
    until = clock_s() + PATTERN_S
    failed = f"Parameter value, cannot be validated against allowedPattern: {pattern}"
    for item in items:
        try:
            if not matches(pattern, item, max(until - clock_s(), 0.001)):
                raise AwsError("ParameterPatternMismatchException", failed)
            if clock_s() > until:
                raise TimeoutError
        except TimeoutError as error:
            text = f"{failed} (it takes longer than {PATTERN_S * 1000:.0f} ms)"
            raise AwsError("ParameterPatternMismatchException", text) from error
