"""Events: what the outbox holds, how far its sinks are, and the newest API calls."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from stateward.console.visit import Page, Visit
from stateward.events import store
from stateward.events.store import EventRow
from stateward.wire.errors import validation_error

TABS = (
    ("all", "All"),
    ("associations", "Associations"),
    ("nodes", "Nodes"),
    ("calls", "API calls"),
    ("sinks", "Sinks"),
)
KINDS = {"associations": "association", "nodes": "instance"}
NEWEST = 2**62
CALLS = 200


class ShownEvent(msgspec.Struct, frozen=True):
    """An event in words, with what it is about."""

    sequence: int
    at_ms: int
    words: str
    status: str
    association: str
    node: str
    body: str


async def show(visit: Visit) -> Response:
    tab = visit.query("tab", "all")
    if tab not in dict(TABS):
        raise validation_error(f"{tab[:40]!r} is no part of this page: use {', '.join(dict(TABS))}")
    context: dict[str, Any] = {"tab": tab, "tabs": TABS, "next_page": None}
    if tab == "calls":
        allowed = visit.may("ListApiCalls")
        context["calls"] = (await visit.ask("ListApiCalls", limit=CALLS))["calls"] if allowed else None
    elif tab == "sinks":
        deliveries = visit.services.deliveries
        context["sinks"] = [(name, deliveries.behind(name)) for name in deliveries.sinks]
    else:
        context |= await _events(visit, KINDS.get(tab))
    return visit.page("events.html", "Events", **context)


async def _events(visit: Visit, kind: str | None) -> dict[str, Any]:
    text = visit.query("page")
    before = int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else NEWEST
    async with visit.reading() as tx:
        rows = await store.before_in_scope(tx, visit.scope, before, kind, visit.size + 1)
    shown = rows[: visit.size]
    more = len(rows) > visit.size
    return {
        "events": [shown_event(row) for row in shown],
        "next_page": str(shown[-1].sequence) if more else None,
    }


def shown_event(row: EventRow) -> ShownEvent:
    body: dict[str, Any] = msgspec.json.decode(row.body)
    detail = body.get("detail") or {}
    status = str(detail.get("status") or "")
    node = str(detail.get("instance-id") or "")
    return ShownEvent(
        row.sequence,
        row.created_ms,
        str(body.get("detail-type") or row.kind).removeprefix("EC2 State Manager ").removeprefix("Stateward "),
        status,
        str(detail.get("association-id") or ""),
        node,
        msgspec.json.format(row.body, indent=2),
    )


PAGES = (Page("/events", show),)
