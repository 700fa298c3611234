"""What the API shows of a step whose agent was killed: what had come of its output, then what the agent says."""

import pytest

from stateward.commands.cut_short import joined

SENTENCE = "the agent was restarted while this step ran"


@pytest.mark.parametrize(
    ("live", "reported", "shown"),
    [
        pytest.param("", SENTENCE, SENTENCE, id="nothing had come"),
        pytest.param("line 1\nline 2\n", "", "line 1\nline 2\n", id="killed: the report has none of it"),
        pytest.param("oh\n", SENTENCE, f"oh\n{SENTENCE}", id="the sentence stands behind what was printed"),
        pytest.param("half", SENTENCE, f"half\n{SENTENCE}", id="in a line of its own"),
        pytest.param("line 1\n", "line 1\nline 2\n", "line 1\nline 2\n", id="stopped: the report has it all"),
    ],
)
def test_output_that_had_come_is_shown_once(live, reported, shown):
    assert joined(live, reported) == shown
