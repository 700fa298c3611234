"""Overview: what is not as it should be."""

from __future__ import annotations

from starlette.responses import Response

from stateward.console.visit import Page, Visit


async def show(visit: Visit) -> Response:
    return visit.page("overview.html", "Overview")


PAGES = (Page("/", show),)
