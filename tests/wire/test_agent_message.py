import base64
import json
import struct
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stateward.wire.agent_message import AgentMessage, MalformedMessage, decode, encode

RECORDINGS = Path(__file__).parents[1] / "fixtures" / "official-agent"
MESSAGE = AgentMessage("agent_job", "00112233-4455-6677-8899-aabbccddeeff", 1795450632539, b"{}")

messages = st.builds(
    AgentMessage,
    message_type=st.from_regex(r"[a-z_]{1,32}", fullmatch=True),
    message_id=st.uuids().map(str),
    created_ms=st.integers(1, 2**64 - 1),
    payload=st.binary(max_size=300),
    sequence=st.integers(-(2**63), 2**63 - 1),
    flags=st.integers(0, 2**64 - 1),
    schema_version=st.integers(0, 2**32 - 1),
    payload_type=st.integers(0, 2**32 - 1),
)


def recorded_frames():
    for path in sorted(RECORDINGS.glob("*.json")):
        recording = json.loads(path.read_text())
        if "raw_base64" in recording:
            yield pytest.param(recording["frame"], base64.b64decode(recording["raw_base64"]), id=path.stem)


@pytest.mark.parametrize(("fields", "raw"), list(recorded_frames()))
def test_recorded_frames_are_read_and_written_exactly(fields, raw):
    message = decode(raw, check_digest=True)
    assert encode(message) == raw
    assert message == AgentMessage(
        message_type=fields["messageType"],
        message_id=fields["messageId"],
        created_ms=fields["createdDate"],
        payload=message.payload,
        sequence=fields["sequenceNumber"],
        flags=fields["flags"],
        schema_version=fields["schemaVersion"],
        payload_type=fields["payloadType"],
    )
    assert json.loads(message.payload) == fields["payload"]


@settings(deadline=None)
@given(messages)
def test_a_message_survives_its_frame(message):
    assert decode(encode(message), check_digest=True) == message


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_foreign_bytes_are_read_or_called_malformed(frame):
    try:
        message = decode(frame)
    except MalformedMessage:
        return
    assert message.payload == frame[120:]


def test_the_halves_of_the_message_id_are_swapped():
    assert encode(MESSAGE)[64:80].hex() == "8899aabbccddeeff0011223344556677"


def test_nuls_pad_a_type_as_well_as_spaces():
    frame = encode(MESSAGE)
    assert decode(frame[:4] + b"agent_job".ljust(32, b"\0") + frame[36:]) == MESSAGE


@pytest.mark.parametrize(
    ("start", "replacement", "reason"),
    [
        pytest.param(0, struct.pack(">I", 120), "header length 120 must be 116", id="header-length"),
        pytest.param(4, b" " * 32, "must be 1 to 32 ASCII characters", id="no-type"),
        pytest.param(4, b"\xff" * 32, "must be 1 to 32 ASCII characters", id="binary-type"),
        pytest.param(40, bytes(8), "created date must not be 0", id="no-date"),
        pytest.param(116, struct.pack(">I", 3), "payload length 3 does not match the 2 bytes", id="payload-length"),
    ],
)
def test_a_malformed_frame_says_what_is_wrong(start, replacement, reason):
    frame = encode(MESSAGE)
    with pytest.raises(MalformedMessage, match=reason):
        decode(frame[:start] + replacement + frame[start + len(replacement) :])


def test_a_short_frame_is_malformed():
    with pytest.raises(MalformedMessage, match="frame of 119 bytes is shorter than its header of 120 bytes"):
        decode(encode(MESSAGE)[:119])


def test_the_digest_counts_only_when_asked():
    frame = encode(MESSAGE)[:-2] + b"[]"
    assert decode(frame).payload == b"[]"
    with pytest.raises(MalformedMessage, match="payload digest"):
        decode(frame, check_digest=True)


@pytest.mark.parametrize(
    "change",
    [
        {"message_type": ""},
        {"message_type": "a" * 33},
        {"message_type": "jöb"},
        {"message_type": " job"},
        {"message_id": "not-a-uuid"},
        {"message_id": uuid.UUID(MESSAGE.message_id).hex},
        {"created_ms": 0},
        {"created_ms": -1},
        {"sequence": 2**63},
        {"flags": -1},
    ],
)
def test_fields_that_fit_no_frame_are_refused(change):
    with pytest.raises(MalformedMessage):
        encode(replace(MESSAGE, **change))


def test_the_codec_needs_the_standard_library_only():
    code = "import sys, stateward.wire.agent_message as m; print({'botocore', 'msgspec', 'regex'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
