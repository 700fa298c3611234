"""How many targets run at once, and when errors stop a command (spec 4.6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.commands.rate_control import Progress, concurrency_allowed, errors_allowed, release


@pytest.mark.parametrize(
    ("max_errors", "targets", "expected"),
    [
        pytest.param("0", 25, 0, id="RAT-03 zero stops at the first"),
        pytest.param("3", 25, 3, id="RAT-03 three stops at the fourth"),
        pytest.param("10%", 50, 5, id="RAT-04 ten percent of 50 stops at the sixth"),
        pytest.param("10%", 9, 0, id="rounded down"),
        pytest.param("100%", 7, 7, id="never"),
        pytest.param("0%", 7, 0, id="zero percent"),
    ],
)
def test_errors_allowed(max_errors, targets, expected):
    assert errors_allowed(max_errors, targets) == expected


@pytest.mark.parametrize(
    ("max_concurrency", "targets", "expected"),
    [
        pytest.param("1", 25, 1, id="RAT-01"),
        pytest.param("10%", 25, 2, id="RAT-02"),
        pytest.param("1%", 25, 1, id="at least one"),
        pytest.param("100%", 25, 25, id="all"),
        pytest.param("50", 3, 50, id="more than there are"),
        pytest.param("50%", 0, 1, id="no targets"),
    ],
)
def test_concurrency_allowed(max_concurrency, targets, expected):
    assert concurrency_allowed(max_concurrency, targets) == expected


@st.composite
def progresses(draw):
    targets = draw(st.integers(0, 200))
    released = draw(st.integers(0, targets))
    in_flight = draw(st.integers(0, released))
    errors = draw(st.integers(0, released - in_flight))
    return Progress(targets, released, in_flight, errors, draw(st.integers(1, 250)), draw(st.integers(0, 200)))


@given(progresses())
def test_never_more_in_flight_than_allowed(progress):
    plan = release(progress)
    assert plan.count >= 0
    assert progress.released + plan.count <= progress.target_count
    if plan.count:
        assert progress.in_flight + plan.count <= progress.concurrency_limit
    assert plan.stop == (progress.errors > progress.error_limit)
    assert not (plan.stop and plan.count)


@given(progresses())
def test_a_free_slot_is_used(progress):
    plan = release(progress)
    waiting = progress.target_count - progress.released - plan.count
    full = progress.in_flight + plan.count >= progress.concurrency_limit
    assert plan.stop or not waiting or full
