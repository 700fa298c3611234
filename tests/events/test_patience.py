"""How long a sink that fails is waited for (D42)."""

import pytest

from stateward.events.patience import GIVEN_UP_AFTER_MS, given_up_until, pause_s


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (8, 128), (9, 256), (10, 300), (11, 300), (100_000, 300)]
)
def test_pauses_double_up_to_five_minutes(failures, seconds):
    assert pause_s(failures) == seconds


def test_nothing_is_given_up_before_24_hours_of_failures():
    assert given_up_until(0, GIVEN_UP_AFTER_MS - 1) is None
    assert given_up_until(0, GIVEN_UP_AFTER_MS) == 0


def test_each_event_has_24_hours_of_its_own():
    assert given_up_until(0, GIVEN_UP_AFTER_MS + 5_000) == 5_000
