"""Page tokens without memory: the position itself, under an HMAC that ties it to its call (D20).

Whoever holds the key can open a token: any replica, and the same server after a restart.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.wire.errors import AwsError

_MAC_BYTES = 32
_NOT_FILTERS = frozenset({"NextToken", "MaxResults"})

Position = list[str | int | None]


def seal(
    key: bytes, *, operation: str, scope: tuple[str, str], filters_hash: str, position: Sequence[str | int | None]
) -> str:
    """The NextToken that leads to `position` in this operation, for this scope (account, region) and these filters."""
    payload = msgspec.json.encode(list(position))
    return base64.urlsafe_b64encode(_mac(key, operation, scope, filters_hash, payload) + payload).decode()


def open_token(key: bytes, token: str, *, operation: str, scope: tuple[str, str], filters_hash: str) -> Position:
    """The position that `seal` put in; InvalidNextToken for a token that is garbled or of another call (spec 0.4)."""
    try:
        sealed = base64.urlsafe_b64decode(token.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        raise _invalid() from None
    # Base64 has several spellings of the same bytes (stray characters, spare bits); only ours is a token.
    if base64.urlsafe_b64encode(sealed).decode() != token:
        raise _invalid()
    mac, payload = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, operation, scope, filters_hash, payload)):
        raise _invalid()
    return msgspec.json.decode(payload, type=Position)


def filters_hash(request: Mapping[str, Any]) -> str:
    """What must stay the same from page to page: the request without NextToken and MaxResults."""
    filters = {member: value for member, value in request.items() if member not in _NOT_FILTERS}
    return hashlib.sha256(msgspec.json.encode(filters, order="sorted")).hexdigest()


def _mac(key: bytes, operation: str, scope: tuple[str, str], filters: str, payload: bytes) -> bytes:
    # As a JSON list, so that no two sets of fields run together into the same bytes.
    call = msgspec.json.encode([operation, *scope, filters])
    return hmac.digest(key, call + b"\n" + payload, "sha256")


def _invalid() -> AwsError:
    return AwsError("InvalidNextToken", "The specified token is not valid.")
