"""AWS JSON 1.1: bodies, the operation header and instants (spec 0.1)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from stateward.wire.errors import AwsError, serialization_error

# Deeper than any request of the model; documents travel as text and do not count.
MAX_DEPTH = 100

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST_MS = -62_135_596_800_000  # 0001-01-01
LATEST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999

_EPOCH_SECONDS = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?")
_ISO_8601 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)


def decode_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a request; an empty body is `{}`, anything but an object a SerializationException."""
    if not body.strip():
        return {}
    try:
        decoded = msgspec.json.decode(body)
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, ValueError) as error:
        raise serialization_error(f"The request body is not valid JSON: {error}") from None
    if not isinstance(decoded, dict):
        raise serialization_error(f"The request body must be a JSON object, not {json_type(decoded)}")
    # Nesting cannot exceed the number of opening brackets, so ordinary bodies need no walk.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _refuse_depth(decoded)
    return decoded


def encode(answer: Mapping[str, Any]) -> bytes:
    """The JSON body of an answer; instants must already be epoch seconds (`epoch_seconds`)."""
    return msgspec.json.encode(answer)


def json_type(value: object) -> str:
    """What JSON calls this decoded value, with its article, for error texts."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def epoch_seconds(ms: int) -> float:
    """An instant as answers carry it: seconds with three decimals, 1550505827119 → 1550505827.119."""
    return ms / 1000


def operation_of(target_header: str) -> tuple[str, str]:
    """Service prefix and operation of `X-Amz-Target`, `AmazonSSM.ListAssociations` → (AmazonSSM, ListAssociations)."""
    prefix, dot, operation = target_header.partition(".")
    if not (dot and prefix.isidentifier() and operation.isidentifier() and target_header.isascii()):
        raise AwsError("UnknownOperationException", "X-Amz-Target must name an operation: AmazonSSM.<Operation>")
    return prefix, operation


def iso8601(ms: int) -> str:
    """An instant as text in UTC with milliseconds, `2018-04-10T19:15:38.372Z`."""
    instant = EPOCH + timedelta(milliseconds=ms)
    return instant.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def parse_instant(text: str) -> int:
    """Milliseconds since the epoch of an ISO-8601 instant (without zone: UTC) or of epoch seconds (spec 2.12).

    Digits beyond milliseconds are cut off. Raises ValueError for anything else and for dates that do not exist.
    """
    if _EPOCH_SECONDS.fullmatch(text):
        return checked_ms(_ms_of_decimal(text), text)
    if not _ISO_8601.fullmatch(text):
        raise ValueError(f"Invalid date format: {text}")
    try:
        instant = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError(f"Invalid date format: {text}") from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return checked_ms((instant - EPOCH) // timedelta(milliseconds=1), text)


def checked_ms(ms: int, text: object) -> int:
    """`ms` if it lies in the years 1 to 9999, else ValueError naming `text`."""
    if not EARLIEST_MS <= ms <= LATEST_MS:
        raise ValueError(f"Invalid date format: {text}")
    return ms


def _ms_of_decimal(text: str) -> int:
    seconds, _, fraction = text.partition(".")
    thousandths = int(fraction[:3].ljust(3, "0"))
    return int(seconds) * 1000 + (-thousandths if seconds.startswith("-") else thousandths)


def _refuse_depth(decoded: dict[str, Any]) -> None:
    level: list[Any] = [decoded]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> AwsError:
    return serialization_error(f"The request body is nested more than {MAX_DEPTH} levels deep")
