"""The history as lines of JSON, in pages that leave the loop free in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import msgspec

from stateward.access.principals import Scope
from stateward.associations import store_export as store
from stateward.associations.store_export import ExecutionLine, StepLine, TargetLine
from stateward.storage import Database
from stateward.wire.protocol import iso8601

Rows = Literal["executions", "targets", "steps"]
PAGE = 500
PAGE_WITH_OUTPUT = 50
NOTHING = (-1, -1)


class Range(msgspec.Struct, frozen=True):
    """What is wanted: executions that were created in [since, until), ms, of one association or (None) of all."""

    scope: Scope
    since_ms: int
    until_ms: int
    association_id: str | None = None


async def lines(db: Database, wanted: Range, rows: Rows, *, output: bool = False) -> AsyncIterator[bytes]:
    """JSON lines, some hundred at a time: by association, then by time; `output`: steps with what they printed.

    Each page is a snapshot of its own, so what ends meanwhile may be in it or not; nothing comes twice.
    """
    async for page in _executions(db, wanted):
        if rows == "executions":
            yield _encoded(page)
            continue
        for execution in page:
            if execution.command_id is None:
                continue
            inside: AsyncIterator[Sequence[msgspec.Struct]]
            command_id = execution.command_id
            inside = target_pages(db, command_id) if rows == "targets" else step_pages(db, command_id, output=output)
            async for lines_of_it in inside:
                yield _encoded(lines_of_it)


async def _executions(db: Database, wanted: Range) -> AsyncIterator[list[ExecutionLine]]:
    association_id = wanted.association_id
    seen = ""
    while True:
        if wanted.association_id is None:
            async with db.reading() as tx:
                association_id = await store.next_association(tx, wanted.scope, seen)
        if association_id is None:
            return
        seen, after = association_id, NOTHING
        while True:
            async with db.reading() as tx:
                page = await store.executions(tx, association_id, wanted.since_ms, wanted.until_ms, after, PAGE)
            if page:
                yield page
                after = (page[-1].created_ms, page[-1].number)
            if len(page) < PAGE:
                break
        if wanted.association_id is not None:
            return


async def target_pages(db: Database, command_id: str) -> AsyncIterator[list[TargetLine]]:
    """The targets of the execution that a command belongs to, each page a snapshot of its own."""
    after = -1
    while True:
        async with db.reading() as tx:
            page = await store.targets(tx, command_id, after, PAGE)
        if page:
            yield page
            after = page[-1].position
        if len(page) < PAGE:
            return


async def step_pages(db: Database, command_id: str, *, output: bool = False) -> AsyncIterator[Sequence[StepLine]]:
    """Its steps alike; with `output` they are StepOutputLines."""
    after = ("", "")
    size = PAGE_WITH_OUTPUT if output else PAGE
    while True:
        page: Sequence[StepLine]
        async with db.reading() as tx:
            page = await (store.steps_with_output if output else store.steps)(tx, command_id, after, size)
        if page:
            yield page
            after = (page[-1].resource_id, page[-1].step_name)
        if len(page) < size:
            return


def _encoded(page: Sequence[msgspec.Struct]) -> bytes:
    return b"".join(msgspec.json.encode(shown(row)) + b"\n" for row in page)


def shown(row: msgspec.Struct) -> dict[str, Any]:
    """A row as it is exported: instants (`…_ms` in the views) as text in UTC under their name without the unit."""
    return {
        name.removesuffix("_ms"): iso8601(value) if name.endswith("_ms") and value is not None else value
        for name, value in msgspec.structs.asdict(row).items()
    }
