"""Identifiers that sort in the order in which they were made."""

import uuid

from stateward import ids
from stateward.clock import wall_ms


def test_ordered_ids_sort_as_they_were_made():
    made = [ids.ordered_uuid() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_an_ordered_id_is_a_random_uuid_of_version_6():
    made = [uuid.UUID(ids.ordered_uuid()) for _ in range(100)]
    assert {(one.version, one.variant) for one in made} == {(6, uuid.RFC_4122)}
    assert len({one.node for one in made}) == len(made), "nobody guesses one from another"


def test_a_clock_that_is_set_back_does_not_turn_the_order(monkeypatch):
    before = ids.ordered_uuid()
    earlier_ns = (wall_ms() - 3_600_000) * 1_000_000
    monkeypatch.setattr("time.time_ns", lambda: earlier_ns)
    assert before < ids.ordered_uuid() < ids.ordered_uuid()


def test_an_id_behind_another_is_a_random_uuid_that_sorts_after_it():
    made = [ids.uuid_behind(None)]
    for _ in range(1000):
        made.append(ids.uuid_behind(made[-1]))
    assert made == sorted(set(made))
    assert {uuid.UUID(one).version for one in made} == {4}
    assert len({one[9:] for one in made}) == len(made), "nobody guesses one from another"


def test_behind_the_last_of_all_there_is_only_chance():
    assert uuid.UUID(ids.uuid_behind("ffffffff-ffff-4fff-bfff-ffffffffffff")).version == 4
