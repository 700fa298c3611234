"""Search: one exact hit goes straight there, else ten of each kind."""

from __future__ import annotations

from typing import Any

from starlette.responses import RedirectResponse, Response

from stateward.console.visit import Page, Visit

KINDS = (
    ("association", "Associations"),
    ("execution", "Runs"),
    ("node", "Nodes"),
    ("tag", "Tags"),
    ("document", "Documents"),
    ("command", "Commands"),
)


async def show(visit: Visit) -> Response:
    text = visit.query("q").strip()[:256]
    if not text:
        return visit.page("search.html", "Search", text="", found={}, more=[], kinds=KINDS)
    answer = await visit.ask("Search", q=text)
    if answer["exact"] is not None:
        return RedirectResponse(address_of(visit, answer["exact"]), 302)
    found = {
        kind: [(hit.get("name") or hit["id"], hit["id"], address_of(visit, hit)) for hit in hits]
        for kind, hits in answer["hits"].items()
    }
    return visit.page("search.html", f"Search {text}", text=text, found=found, more=answer["more"], kinds=KINDS)


def address_of(visit: Visit, hit: dict[str, Any]) -> str:
    """The page of something that was found."""
    kind, found_id = hit["kind"], hit["id"]
    if kind == "execution":
        return visit.url("executions", found_id)
    if kind == "tag":
        return visit.url("nodes", tag=found_id)
    return visit.url(f"{kind}s", found_id)


PAGES = (Page("/search", show),)
