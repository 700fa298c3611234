"""Whether two machines take a node's channel from each other (D56)."""

import pytest

from stateward.gateway.take_overs import TakeOvers

ONE, TWO = "10.0.0.1", "10.0.0.2"
MINUTE_MS = 60_000


def alternating(count, every_ms=1000, addresses=(ONE, TWO)):
    """What is said after each of so many take-overs, addresses taking turns."""
    seen = TakeOvers()
    turns = [addresses[n % len(addresses)] for n in range(count + 1)]
    return [seen.note("mi-1", turns[n], turns[n + 1], n * every_ms) for n in range(count)]


def test_three_take_overs_are_harmless_and_the_fourth_is_said():
    assert alternating(3) == [(), (), ()]
    assert alternating(4)[3] == (ONE, TWO)
    assert alternating(5)[4] == (TWO, ONE)


def test_one_address_alone_is_a_bad_network():
    assert alternating(20, addresses=(ONE,)) == [()] * 20


@pytest.mark.parametrize("addresses", [(ONE, TWO), (ONE,)])
def test_the_log_says_it_once_in_ten_minutes(addresses):
    seen, told = TakeOvers(), []
    for second in range(1300):
        seen.note("mi-1", addresses[second % len(addresses)], addresses[-1], second * 1000)
        told.append(seen.is_news("mi-1", second * 1000))
    assert [second for second, news in enumerate(told) if news] == [3, 603, 1203]


@pytest.mark.parametrize(
    ("every_ms", "said"),
    [
        pytest.param(3 * MINUTE_MS, True, id="four in nine minutes"),
        pytest.param(200_000, False, id="never more than three in ten minutes"),
    ],
)
def test_only_ten_minutes_count(every_ms, said):
    assert any(alternating(30, every_ms)) is said


def test_nodes_are_told_apart():
    seen = TakeOvers()
    for n in range(12):
        assert seen.note(f"mi-{n % 4}", ONE, TWO, n) == ()


def test_what_is_over_is_forgotten(monkeypatch):
    monkeypatch.setattr("stateward.gateway.take_overs.MOST_NODES", 3)
    seen = TakeOvers()
    for n in range(10):
        seen.note(f"mi-{n}", ONE, TWO, n * 11 * MINUTE_MS)
    assert len(seen._seen) <= 3
