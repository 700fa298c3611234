"""Open or closed, and until when: the rules, compared with a scan that is too simple to be wrong (spec 6.7)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.calendars.calendar import YEAR_MS, combined, from_events, is_open, joined, next_transition

FROM, TO = 0, YEAR_MS + 1_000


def calendar(*events, opens=True, from_ms=FROM, to_ms=TO):
    return from_events(events, opens_by_default=opens, from_ms=from_ms, to_ms=to_ms)


@pytest.mark.parametrize(
    ("opens", "events", "at", "open_", "next_"),
    [
        pytest.param(True, [], 5, True, None, id="without events always open"),
        pytest.param(False, [], 5, False, None, id="without events always closed"),
        pytest.param(True, [(10, 20)], 9, True, 10, id="before an event"),
        pytest.param(True, [(10, 20)], 10, False, 20, id="an event begins with its first instant"),
        pytest.param(True, [(10, 20)], 19, False, 20, id="in its last instant"),
        pytest.param(True, [(10, 20)], 20, True, None, id="its end is no part of it"),
        pytest.param(False, [(10, 20)], 9, False, 10, id="closed by default, before an event"),
        pytest.param(False, [(10, 20)], 10, True, 20, id="closed by default, in an event"),
        pytest.param(False, [(10, 20)], 20, False, None, id="closed by default, after the last event"),
        pytest.param(True, [(10, 20), (20, 30)], 15, False, 30, id="adjacent events are one"),
        pytest.param(True, [(10, 20), (15, 30)], 15, False, 30, id="overlapping events are one"),
        pytest.param(True, [(10, 40), (15, 20)], 15, False, 40, id="an event within another ends nothing"),
        pytest.param(True, [(20, 30), (10, 15)], 5, True, 10, id="events in any order"),
        pytest.param(True, [(10, 10)], 10, True, None, id="an event without length has no effect"),
        pytest.param(True, [(-50, 20)], 5, False, 20, id="an event that began long ago"),
        pytest.param(True, [(10, TO + 50)], 15, False, None, id="an event that does not end within the year"),
        pytest.param(True, [(YEAR_MS + 5, YEAR_MS + 9)], 5, True, YEAR_MS + 5, id="a transition in just a year"),
        pytest.param(True, [(YEAR_MS + 6, YEAR_MS + 9)], 5, True, None, id="a transition in more than a year"),
    ],
)
def test_state_and_next_transition(opens, events, at, open_, next_):
    found = calendar(*events, opens=opens)
    assert (is_open(found, at), next_transition(found, at)) == (open_, next_)


def test_several_are_open_when_all_are():
    nights, window = calendar((10, 20), (40, 50)), calendar((5, 15), (18, 45), opens=False)
    both = combined([nights, window])
    assert [at for at in range(60) if is_open(both, at)] == list(range(5, 10)) + list(range(20, 40))
    assert next_transition(both, 8) == 10
    assert next_transition(both, 10) == 20  # the window closes at 15 and opens at 18, all within the night


def test_what_is_not_known_is_not_guessed():
    with pytest.raises(AssertionError, match="lies outside"):
        is_open(calendar(), TO)


spans = st.lists(st.tuples(st.integers(-20, 120), st.integers(-20, 120)), max_size=8)


@given(st.lists(st.tuples(spans, st.booleans()), min_size=1, max_size=3), st.integers(0, 100))
def test_the_rules_agree_with_a_naive_scan(described, at):
    both = combined([calendar(*events, opens=opens) for events, opens in described])

    def naive(instant):
        return all(any(start <= instant < end for start, end in events) is not opens for events, opens in described)

    assert is_open(both, at) == naive(at)
    assert next_transition(both, at) == next((t for t in range(at + 1, 125) if naive(t) != naive(at)), None)


@given(spans)
def test_joined_spans_are_apart_and_cover_the_same(some):
    found = joined(some)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(found))
    for t in range(-21, 122):
        assert any(s <= t < e for s, e in found) == any(s <= t < e for s, e in some)
