"""Associations: the list by state, and one with its runs, nodes, definition and versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import yaml
from starlette.responses import RedirectResponse, Response

from stateward.associations import (
    pausing,
    rollup,
    standing,
    store,
    store_pages,
    store_read_models,
    store_runs,
    upcoming,
)
from stateward.associations.listing import EARLIEST_MS, LATEST_MS
from stateward.associations.rows import AssociationRow, Definition, ExecutionRow
from stateward.commands import store_history
from stateward.commands.store_history import CarrierRow
from stateward.console import difference, words
from stateward.console.naming import names_of
from stateward.console.pages import maps
from stateward.console.trend import trend
from stateward.console.visit import Page, Visit
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STATES = (("", "All"), ("notwell", "Not well"), ("running", "Running"), ("paused", "Paused"))
TABS = (
    ("history", "History"),
    ("executions", "Executions"),
    ("nodes", "Nodes"),
    ("definition", "Definition"),
    ("versions", "Versions"),
)
FIRES = 10
SLICE = 200
VERSIONS = 50
TREND_RUNS = 60
NEWEST_RUNS = 10
EXECUTION_STATUSES = ("Pending", "InProgress", "Success", "Failed", "TimedOut", "Skipped")
CURSOR = re.compile(r"(\d)\.(\d{1,16})\.([0-9a-f-]{36})")
NODE_CURSOR = re.compile(r"(\d{1,3})\.(\d{1,16})\.([\w-]{1,64})")


class Listed(msgspec.Struct, frozen=True):
    """A row of the list."""

    row: AssociationRow
    name: str
    nodes: int
    stand: words.Stand
    targets: str
    schedule: str
    strip: str


class Run(msgspec.Struct, frozen=True):
    """An execution as lists show it."""

    row: ExecutionRow
    cause: str
    counts: list[tuple[str, int]]

    @property
    def took_ms(self) -> int | None:
        begun_ms = self.row.last_execution_ms
        return None if self.row.ended_ms is None or begun_ms is None else self.row.ended_ms - begun_ms


async def listing(visit: Visit) -> Response:
    """One page of associations, worst first, those for longest first."""
    state, text = visit.query("state"), visit.query("q").lower()
    async with visit.reading() as tx:
        rows, more = await _page(tx, visit, _fits(state, text))
        versions = await store_pages.current_of(tx, [row.association_id for row in rows])
    definitions = {name: version.members() for name, version in versions.items()}
    last = rows[-1] if rows and more else None
    return visit.page(
        "associations.html",
        "Associations",
        rows=[listed(row, definitions.get(row.association_id, {})) for row in rows],
        next_page=None if last is None else f"{last.state_rank}.{last.state_since_ms}.{last.association_id}",
        state=state,
        states=STATES,
        filtered=bool(state or text),
    )


def _fits(state: str, text: str) -> Callable[[AssociationRow], bool]:
    def fits(row: AssociationRow) -> bool:
        if state == "notwell" and row.state_rank <= standing.WAITING:
            return False
        if (state == "running" and not row.running) or (state == "paused" and not row.is_paused):
            return False
        return not text or text in words.name_of(row).lower() or text in row.name.lower()

    return fits


async def _page(
    tx: Snapshot, visit: Visit, fits: Callable[[AssociationRow], bool]
) -> tuple[list[AssociationRow], bool]:
    """The rows of this page, and whether there are more."""
    asked = CURSOR.fullmatch(visit.query("page"))
    rank, key = (standing.FAILED, (-1, "")) if asked is None else (int(asked[1]), (int(asked[2]), asked[3]))
    found: list[AssociationRow] = []
    while rank >= standing.WELL and len(found) <= visit.size:
        rows = await store_read_models.of_state(tx, visit.scope, rank, key, SLICE)
        found += filter(fits, rows)
        if len(rows) < SLICE:
            rank, key = rank - 1, (-1, "")
        else:
            key = (rows[-1].state_since_ms, rows[-1].association_id)
    return found[: visit.size], len(found) > visit.size


def listed(row: AssociationRow, definition: Definition) -> Listed:
    return Listed(
        row,
        words.name_of(row),
        words.nodes_of(row),
        words.stand_of(row),
        words.targets_of(definition),
        words.schedule_of(definition),
        words.strip_of(row.recent),
    )


async def found(visit: Visit, tx: Snapshot) -> AssociationRow:
    """The association that the address names by its id. Raises AssociationDoesNotExist."""
    wanted = visit.path("association_id")
    row = await store.find(tx, visit.scope, wanted)
    if row is None:
        raise AwsError(
            "AssociationDoesNotExist", f"Association {wanted[:80]} does not exist in this account and region."
        )
    return row


async def one(visit: Visit) -> Response:
    """An association: its state in a sentence, the next times, then the tab."""
    wanted = visit.path("association_id")
    if not UUID.fullmatch(wanted):
        return await _by_name(visit, wanted)
    if visit.query("cell"):
        return await _cell(visit, wanted)
    tab = visit.query("tab") if visit.query("tab") in dict(TABS) else TABS[0][0]
    async with visit.reading() as tx:
        row = await found(visit, tx)
        definition = (await store.current(tx, row)).members()
        context = await READS[tab](visit, tx, row, definition)
        paused = await pausing.shown(tx, row)
    if tab == "history":
        context |= await maps.context(visit, row, context.pop("map"))
    return visit.page(
        "association.html",
        f"{words.stand_of(row).word} · {words.name_of(row)}",
        row=row,
        name=words.name_of(row),
        nodes_count=words.nodes_of(row),
        stand=words.stand_of(row),
        definition=definition,
        targets=words.targets_of(definition),
        schedule=words.schedule_of(definition),
        fires=upcoming.fire_times(definition, row.next_due_ms, row.anchor_ms, FIRES),
        paused=paused,
        tab=tab,
        tabs=TABS,
        **context,
    )


async def _cell(visit: Visit, association_id: str) -> Response:
    """A cell of the map leads to what the node did in that run."""
    async with visit.reading() as tx:
        address = await maps.address_of_cell(visit, tx, association_id, visit.query("cell"))
    if address is None:
        raise AwsError("NotFound", f"{visit.query('cell')[:80]!r} is no cell of this association's map.", 404)
    return RedirectResponse(address, 303)


async def _by_name(visit: Visit, name: str) -> Response:
    """A name leads to its association; one that several have, to the list."""
    async with visit.reading() as tx:
        rows = await store_pages.named(tx, visit.scope, name, 2)
    if not rows:
        raise AwsError("AssociationDoesNotExist", f"No association has the id or name {name[:80]!r}.")
    if len(rows) > 1:
        return RedirectResponse(visit.url("associations", q=name), 303)
    return RedirectResponse(visit.url("associations", rows[0].association_id), 303)


async def _executions(visit: Visit, tx: Snapshot, row: AssociationRow, definition: Definition) -> dict[str, Any]:
    status, before = visit.query("status"), visit.query("page")
    key = (LATEST_MS, LATEST_MS)
    if re.fullmatch(r"\d{1,16}\.\d{1,16}", before):
        first, _, second = before.partition(".")
        key = (int(first), int(second))
    found = await store.executions_before(
        tx,
        row.association_id,
        key,
        visit.size + 1,
        execution_id=None,
        status=status if status in EXECUTION_STATUSES else None,
        after_ms=EARLIEST_MS,
        before_ms=LATEST_MS,
    )
    shown = found[: visit.size]
    carriers = await store_history.carriers(tx, [one.command_id for one in shown if one.command_id])
    more = len(found) > visit.size
    return {
        "runs": [run_of(one, carriers.get(one.command_id or "")) for one in shown],
        "next_page": f"{shown[-1].created_ms}.{shown[-1].number}" if more else None,
        "statuses": EXECUTION_STATUSES,
    }


def run_of(row: ExecutionRow, carrier: CarrierRow | None) -> Run:
    counts = {} if carrier is None else rollup.counts_of(carrier)
    return Run(row, words.cause_of(row), sorted(counts.items()))


async def _nodes(visit: Visit, tx: Snapshot, row: AssociationRow, definition: Definition) -> dict[str, Any]:
    asked = NODE_CURSOR.fullmatch(visit.query("page"))
    key = None if asked is None else (int(asked[1]), int(asked[2]), asked[3])
    found = await store_read_models.worst_nodes(tx, row.association_id, key, visit.size + 1)
    shown = found[: visit.size]
    last = shown[-1] if len(found) > visit.size else None
    return {
        "nodes": [(one, words.strip_of(one.recent)) for one in shown],
        "names": await names_of(tx, [one.node_id for one in shown]),
        "next_page": None if last is None else f"{last.status_rank}.{last.streak}.{last.node_id}",
    }


async def _definition(visit: Visit, tx: Snapshot, row: AssociationRow, definition: Definition) -> dict[str, Any]:
    text = yaml.safe_dump(definition, sort_keys=False, allow_unicode=True, width=100)
    return {"as_yaml": text, "describe": visit.command("DescribeAssociation", AssociationId=row.association_id)}


async def _versions(visit: Visit, tx: Snapshot, row: AssociationRow, definition: Definition) -> dict[str, Any]:
    page = visit.query("page")
    below = int(page) if page.isascii() and page.isdecimal() and len(page) < 16 else row.version + 1
    found = await store.versions_below(tx, row.association_id, below, VERSIONS + 1)
    members = [one.members() for one in found]
    changes = [words.in_words(older, newer) for newer, older in pairwise(members)]
    shown = found[:VERSIONS]
    compared = None
    before, after = visit.query("before"), visit.query("after")
    if before.isdecimal() and after.isdecimal():
        pair = [await store.version(tx, row.association_id, int(number[:9])) for number in (before, after)]
        if pair[0] is not None and pair[1] is not None:
            texts = [yaml.safe_dump(one.members(), sort_keys=True, allow_unicode=True) for one in pair if one]
            compared = (before, after, difference.lines(*texts))
    return {
        "versions": list(zip(shown, [*changes, "the first"], strict=False)),
        "compared": compared,
        "next_page": str(shown[-1].version) if len(found) > VERSIONS else None,
    }


async def _history(visit: Visit, tx: Snapshot, row: AssociationRow, definition: Definition) -> dict[str, Any]:
    took = await store_runs.took(tx, row.association_id, row.last_number + 1, TREND_RUNS)
    runs = await _executions(visit, tx, row, definition)
    return {"map": await maps.gathered(visit, tx, row), "trend": trend(took), "runs": runs["runs"][:NEWEST_RUNS]}


READS: dict[str, Any] = {
    "history": _history,
    "executions": _executions,
    "nodes": _nodes,
    "definition": _definition,
    "versions": _versions,
}


PAGES = (
    Page("/associations", listing),
    Page("/associations/{association_id}", one),
)
