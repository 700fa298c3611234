"""Storms come from their seed alone, and a history that is not the truth is found out."""

import pytest
from outage_house import DONE, STEPS
from storms import RESTARTED, SKIPPED, complaint, storm

INTERRUPTED = ("Failed", -1, "1\n", RESTARTED)
CUT_SHORT = {"first": INTERRUPTED, "second": SKIPPED, "last": DONE["last"]}


def test_a_seed_draws_the_same_again():
    assert [storm(5, number) for number in range(50)] == [storm(5, number) for number in range(50)]
    assert [storm(5, number) for number in range(50)] != [storm(6, number) for number in range(50)]


@pytest.mark.parametrize(
    ("status", "steps", "marked", "kills"),
    [
        pytest.param("Success", DONE, list(STEPS), 0, id="all ran"),
        pytest.param("Success", DONE, list(STEPS), 2, id="killed between steps"),
        pytest.param("Failed", CUT_SHORT, ["first", "last"], 1, id="killed in a step"),
        pytest.param("Failed", CUT_SHORT, ["last"], 1, id="killed while the gate was shut"),
        pytest.param("Failed", {**DONE, "last": INTERRUPTED}, list(STEPS), 1, id="killed in the last"),
    ],
)
def test_the_truth_is_no_complaint(status, steps, marked, kills):
    assert complaint(status, steps, marked, kills) == ""


@pytest.mark.parametrize(
    ("status", "steps", "marked", "kills", "part"),
    [
        pytest.param("Success", DONE, [*STEPS, "first"], 1, "more than once", id="begun twice"),
        pytest.param("Success", DONE, ["first", "last"], 0, "never ran", id="told without having run"),
        pytest.param("Failed", CUT_SHORT, ["first", "last"], 0, "killed 0 times", id="interrupted by nobody"),
        pytest.param("Failed", CUT_SHORT, list(STEPS), 1, "skipped and ran", id="ran though told as skipped"),
        pytest.param("Success", CUT_SHORT, ["first", "last"], 1, "Failed is the truth", id="another status"),
        pytest.param(
            "Success",
            {**DONE, "first": ("Success", 0, "1\n1\n", "")},
            list(STEPS),
            0,
            "first is told as",
            id="output that was doubled",
        ),
    ],
)
def test_what_is_not_true_is_found_out(status, steps, marked, kills, part):
    assert part in complaint(status, steps, marked, kills)
