"""The binary agent message of a node's control channel (node protocol 5.3); standard library only."""

import hashlib
import struct
from dataclasses import dataclass

# HeaderLength, MessageType, SchemaVersion, CreatedDate, SequenceNumber, Flags, MessageId, PayloadDigest, PayloadType,
# PayloadLength
_HEADER = struct.Struct(">I32sIQqQ16s32sII")
# Counts the bytes before PayloadLength.
HEADER_LENGTH = _HEADER.size - 4


class MalformedMessage(Exception):
    """Bytes that are no agent message, or fields that fit into none; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class AgentMessage:
    """One message; `message_id` is a UUID in its usual spelling, `message_type` at most 32 ASCII characters."""

    message_type: str
    message_id: str
    created_ms: int
    payload: bytes
    sequence: int = 0
    flags: int = 0
    schema_version: int = 1
    payload_type: int = 0


def encode(message: AgentMessage) -> bytes:
    """The frame of a message, digest included; MalformedMessage if a field does not fit."""
    if message.created_ms <= 0:
        raise MalformedMessage(
            f"created_ms {message.created_ms} must be above 0: the agent drops messages without date"
        )
    try:
        header = _HEADER.pack(
            HEADER_LENGTH,
            _padded_type(message.message_type),
            message.schema_version,
            message.created_ms,
            message.sequence,
            message.flags,
            _swapped(_uuid_bytes(message.message_id)),
            hashlib.sha256(message.payload).digest(),
            message.payload_type,
            len(message.payload),
        )
    except struct.error as error:
        raise MalformedMessage(f"a number of the header is out of range: {error}") from None
    return header + message.payload


def decode(frame: bytes, *, check_digest: bool = False) -> AgentMessage:
    """The message in a frame; MalformedMessage says what is wrong.

    The agent writes the payload's digest and never checks it, so it is compared only with `check_digest`.
    """
    if len(frame) < _HEADER.size:
        raise MalformedMessage(f"frame of {len(frame)} bytes is shorter than its header of {_HEADER.size} bytes")
    (
        header_length,
        padded_type,
        schema_version,
        created_ms,
        sequence,
        flags,
        swapped_id,
        digest,
        payload_type,
        payload_length,
    ) = _HEADER.unpack_from(frame)
    payload = bytes(frame[_HEADER.size :])
    if header_length != HEADER_LENGTH:
        raise MalformedMessage(f"header length {header_length} must be {HEADER_LENGTH}")
    if payload_length != len(payload):
        raise MalformedMessage(f"payload length {payload_length} does not match the {len(payload)} bytes that follow")
    if created_ms == 0:
        raise MalformedMessage("created date must not be 0")
    if check_digest and hashlib.sha256(payload).digest() != digest:
        raise MalformedMessage("payload digest is not the SHA-256 of the payload")
    return AgentMessage(
        message_type=_bare_type(padded_type),
        message_id=_uuid_text(_swapped(swapped_id)),
        created_ms=created_ms,
        payload=payload,
        sequence=sequence,
        flags=flags,
        schema_version=schema_version,
        payload_type=payload_type,
    )


def _padded_type(message_type: str) -> bytes:
    if not (0 < len(message_type) <= 32 and message_type.isascii() and message_type.strip(" \0") == message_type):
        raise MalformedMessage(f"message type {message_type!r} must be 1 to 32 ASCII characters")
    return message_type.encode("ascii").ljust(32)


def _bare_type(padded_type: bytes) -> str:
    bare = padded_type.strip(b" \0")
    if not bare or not bare.isascii():
        raise MalformedMessage(f"message type {padded_type!r} must be 1 to 32 ASCII characters")
    return bare.decode("ascii")


def _swapped(uuid_bytes: bytes) -> bytes:
    """The agent sends bytes 8–15 of a UUID first; swapping twice gives the original."""
    return uuid_bytes[8:] + uuid_bytes[:8]


def _uuid_bytes(text: str) -> bytes:
    digits = text.replace("-", "")
    try:
        uuid_bytes = bytes.fromhex(digits)
    except ValueError:
        uuid_bytes = b""
    if _uuid_text(uuid_bytes) != text.lower():
        raise MalformedMessage(f"message id {text!r} must be a UUID")
    return uuid_bytes


def _uuid_text(uuid_bytes: bytes) -> str:
    digits = uuid_bytes.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
