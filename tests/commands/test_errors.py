"""What errors are grouped by: the step, how it ended, its last line without what differs from node to node."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.commands import errors
from stateward.commands.errors import FailedStep
from stateward.commands.rows import InvocationRow

LINES = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.mark.parametrize(
    ("standard_error", "expected"),
    [
        pytest.param("", "restart exit 1", id="nothing was written"),
        pytest.param("disk full\n", "restart exit 1: disk full", id="a line"),
        pytest.param("first\nsecond\n\n  \n", "restart exit 1: second", id="the last line that is not empty"),
        pytest.param("took 12.5 s", "restart exit 1: took <n> s", id="numbers"),
        pytest.param("pid 4711 died", "restart exit 1: pid <n> died", id="a process id"),
        pytest.param("open /var/lib/x7/y: denied", "restart exit 1: open <path>: denied", id="a path"),
        pytest.param("open C:\\a\\b.txt: denied", "restart exit 1: open <path>: denied", id="a path of Windows"),
        pytest.param("GET https://h.example/x?y=1 failed", "restart exit 1: GET <path> failed", id="an address"),
        pytest.param("2026-11-24T03:00:01Z boom", "restart exit 1: <time> boom", id="an instant"),
        pytest.param("03:00:01 boom", "restart exit 1: <time> boom", id="a time of day"),
        pytest.param("node mi-0a12b34c56d78e90f gone", "restart exit 1: node <id> gone", id="a node id"),
        pytest.param("id 7f3c0000-1111-4222-8333-444455556666 gone", "restart exit 1: id <id> gone", id="a uuid"),
        pytest.param("commit 9fceb02d0a lost", "restart exit 1: commit <id> lost", id="a hash"),
        pytest.param("\x1b[31mdisk full\x1b[0m", "restart exit 1: disk full", id="colours"),
        pytest.param("bad \u202e word", "restart exit 1: bad word", id="signs that turn text round"),
        pytest.param(
            "cat: /srv/page: No such file or directory\nfailed to run commands: exit status 1\n",
            "restart exit 1: cat: <path>: No such file or directory",
            id="the line that agents add is none",
        ),
        pytest.param(
            "failed to run commands: exit status 1",
            "restart exit 1: failed to run commands: exit status <n>",
            id="alone it is one",
        ),
    ],
)
def test_an_error_key(standard_error, expected):
    assert errors.error_key("restart", 1, standard_error) == expected


def test_a_step_that_ran_out_of_time_says_so():
    assert errors.error_key("restart", 137, "still at it", timed_out=True) == "restart timed out: still at it"


@given(LINES, st.integers(0, 10**9), st.integers(0, 10**9))
def test_lines_that_differ_in_a_number_are_one_error(words, one, other):
    assert errors.error_key("s", 1, f"{words} is {one}") == errors.error_key("s", 1, f"{words} is {other}")


@given(LINES)
def test_a_key_is_one_readable_line_and_stays_what_it_is(line):
    key = errors.normalised(errors.last_line(line))
    assert errors.normalised(key) == key
    assert len(key) <= errors.LINE_CHARACTERS
    assert not re.search(r"[0-9\x00-\x1f\x7f]", key)


@given(st.text(alphabet="abcxyz ,.", max_size=80))
def test_lines_of_words_differ_where_their_words_do(line):
    assert errors.normalised(errors.last_line(line)) == " ".join(line.split())


def row(status="Failed", details="Failed", ended_by=None):
    return InvocationRow("c", "mi-1", "ManagedInstance", "1", "r", None, None, 0, 0, status, details, ended_by)


def step(name, position, status="Failed"):
    return FailedStep("mi-1", name, position, status, 1, f"{name} broke\n")


def test_the_first_step_that_failed_is_to_blame():
    found = errors.failure(row(), [step("verify", 2), step("restart", 1)])
    assert (found.key, found.step_name, found.exit_code, found.sample) == (
        "restart exit 1: restart broke",
        "restart",
        1,
        "restart broke",
    )


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (row("TimedOut", "DeliveryTimedOut", "delivery_timeout"), "no result in time"),
        (row("TimedOut", "DeliveryTimedOut", "superseded"), "replaced by the next run before it was delivered"),
        (row("TimedOut", "TimedOut", "superseded"), "replaced by the next run while it ran"),
        (row("Failed", "Undeliverable", "node_removed"), "the node was deregistered"),
        (row("Failed", "Failed", "refused:51403"), "refused by the node (51403)"),
        (row("Failed", "Failed"), "Failed, without a word on a step"),
    ],
)
def test_without_a_failed_step_the_end_itself_is_the_error(ended, words):
    assert errors.failure(ended, []).key == words
