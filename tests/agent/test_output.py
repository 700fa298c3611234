import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.agent import output
from stateward.agent.output import Capture

RECORDINGS = Path(__file__).parents[1] / "fixtures" / "official-agent"


def final_step(name):
    events = json.loads((RECORDINGS / f"{name}.json").read_text())["events"]
    payloads = [event["frame"]["payload"] for event in events if "frame" in event]
    replies = [payload["content"]["runtimeStatus"] for payload in payloads if "content" in payload]
    return next(step for reply in replies for step in (reply or {}).values())


LONG_OUTPUT = "".join(f"{n:09d}\n" for n in range(1, 3001))
SHORT_ERROR = "".join(f"e{n:08d}\n" for n in range(1, 1001))
LONG_ERROR = "".join(f"e{n:08d}\n" for n in range(1, 4001)) + "failed to run commands: exit status 1"


@pytest.mark.parametrize(
    ("recording", "standard_output", "standard_error"),
    [
        pytest.param("command-long-output", LONG_OUTPUT, SHORT_ERROR, id="both too long"),
        pytest.param("command-long-error", "", LONG_ERROR, id="error too long"),
    ],
)
def test_output_is_cut_as_recorded(recording, standard_output, standard_error):
    step = final_step(recording)
    assert output.both(standard_output, standard_error) == step["output"]
    assert output.cut(standard_output, output.STREAM_BYTES, output.STREAM_CUT) == step["standardOutput"]
    assert output.cut(standard_error, output.STREAM_BYTES, output.STREAM_CUT) == step["standardError"]


@given(st.text(), st.text(), st.integers(100, 400))
def test_cut_output_never_exceeds_its_limit(standard_output, standard_error, limit):
    assert len(output.both(standard_output, standard_error, limit).encode()) <= limit
    assert len(output.cut(standard_output, limit, output.STREAM_CUT).encode()) <= limit


@given(st.lists(st.binary(max_size=40)), st.integers(1, 60))
def test_a_capture_keeps_the_beginning_only(chunks, limit):
    capture = Capture(limit)
    for chunk in chunks:
        capture.add(chunk)
    whole = b"".join(chunks)
    assert capture.overflowed == (len(whole) > limit)
    assert capture.text() == whole[:limit].decode(errors="replace") or capture.overflowed
    assert len(capture.text()) <= limit


def test_a_character_cut_at_the_limit_disappears():
    capture = Capture(3)
    capture.add("aéé".encode())
    assert capture.text() == "aé"
    capture = Capture(2)
    capture.add("aé".encode())
    assert capture.text() == "a"


def test_bytes_that_are_no_utf8_appear_as_replacement_characters():
    capture = Capture()
    capture.add(b"a\xffb\xc3")
    assert capture.text() == "a�b�"


def test_a_sealed_capture_takes_nothing_more():
    capture = Capture()
    capture.add(b"before")
    capture.seal()
    capture.add(b"after")
    assert capture.text() == "before"
