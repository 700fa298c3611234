"""When an association fires next, as its schedule says (spec 3)."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

import msgspec

from stateward.access.call import Answer, Call
from stateward.associations import execution_calls, pausing, store
from stateward.associations.execution_calls import UUID
from stateward.associations.rows import Definition
from stateward.associations.schedule import next_due, parse
from stateward.wire.protocol import iso8601

MOST = 100


class NextWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many of the next times of which association."""

    association: UUID
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST)] = 10


def fire_times(definition: Definition, first_ms: int | None, anchor_ms: int, count: int) -> list[int]:
    """The next due times in ms, from the one that stands as next; none without a schedule, or after its only time."""
    expression = definition.get("ScheduleExpression")
    if first_ms is None or expression is None:
        return []
    schedule, offset_days = parse(expression), definition.get("ScheduleOffset", 0)

    def following() -> Any:
        due_ms: int | None = first_ms
        while due_ms is not None:
            yield due_ms
            due_ms = next_due(schedule, due_ms, anchor_ms, offset_days)

    return list(islice(following(), count))


async def list_next_fire_times(call: Call, wanted: NextWanted) -> Answer:
    """`{"association", "schedule", "next": [instant, …], "paused": null or the pause}`; while it is paused the times
    pass.
    """
    async with call.reading() as tx:
        row = await execution_calls.association_of(tx, call.scope, wanted.association)
        definition = (await store.current(tx, row)).members()
        paused = await pausing.shown(tx, row)
    times = fire_times(definition, row.next_due_ms, row.anchor_ms, wanted.count)
    return Answer(
        {
            "association": row.association_id,
            "schedule": definition.get("ScheduleExpression"),
            "next": [iso8601(due_ms) for due_ms in times],
            "paused": paused,
        }
    )
