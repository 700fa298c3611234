"""What a planned association will do: which nodes it names now, and when it runs next (D57b)."""

from __future__ import annotations

from datetime import UTC, datetime

from stateward.associations import schedule
from stateward.folder.changes import Change
from stateward.folder.remote import Api, matching_nodes

FIRES = 3


def of(change: Change, api: Api, now_ms: int) -> list[str]:
    """`matches 214 nodes`, `next 24 Nov 03:00, …`; nothing for what is no association or has not changed."""
    if change.kind != "association" or not (change.differences or change.action == "create"):
        return []
    said = []
    nodes = matching_nodes(api, change.members)
    if nodes is not None:
        said.append(f"matches {nodes} node{'' if nodes == 1 else 's'} now")
    times = next_times(change.members.get("ScheduleExpression", ""), change.members.get("ScheduleOffset", 0), now_ms)
    if times:
        said.append(f"next {', '.join(times)} UTC")
    return said


def next_times(expression: str, offset_days: int, now_ms: int, count: int = FIRES) -> list[str]:
    """The next instants at which a schedule is due, if it were made now; none for one that cannot be read."""
    if not expression:
        return []
    try:
        parsed = schedule.parse_for_association(expression, now_ms)
    except schedule.InvalidSchedule:
        return []
    found: list[str] = []
    after: int | None = now_ms
    while after is not None and len(found) < count:
        after = schedule.next_due(parsed, after, now_ms, offset_days)
        if after is not None:
            found.append(datetime.fromtimestamp(after / 1000, UTC).strftime("%d %b %Y %H:%M").lstrip("0"))
    return found
