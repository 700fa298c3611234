"""Operators of filters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.wire.comparison import operator_of, passes

LATER, EARLIER = "2024-01-02T00:00:00Z", "2024-01-01"


@pytest.mark.parametrize(
    ("spelling", "operator"),
    [(None, "equal"), ("EQUAL", "equal"), ("NOT_EQUAL", "notequal"), ("BeginWith", "beginwith")],
)
def test_both_spellings_are_one(spelling, operator):
    assert operator_of(spelling) == operator


@pytest.mark.parametrize(
    ("operator", "actual", "values", "expected"),
    [
        ("equal", "a", ["b", "a"], True),
        ("equal", "a", ["A"], False),
        ("equal", None, ["a"], False),
        ("equal", "2024-01-01T00:00:00.000Z", ["2024-01-01T00:00:00Z"], True),
        ("notequal", "a", ["b", "a"], False),
        ("notequal", "a", ["b", "c"], True),
        ("notequal", None, ["b"], True),
        ("beginwith", "abc", ["x", "ab"], True),
        ("beginwith", "abc", ["b"], False),
        ("lessthan", "9", ["10"], True),
        ("lessthan", "3.2.582.0", ["3.10.0.0"], True),
        ("greaterthan", "3.3", ["3.3.0"], False),
        ("greaterthan", LATER, [EARLIER], True),
        ("lessthan", "2024-99-99", ["2024-99-99x"], True),
        ("greaterthan", "b", ["a"], True),
        ("greaterthan", "b1", ["10"], True),
        ("greaterthan", None, ["1"], False),
        ("exists", "", ["x"], True),
        ("exists", None, ["x"], False),
    ],
)
def test_a_value_meets_a_filter(operator, actual, values, expected):
    assert passes(operator, actual, values) is expected


def test_an_unknown_operator_is_a_bug():
    with pytest.raises(ValueError, match="operator 'like' is not known"):
        passes("like", "a", ["a"])


@given(st.text(), st.text())
def test_a_value_is_less_equal_or_greater(one, other):
    less, greater = passes("lessthan", one, [other]), passes("greaterthan", one, [other])
    assert not (less and greater)
    assert less == passes("greaterthan", other, [one])
    if one == other:
        assert not less
        assert not greater
