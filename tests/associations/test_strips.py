"""Strips: one letter a node of one run (docs/design/read-models.md)."""

from hypothesis import given
from hypothesis import strategies as st

from stateward.associations import strips
from stateward.associations.strips import Result, Slowest

CELLS = st.dictionaries(st.integers(0, 3000), st.sampled_from("SFTCK"), max_size=60)


@given(CELLS)
def test_what_is_packed_comes_back_with_dots_between(cells):
    shown = strips.unpacked(strips.packed(cells))
    assert len(shown) == max(cells, default=-1) + 1
    assert {slot: letter for slot, letter in enumerate(shown) if letter != "."} == cells


def test_small_strips_are_plain_and_large_ones_small():
    assert strips.packed({0: "S", 2: "F"}) == b"S.F"
    assert len(strips.packed(dict.fromkeys(range(512), "S"))) == 512
    assert len(strips.packed(dict.fromkeys(range(100_000), "S"))) < 1000


def result(node, began_ms, ended_ms):
    return Result(node, "Success", began_ms, ended_ms, 0)


def test_the_slowest_node_ran_longest_and_waiting_does_not_count():
    results = [result("mi-2", 100, 400), result("mi-1", 200, 500), result("mi-3", 0, 10), result("mi-4", None, 9000)]
    assert strips.slowest(results) == Slowest("mi-1", 300)
    assert strips.slowest([result("mi-4", None, 9000)]) is None
