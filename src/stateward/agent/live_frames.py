"""The frames of live output, for both ends: it knows no agent and no server (D58, docs/design/live-output.md)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

OUTPUT, OUTPUT_ACK = "stateward_output", "stateward_output_ack"
OFFER_ELEMENT = "LiveOutput"
"""In the answer to CreateControlChannel: how many bytes the server keeps of each end of a stream."""
ACCEPT_MEMBER = "LiveOutput"
"""In the opening text frame: 1 from a node that takes the offer."""

MOST_DATA = 32 * 1024
CREDIT = 256 * 1024
MOST_HEADER = 1024
StreamName = Literal["stdout", "stderr"]
Offset = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class MalformedOutput(ValueError):
    """A frame that cannot be understood; the text says why."""


class StreamKey(msgspec.Struct, frozen=True):
    """One stream: `jobId` as in the job, `step` as the key of `runtimeStatus`."""

    jobId: Name
    step: Name
    stream: StreamName


class Output(msgspec.Struct, frozen=True):
    """A piece of a stream: `data` begins at byte `offset`; `end`: the stream has no byte behind it."""

    key: StreamKey
    offset: int
    data: bytes
    end: bool = False


class Stored(msgspec.Struct, frozen=True):
    """The server needs nothing of a stream before `offset` again; `end`: nor anything behind it."""

    key: StreamKey
    offset: Offset
    end: bool = False


class OutputAck(msgspec.Struct, frozen=True):
    """What has been stored, and how many bytes more the node may send on this connection."""

    credit: Offset = 0
    stored: list[Stored] = []


class _Header(msgspec.Struct, frozen=True):
    key: StreamKey
    offset: Offset
    end: bool = False


def encode_output(output: Output) -> bytes:
    """The payload of a `stateward_output`: a line of JSON, then the bytes as they are."""
    assert len(output.data) <= MOST_DATA, "pieces are cut before"
    return msgspec.json.encode(_Header(output.key, output.offset, output.end)) + b"\n" + output.data


def decode_output(payload: bytes) -> Output:
    """The piece in a payload. Raises MalformedOutput."""
    line, newline, data = payload.partition(b"\n")
    if not newline or len(line) > MOST_HEADER:
        raise MalformedOutput("live output without a header")
    if len(data) > MOST_DATA:
        raise MalformedOutput(f"live output of {len(data)} bytes, {MOST_DATA} are allowed")
    try:
        header = msgspec.json.decode(line, type=_Header)
    except msgspec.MsgspecError as error:
        raise MalformedOutput(f"live output with a header that cannot be read: {error}") from None
    return Output(header.key, header.offset, data, header.end)


def encode_ack(ack: OutputAck) -> bytes:
    """The payload of a `stateward_output_ack`."""
    return msgspec.json.encode(ack)


def decode_ack(payload: bytes) -> OutputAck:
    """What the server says. Raises MalformedOutput."""
    try:
        return msgspec.json.decode(payload, type=OutputAck)
    except msgspec.MsgspecError as error:
        raise MalformedOutput(f"an acknowledgement of output that cannot be read: {error}") from None
