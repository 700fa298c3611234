"""The map's data and picture, and where a cell leads."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.responses import RedirectResponse, Response

from stateward.associations import execution_calls, letters, mapping, store, store_strips, strips
from stateward.associations.mapping import MapWanted, Material
from stateward.associations.rows import AssociationRow
from stateward.console import heat
from stateward.console.visit import Page, Visit
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError, validation_error

RUNS = (30, 60, 120, 250, 500)
DEFAULT_RUNS = 60
SORTS = (("worst", "worst first"), ("name", "by name"), ("newly", "newly bad first"))
FILTERS = (("newly", "newly bad"), ("bad", "not Success"))
WINDOW = re.compile(
    r"(\d{1,3})\.(worst|name|newly)\.([01])\.(newly|bad|-)\.(\d{1,9})\.(\d{1,2})(?:\.([\w,-]{1,2000}))?"
)
POINT = re.compile(r"(\d{1,6}),(\d{1,6})$")
CELL = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?\.([\w-]{1,64})")
OPEN = re.compile(r"[\w,-]{0,2000}")
NONE = "-"


class Window(msgspec.Struct, frozen=True):
    """Which part of the map: `before` 0 is up to the newest run, `only` a filter, `open` nodes unfolded."""

    runs: int = DEFAULT_RUNS
    sort: str = "worst"
    fold: bool = True
    only: str = ""
    before: int = 0
    open: str = ""

    @property
    def query(self) -> dict[str, str]:
        """As an address has it, without what goes without saying."""
        said = {"runs": self.runs, "sort": self.sort, "fold": int(self.fold), "only": self.only, "open": self.open}
        usual = {"runs": DEFAULT_RUNS, "sort": "worst", "fold": 1, "only": "", "open": ""}
        given = {name: str(value) for name, value in said.items() if value != usual[name]}
        return {**given, "before": str(self.before)} if self.before else given

    def path(self, scale: int) -> str:
        """As a part of a path: a browser appends the point that was clicked, so that there can be no query."""
        parts = (self.runs, self.sort, int(self.fold), self.only or NONE, self.before, scale)
        return ".".join(map(str, (*parts, self.open) if self.open else parts))

    def wanted(self, association_id: str) -> MapWanted:
        wanted: dict[str, Any] = {
            "association": association_id,
            "runs": self.runs,
            "sort": self.sort,
            "fold": self.fold,
            "status": self.only or None,
            "before": self.before or None,
            "open": self.open,
        }
        return MapWanted(**wanted)


def window_of(visit: Visit) -> Window:
    """What the address says; what makes no sense is as usual."""
    runs, only, opened = number(visit.query("runs")), visit.query("only"), visit.query("open")
    return Window(
        runs=min(runs, mapping.MOST_RUNS) if runs else DEFAULT_RUNS,
        sort=visit.query("sort") if visit.query("sort") in dict(SORTS) else "worst",
        fold=visit.query("fold", "1") != "0",
        only=only if only in dict(FILTERS) else "",
        before=number(visit.query("before")),
        open=opened if OPEN.fullmatch(opened) else "",
    )


def number(text: str) -> int:
    """A number of an address; 0 for what is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _window_in_path(visit: Visit) -> tuple[Window, int]:
    """The window that a picture shows, and its scale. Raises ValidationException."""
    found = WINDOW.fullmatch(visit.path("window"))
    if found is None or not 1 <= int(found[1]) <= mapping.MOST_RUNS:
        raise validation_error(f"{visit.path('window')[:60]!r} is no part of a map.")
    only = "" if found[4] == NONE else found[4]
    window = Window(int(found[1]), found[2], found[3] == "1", only, int(found[5]), found[7] or "")
    return window, max(1, int(found[6]))


async def read(visit: Visit, window: Window) -> dict[str, Any]:
    """The map of the association that the address names. Raises AssociationDoesNotExist."""
    wanted = window.wanted(visit.path("association_id"))
    async with visit.reading() as tx:
        association = await execution_calls.association_of(tx, visit.scope, wanted.association)
        material = await mapping.gather(tx, association, wanted)
    return heat.named(await mapping.body_of(material, wanted))


