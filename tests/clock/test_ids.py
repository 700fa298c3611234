"""Identifiers that sort in the order in which they were made."""

import uuid

from stateward import ids
from stateward.clock import wall_ms


def test_ordered_ids_sort_as_they_were_made():
    made = [ids.ordered_uuid() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_an_ordered_id_is_a_uuid_of_version_7():
    before_ms = wall_ms()
    one = uuid.UUID(ids.ordered_uuid())
    assert (one.version, one.variant) == (7, uuid.RFC_4122)
    assert before_ms <= one.int >> 80 <= wall_ms()
