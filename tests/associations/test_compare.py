"""What is different between two executions; pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.associations.compare import KINDS, Outcome, changed_members, compare, kind
from stateward.associations.progress import remaining_ms, usual_ms

WELL, DISK, NET = (
    Outcome("Success"),
    Outcome("Failed", "restart exit 1: disk full"),
    Outcome("Failed", "restart exit 7"),
)
LATE, SKIPPED = Outcome("TimedOut", "restart exit 1: disk full"), Outcome("Skipped")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (WELL, DISK, "failing"),
        (WELL, Outcome("Cancelled"), "failing"),
        (DISK, WELL, "recovered"),
        (DISK, DISK, "same_error"),
        (DISK, NET, "other_error"),
        (DISK, LATE, "other_error"),
        (None, WELL, "new"),
        (None, DISK, "new"),
        (DISK, None, "gone"),
        (WELL, WELL, "well"),
        (SKIPPED, WELL, "rest"),
        (WELL, Outcome("InProgress"), "rest"),
    ],
)
def test_a_node_stands_in_the_list_that_says_what_became_of_it(before, after, expected):
    assert kind(before, after) == expected


OUTCOMES = st.dictionaries(
    st.sampled_from([f"mi-{n}" for n in range(8)]), st.sampled_from([WELL, DISK, NET, LATE, SKIPPED])
)


@given(before=OUTCOMES, after=OUTCOMES)
def test_each_node_stands_in_one_list_and_none_is_lost(before, after):
    difference = compare(before, after)
    listed = [node for name in KINDS for node in getattr(difference, name)]
    assert sorted(listed) == sorted(before.keys() | after.keys())
    assert all(list(getattr(difference, name)) == sorted(getattr(difference, name)) for name in KINDS)


@given(before=OUTCOMES, after=OUTCOMES)
def test_the_other_way_round_failing_is_recovered_and_new_is_gone(before, after):
    there, back = compare(before, after), compare(after, before)
    assert (there.failing, there.new, there.well) == (back.recovered, back.gone, back.well)
    assert (there.same_error, there.other_error, there.rest) == (back.same_error, back.other_error, back.rest)


def test_changed_members_have_both_values():
    before, after = (
        {"Name": "a", "MaxErrors": "1", "Parameters": {"x": ["1"]}},
        {"Name": "a", "Parameters": {"x": ["2"]}},
    )
    assert changed_members(before, after) == [
        {"member": "MaxErrors", "before": "1", "after": None},
        {"member": "Parameters", "before": {"x": ["1"]}, "after": {"x": ["2"]}},
    ]


# How long it may still take


@pytest.mark.parametrize(
    ("usual", "elapsed", "finished", "total", "expected"),
    [
        (60_000, 20_000, 0, 10, 40_000),
        (60_000, 20_000, 9, 10, 40_000),
        (60_000, 90_000, 9, 10, 10_000),
        (None, 30_000, 3, 10, 70_000),
        (None, 30_000, 0, 10, None),
        (None, 0, 0, 0, None),
        (60_000, 90_000, 0, 10, None),
    ],
)
def test_what_is_left_of_the_usual_time_then_the_pace_of_this_run(usual, elapsed, finished, total, expected):
    assert remaining_ms(usual, elapsed, finished, total) == expected


def test_what_runs_usually_take_is_the_median():
    assert usual_ms([1_000, 9_000, 2_000]) == 2_000
    assert usual_ms([]) is None