async def gathered(visit: Visit, tx: Snapshot, row: AssociationRow) -> Material:
    """What the page's map is made of."""
    return await mapping.gather(tx, row, window_of(visit).wanted(row.association_id))


async def context(visit: Visit, row: AssociationRow, material: Material) -> dict[str, Any]:
    """What the map's template shows."""
    window = window_of(visit)
    found = heat.named(await mapping.body_of(material, window.wanted(row.association_id)))
    runs = found["runs"]
    oldest = runs[0]["n"] if runs else 0
    return {
        "window": window,
        "window_path": window.path(heat.scale_for(len(runs))),
        "window_query": urlencode(window.query),
        "scale": heat.scale_for(len(runs)),
        "table": heat.table(found, number(visit.query("row")), visit.look.zone_info),
        "summary": heat.summary(found),
        "size": (len(runs), len(found["rows"])),
        "node_names": {line["node"]: line["name"] for line in found["rows"]},
        "cut": len(found["rows"]) == mapping.MOST_ROWS or found["next"] is not None,
        "older": oldest if len(runs) == window.runs and oldest > 1 else None,
        "choices": {"runs": RUNS, "sorts": SORTS, "filters": FILTERS},
    }


async def address_of_cell(visit: Visit, tx: Snapshot, association_id: str, cell: str) -> str | None:
    """Where `?cell=412.mi-…` leads: to what the node did in that run. None for what is no cell.

    `412-414` is a run and those on some nodes after it: the newest that meant the node.
    """
    asked = CELL.fullmatch(cell)
    if asked is None:
        return None
    run, last, node_id = int(asked[1]), int(asked[2] or 0), asked[3]
    if last > run:
        run = await _newest_with(tx, association_id, run, last, node_id)
    return visit.url("associations", association_id, "runs", str(run), "nodes", node_id)


async def _newest_with(tx: Snapshot, association_id: str, first: int, last: int, node_id: str) -> int:
    row = await store.node_status(tx, association_id, node_id)
    if row is None:
        return first
    for strip in await store_strips.since(tx, association_id, first, last + 1, mapping.MOST_PARTIALS):
        cells = strips.unpacked(strip.cells)
        if cells[row.slot : row.slot + 1] not in ("", letters.NO_TARGET):
            return strip.number
    return first


async def data(visit: Visit) -> Response:
    """`map.json`: letters for the canvas; not sent again while they are the same."""
    answer = await read(visit, window_of(visit))
    return _kept(visit, msgspec.json.encode(answer), "application/json")


async def picture(visit: Visit) -> Response:
    """`map/{window}/{theme}.png`, a pixel a cell."""
    theme = visit.path("theme")
    if theme not in heat.THEMES:
        raise AwsError("NotFound", f"There is no theme {theme[:20]!r}.", 404)
    window, _ = _window_in_path(visit)
    found = await read(visit, window)
    return _kept(visit, heat.picture(found, heat.palette(visit.style_sheet, theme)), "image/png")


async def point(visit: Visit) -> Response:
    """`map/{window}/at?x,y`: to the cell's target. From the keyboard 0,0 comes, or nothing: then to the table."""
    window, scale = _window_in_path(visit)
    association_id = visit.path("association_id")
    found = await read(visit, window)
    clicked = POINT.search(visit.request.url.query)
    x, y = (0, 0) if clicked is None else (int(clicked[1]), int(clicked[2]))
    cell = heat.at(found, x // scale, y // scale) if x or y else None
    address = None
    if cell is not None:
        async with visit.reading() as tx:
            address = await address_of_cell(visit, tx, association_id, cell)
    table = visit.url("associations", association_id, **window.query) + "#map"
    return RedirectResponse(address or table, 303)


def _kept(visit: Visit, content: bytes, media_type: str) -> Response:
    headers = {"etag": visit.tag(content), "cache-control": "private, no-cache"}
    if visit.request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


ONE = "/associations/{association_id}"
PAGES = (
    Page(f"{ONE}/map.json", data),
    Page(f"{ONE}/map/{{window}}/at", point),
    Page(f"{ONE}/map/{{window}}/{{theme}}.png", picture),
)
