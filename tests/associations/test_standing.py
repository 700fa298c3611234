"""How an association stands on a node and as a whole: letters, ranks, streaks (docs/design/read-models.md)."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.associations import letters, standing
from stateward.associations.rows import AssociationRow, NodeStatusRow

RUNS = st.lists(st.tuples(st.integers(1, 40), st.sampled_from("SFTCKPI")), max_size=60)


@pytest.mark.parametrize(
    ("recent", "number", "letter", "expected"),
    [
        pytest.param("", 1, "P", "1P", id="the first run"),
        pytest.param("1P", 1, "I", "1I", id="the newest run goes on"),
        pytest.param("41I", 42, "P", "41I42P", id="the next run"),
        pytest.param("41I42P", 41, "T", "41T42P", id="late news of the run before"),
        pytest.param("112P", 12, "S", "12S112P", id="one number ends like another"),
        pytest.param("2S", 1, "F", "1F2S", id="an older run that was not known"),
    ],
)
def test_the_letters_of_the_last_runs(recent, number, letter, expected):
    assert letters.noted(recent, number, letter) == expected


@given(RUNS)
def test_the_last_twelve_runs_are_kept_each_with_its_latest_letter(news):
    recent, latest = "", {}
    for number, letter in sorted(news, key=lambda run: run[0]):
        recent = letters.noted(recent, number, letter)
        latest[number] = letter
    assert letters.runs(recent) == sorted(latest.items())[-letters.KEPT :]
    assert letters.shown(recent) == "".join(letter for _, letter in letters.runs(recent))


@given(RUNS)
def test_in_any_order_the_kept_runs_are_in_order_and_at_most_twelve(news):
    recent = ""
    for number, letter in news:
        recent = letters.noted(recent, number, letter)
    numbers = [number for number, _ in letters.runs(recent)]
    assert numbers == sorted(set(numbers))
    assert len(numbers) <= letters.KEPT


def news(number, status, detailed_status=None, error_key=None):
    return NodeStatusRow("a", "mi-1", number, status, detailed_status or status, None, None, error_key=error_key)


def story(*told):
    """The row after these news, one a second."""
    row = None
    for second, one in enumerate(told, 1):
        row = standing.advanced(row, one, second * 1000)
    return row


def test_a_streak_counts_runs_that_ended_alike_and_says_since_when():
    row = story(
        news(1, "Success"), news(2, "Pending"), news(2, "Failed", error_key="x"), news(3, "Failed", error_key="y")
    )
    assert (row.settled, row.streak, row.since_ms, row.error_key) == ("F", 2, 3000, "y")
    assert letters.shown(row.recent) == "SFF"


def test_what_runs_does_not_hide_what_was():
    row = story(news(1, "Failed", error_key="x"), news(2, "Pending"), news(2, "InProgress"))
    assert (row.status, row.settled, row.streak, row.error_key) == ("InProgress", "F", 1, "x")
    assert standing.is_bad(row)
    assert row.status_rank == standing.NODE_RANKS["InProgress"]


def test_a_missed_run_is_owed_and_not_bad_until_another_has_ended():
    row = story(news(1, "Success"), news(2, "TimedOut", standing.MISSED), news(3, "TimedOut", standing.MISSED))
    assert (row.owed_since_ms, row.streak, row.status_rank) == (2000, 2, standing.OWED_NODE)
    assert standing.is_owed(row)
    assert not standing.is_bad(row)
    row = standing.advanced(row, news(4, "Pending"), 9000)
    assert standing.is_owed(row)
    assert row.status_rank == standing.OWED_NODE
    row = standing.advanced(row, news(4, "Success"), 9500)
    assert not standing.is_owed(row)
    assert row.status_rank == 0


def test_late_news_of_an_older_run_change_its_letter_alone():
    row = story(news(1, "InProgress"), news(2, "Pending"), news(2, "Cancelled"))
    after = standing.advanced(row, news(1, "Success"), 9000)
    assert after == msgspec.structs.replace(row, recent="1S2C")


def test_an_older_run_settles_while_the_newest_has_not_ended():
    row = story(news(1, "InProgress"), news(2, "Pending"), news(1, "TimedOut"))
    assert (row.number, row.status, row.settled, row.streak) == (2, "Pending", "T", 1)


@pytest.mark.parametrize(
    ("members", "state"),
    [
        pytest.param({}, standing.WAITING, id="never found its targets"),
        pytest.param({"resolved": 1}, standing.WELL, id="well"),
        pytest.param({"resolved": 1, "bad_nodes": 1, "owed_nodes": 1}, standing.FAILED, id="the worst counts"),
        pytest.param({"resolved": 1, "failed_start": "InvalidDocument"}, standing.FAILED, id="it could not start"),
        pytest.param({"resolved": 1, "owed_nodes": 3, "held_since_ms": 5}, standing.OWED, id="nodes missed a run"),
        pytest.param({"resolved": 1, "held_since_ms": 5}, standing.HELD, id="a calendar holds it back"),
        pytest.param({"resolved": 0, "bad_nodes": 2}, standing.FAILED, id="an update does not make it well"),
    ],
)
def test_the_state_of_an_association_is_the_worst_that_is_true(members, state):
    row = AssociationRow("a", "1", "r", 0, 0, 1, "doc", None, 0, None, state_rank=-1, **members)
    assert standing.state_of(row) == state
    stood = standing.stood(row, 77)
    assert (stood.state_rank, stood.state_since_ms) == (state, 77)
    assert standing.stood(stood, 99) == stood
