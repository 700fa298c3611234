"""The map's data and picture, and where a click on the picture leads."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from starlette.responses import RedirectResponse, Response

from stateward.console import heat
from stateward.console.heat import Window
from stateward.console.visit import Page, Visit
from stateward.wire.errors import AwsError, validation_error

POINT = re.compile(r"(\d{1,6}),(\d{1,6})")
DEFAULT_RUNS = 60
MOST_ROWS = 500


def window_of(visit: Visit) -> Window:
    """What the address of an association's page says of its map."""
    runs, before = visit.query("runs"), visit.query("before")
    sort, status = visit.query("sort", "worst"), visit.query("only")
    return Window(
        min(max(int(runs), 1), 500) if _number(runs) else DEFAULT_RUNS,
        sort if sort in ("worst", "name", "newly") else "worst",
        visit.query("fold", "1") != "0",
        status if status in ("newly", "bad") else None,
        int(before) if _number(before) else 0,
    )


def _number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


async def found(visit: Visit, association_id: str, window: Window, rows: int = MOST_ROWS) -> dict[str, Any]:
    """The map of a window."""
    return await visit.ask(
        "DescribeAssociationMap",
        association=association_id,
        runs=window.runs,
        rows=rows,
        sort=window.sort,
        fold=window.fold,
        status=window.status,
        before=window.before or None,
    )


async def data(visit: Visit) -> Response:
    """`map.json`: letters for the canvas; not sent again while they are the same."""
    answer = msgspec.json.encode(await found(visit, visit.path("association_id"), window_of(visit)))
    return _kept(visit, answer, "application/json")


async def picture(visit: Visit) -> Response:
    """`map/{window}/{theme}.png`."""
    theme = visit.path("theme")
    if theme not in heat.THEMES:
        raise AwsError("NotFound", f"There is no theme {theme[:20]!r}.", 404)
    answer = await found(visit, visit.path("association_id"), _window(visit))
    return _kept(visit, heat.png(answer, heat.palette(visit.style_sheet, theme)), "image/png")


async def point(visit: Visit) -> Response:
    """`map/{window}/at?x,y`: to the target; from the keyboard no point comes, so the link leads to the table."""
    window = _window(visit)
    association_id = visit.path("association_id")
    clicked = POINT.search(visit.request.url.query)
    back = visit.url("associations", association_id, runs=window.runs, sort=window.sort, fold=int(window.fold))
    if clicked is None:
        return RedirectResponse(f"{back}#map", 303)
    answer = await found(visit, association_id, window)
    cell = heat.at(answer, int(clicked[1]) // window.scale, int(clicked[2]) // window.scale)
    if cell is None:
        return RedirectResponse(f"{back}#map", 303)
    return RedirectResponse(visit.url("associations", association_id, "runs", str(cell[0]), "nodes", cell[1]), 303)


def _window(visit: Visit) -> Window:
    window = heat.window_of(visit.path("window"))
    if window is None:
        raise validation_error(f"{visit.path('window')[:60]!r} is no part of a map.")
    return window


def _kept(visit: Visit, content: bytes, media_type: str) -> Response:
    tag = visit.tag(content)
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if visit.request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


ONE = "/associations/{association_id}"
PAGES = (
    Page(f"{ONE}/map.json", data),
    Page(f"{ONE}/map/{{window}}/at", point),
    Page(f"{ONE}/map/{{window}}/{{theme}}.png", picture),
)
