"""The map of an association for whoever asks: what is read for it, and how it is answered (console 4)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from stateward.access.call import Answer, Call
from stateward.associations import (
    causes,
    execution_calls,
    heat_map,
    letters,
    rollup,
    store,
    store_read_models,
    store_strips,
    strips,
)
from stateward.associations.execution_calls import UUID
from stateward.associations.heat_map import HeatMap, Node, Run
from stateward.associations.rows import AssociationRow, ExecutionRow, NodeStatusRow
from stateward.associations.store_strips import StripRow
from stateward.commands import store as commands
from stateward.nodes import store_names
from stateward.storage import Snapshot

MOST_RUNS = 500
MOST_PARTIALS = 1_500
MOST_ROWS = 500
NODES_LOOKED_AT = 5_000
MOST_OPEN = 2_000
IN_A_THREAD = 1_000_000
NEWEST = 2**62


class MapWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of an association's map. `before`: only runs older than this number; `after`: rows behind a key.

    `open`: nodes, with commas between them, whose groups of equal rows are not folded.
    """

    association: UUID
    runs: Annotated[int, msgspec.Meta(ge=1, le=MOST_RUNS)] = 60
    rows: Annotated[int, msgspec.Meta(ge=1, le=MOST_ROWS)] = MOST_ROWS
    sort: Literal["worst", "name", "newly"] = "worst"
    fold: bool = True
    open: Annotated[str, msgspec.Meta(max_length=MOST_OPEN)] = ""
    status: Literal["newly", "bad"] | None = None
    partial: Literal["fold", "own"] = "fold"
    before: Annotated[int, msgspec.Meta(ge=1)] | None = None
    after: Annotated[str, msgspec.Meta(pattern=r"^\d{1,2},\d{1,15},\S{1,64}$")] | None = None


class Material(msgspec.Struct, frozen=True):
    """What a map is made of: heads of runs, strips still packed, open runs, nodes."""

    strips: list[StripRow]
    opened: list[tuple[ExecutionRow, Run]]
    nodes: list[Node]
    last: NodeStatusRow | None
    slots: int


async def describe_map(call: Call, wanted: MapWanted) -> Answer:
    """`{"runs": […], "rows": […], "cells", "next"}`: rows × runs letters in one text, oldest run first."""
    async with call.reading() as tx:
        association = await execution_calls.association_of(tx, call.scope, wanted.association)
        material = await gather(tx, association, wanted)
    body = await body_of(material, wanted)
    tag = hashlib.sha256(msgspec.json.encode(body)).hexdigest()[:32]
    return Answer(body, {"etag": f'"{tag}"', "cache-control": "private, no-cache"})


async def body_of(material: Material, wanted: MapWanted) -> dict[str, Any]:
    """The answer; in a thread when there is much to turn, so that others need not wait for it."""
    if material.slots * wanted.runs > IN_A_THREAD:
        found, runs = await asyncio.to_thread(_made, material, wanted)
    else:
        found, runs = _made(material, wanted)
    return _body(material, found, runs)


async def gather(tx: Snapshot, association: AssociationRow, wanted: MapWanted) -> Material:
    """Everything that a map needs, each along its index."""
    rows = await store_read_models.worst_nodes(tx, association.association_id, _key(wanted.after), _looked_at(wanted))
    names = await store_names.of_nodes(tx, [row.node_id for row in rows])
    nodes = [
        Node(row.node_id, names.get(row.node_id, ""), row.slot, row.error_key, row.streak, row.since_ms) for row in rows
    ]
    below = NEWEST if wanted.before is None else wanted.before
    runs = heat_map.most_runs(wanted.runs, association.slots)
    if wanted.partial == "own":
        kept = await store_strips.before(tx, association.association_id, below, runs, full=None)
    else:
        kept = await store_strips.before(tx, association.association_id, below, runs, full=True)
        oldest = kept[-1].number if len(kept) == runs else 0
        kept += await store_strips.since(tx, association.association_id, oldest, below, MOST_PARTIALS)
    return Material(
        strips=kept,
        opened=await _opened(tx, association, nodes, below),
        nodes=nodes,
        last=rows[-1] if len(rows) == _looked_at(wanted) else None,
        slots=association.slots,
    )


async def _opened(
    tx: Snapshot, association: AssociationRow, nodes: Sequence[Node], below: int
) -> list[tuple[ExecutionRow, Run]]:
    """Runs that have not ended have no strip: their columns come from the shown nodes' invocations."""
    found: list[tuple[ExecutionRow, Run]] = []
    slots = {node.node_id: node.slot for node in nodes}
    for execution in await store.unfinished(tx, association.association_id):
        if execution.number >= below:
            continue
        rows = []
        if execution.command_id is not None:
            rows = await commands.invocations_named(tx, execution.command_id, list(slots))
        cells = {slots[row.resource_id]: letters.of(rollup.target_status(row.status)) for row in rows}
        plain = strips.unpacked(strips.packed(cells))
        found.append((execution, Run(execution.number, execution.scope_nodes is None, plain)))
    return found


def _looked_at(wanted: MapWanted) -> int:
    """Worst first needs the rows of the page; folding, other orders and filters look at more before they choose."""
    plain = wanted.sort == "worst" and wanted.status is None and not wanted.fold
    return wanted.rows if plain else NODES_LOOKED_AT


def _key(after: str | None) -> tuple[int, int, str] | None:
    if after is None:
        return None
    rank, streak, node_id = after.split(",", 2)
    return int(rank), int(streak), node_id


def _made(material: Material, wanted: MapWanted) -> tuple[HeatMap, dict[int, dict[str, Any]]]:
    runs = [Run(row.number, bool(row.is_full), strips.unpacked(row.cells)) for row in material.strips]
    heads = {row.number: _head(row) for row in material.strips}
    for execution, run in material.opened:
        runs.append(run)
        heads[run.number] = _head(execution)
    found = heat_map.heat_map(
        runs,
        material.nodes,
        most_rows=wanted.rows,
        sort=wanted.sort,
        fold=wanted.fold,
        opened=frozenset(filter(None, wanted.open.split(","))),
        keep=wanted.status,
        own_partials=wanted.partial == "own",
    )
    return found, heads


def _head(row: StripRow | ExecutionRow) -> dict[str, Any]:
    """What stands above a column."""
    return {
        "n": row.number,
        "id": row.execution_id,
        "due": causes.due_ms(row.cause) or row.created_ms,
        "status": row.status,
        "version": row.association_version,
        "cause": row.cause.partition(":")[0],
    }


def _body(material: Material, found: HeatMap, heads: dict[int, dict[str, Any]]) -> dict[str, Any]:
    last = material.last
    return {
        "runs": [{**heads[one.number], "folded": list(one.folded)} for one in found.columns],
        "rows": [
            {
                "node": line.node.node_id,
                "name": line.node.name,
                "count": line.count,
                "since": line.since,
                "streak": line.node.streak,
                "error": line.node.error,
                "flapping": line.flapping,
            }
            for line in found.lines
        ],
        "cells": "".join(line.cells for line in found.lines),
        "next": None if last is None else f"{last.status_rank},{last.streak},{last.node_id}",
    }
