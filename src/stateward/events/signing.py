"""Signatures of webhooks as the Standard Webhooks specification wants them."""

from __future__ import annotations

import base64
import hashlib
import hmac

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64


class BadSecret(ValueError):
    """A webhook secret that cannot be used; the text does not show it."""


def key_of(secret: str) -> bytes:
    """The key in a secret: base64 of 24 to 64 bytes, with or without `whsec_` before it. Raises BadSecret."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise BadSecret(
            f"the webhook secret cannot be used: write {PREFIX} and {LEAST_BYTES} to {MOST_BYTES} bytes in base64"
        )
    return key


def secret_of(key: bytes) -> str:
    """A key as receivers are told it."""
    return PREFIX + base64.b64encode(key).decode()


def headers(key: bytes, message_id: str, wall_s: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt; `message_id` is the same in every attempt, the time is the attempt's."""
    signed = f"{message_id}.{wall_s}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(wall_s), "webhook-signature": f"v1,{digest}"}
