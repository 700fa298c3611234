"""`/_stateward/commands/{id}…`: what steps print, as it comes and afterwards (D58)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stateward.access import roles
from stateward.access import store as access
from stateward.access.principals import Principal, Scope
from stateward.api.administrators import Door, refusal
from stateward.api.event_stream import Readers
from stateward.api.output_events import Cursor, Follower
from stateward.commands import output_reading, store, store_history, store_output
from stateward.commands.output_news import OutputNews
from stateward.commands.output_reading import StreamView, Window
from stateward.commands.rows import CommandRow, InvocationRow
from stateward.commands.store_output import StreamKey
from stateward.documents import schema
from stateward.storage import Database, Snapshot
from stateward.wire.errors import AwsError, validation_error

MOST_NODES = 1_000
MOST_OFFSET = 2**53
WISH = "ReadOutput"


class OutputRoutes:
    """For readers and above; `default_scope` is where anybody works under `--auth open`.

    `is_live` says of a node whether it is there and sends what its steps print while they run, `is_awaited` whether
    it may be on its way back to a server that has just started.
    """

    def __init__(
        self,
        db: Database,
        news: OutputNews,
        door: Door,
        default_scope: Scope,
        is_live: Callable[[str], bool],
        is_awaited: Callable[[str], bool],
    ) -> None:
        self._db = db
        self._news = news
        self._door = door
        self._default_scope = default_scope
        self._is_live = is_live
        self._is_awaited = is_awaited
        self.readers = Readers()

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/_stateward/commands/{command_id}", self.command, methods=["GET"]),
            Route("/_stateward/commands/{command_id}/streams", self.streams, methods=["GET"]),
            Route("/_stateward/commands/{command_id}/output", self.output, methods=["GET"]),
            Route("/_stateward/commands/{command_id}/output/events", self.events, methods=["GET"]),
        ]

    async def command(self, request: Request) -> Response:
        """GET `?after=NODE&limit=N`: `{"command", "status", "closed", "targets", "nodes": [{"node", …}], "next"}`.

        Commands of associations are found as well. `next` is the `after` of the next page, null on the last.
        """
        try:
            scope = await self._enter(request)
            limit = _number(request, "limit", 100, MOST_NODES)
            async with self._db.reading() as tx:
                of = await _command(tx, scope, request)
                after = request.query_params.get("after", "")
                rows = await store_history.targets_after(
                    tx, of.command_id, after, limit + 1, status=None, resource_id=None, resource_type=None
                )
            shown = rows[:limit]
            return JSONResponse(
                {
                    "command": of.command_id,
                    "status": of.status,
                    "closed": of.phase == "closed",
                    "targets": of.target_count,
                    "nodes": [{"node": row.resource_id, "status": row.status} for row in shown],
                    "next": shown[-1].resource_id if len(rows) > limit else None,
                }
            )
        except AwsError as error:
            return refusal(error)

    async def streams(self, request: Request) -> Response:
        """GET `?node=…`: `{"node", "status", "steps": […], "streams": [{"step", "stream", "source", "length", …}]}`."""
        try:
            scope = await self._enter(request)
            async with self._db.reading() as tx:
                row = await _invocation(tx, scope, request)
                steps = await _steps(tx, row.command_id)
                states = await store_output.step_states(tx, row.command_id, row.resource_id)
                views = await output_reading.views(tx, row.command_id, row.resource_id, states)
            told = [states[name] for name in steps if name in states]
            return JSONResponse(
                {
                    "node": row.resource_id,
                    "status": row.status,
                    "steps": [{"step": one.step_name, "status": one.status, "code": one.code} for one in told],
                    "streams": [_stream(view) for name in steps for view in views if view.key.step_name == name],
                }
            )
        except AwsError as error:
            return refusal(error)

    async def output(self, request: Request) -> Response:
        """GET `?node=…&step=…&stream=stdout&offset=0&limit=65536`: bytes as text; the headers say which."""
        try:
            scope = await self._enter(request)
            offset = _number(request, "offset", 0, MOST_OFFSET, least=0)
            limit = _number(request, "limit", output_reading.MOST_BYTES, output_reading.MOST_BYTES)
            stream = request.query_params.get("stream", "stdout")
            if stream not in output_reading.STREAMS:
                raise validation_error(f"stream={stream[:40]!r}: write stdout or stderr")
            async with self._db.reading() as tx:
                row = await _invocation(tx, scope, request)
                step = _step(await _steps(tx, row.command_id), request)
                view = await output_reading.view(tx, StreamKey(row.command_id, row.resource_id, step, stream))
                window = None if view is None else await output_reading.read(tx, view, offset, limit)
            return _text(window or Window(0, b"", 0, 0, ended=row.is_final))
        except AwsError as error:
            return refusal(error)

    async def events(self, request: Request) -> Response:
        """GET `?node=…&step=…`: server-sent events from Last-Event-ID on, to the end of the invocation (or step)."""
        try:
            principal = await self._admitted(request)
            cursor = Cursor.read(request.headers.get("last-event-id", ""))
            async with self._db.reading() as tx:
                row = await _invocation(tx, self._scope_of(principal), request)
                steps = await _steps(tx, row.command_id)
            one = "step" in request.query_params
            followed = [_step(steps, request)] if one else steps
            if self.readers.is_full:
                raise AwsError("ServiceUnavailable", "There are too many readers; try again in a moment.", 503)
        except AwsError as error:
            return refusal(error)
        node_id = row.resource_id
        follower = Follower(
            self._db,
            self._news,
            row,
            followed,
            cursor,
            lambda: self._is_live(node_id),
            lambda: self._is_awaited(node_id),
            to_the_end=not one,
        )
        return self.readers.answer(follower.events(), lambda: self._still_known(principal))

    async def _enter(self, request: Request) -> Scope:
        return self._scope_of(await self._admitted(request))

    async def _admitted(self, request: Request) -> Principal | None:
        return (await self._door.enter(request, WISH, roles.READER))[0]

    def _scope_of(self, principal: Principal | None) -> Scope:
        return self._default_scope if principal is None else principal.scope

    async def _still_known(self, principal: Principal | None) -> bool:
        if principal is None:
            return True
        async with self._db.reading() as tx:
            return bool(await access.known_access_keys(tx, [principal.name]))


async def _command(tx: Snapshot, scope: Scope, request: Request) -> CommandRow:
    command_id = request.path_params["command_id"]
    found = await store.command(tx, command_id)
    if found is None or store.scope_of(found) != scope:
        raise AwsError("InvalidCommandId", f"Command {command_id[:80]} does not exist.", 404)
    return found


async def _invocation(tx: Snapshot, scope: Scope, request: Request) -> InvocationRow:
    of = await _command(tx, scope, request)
    node_id = request.query_params.get("node")
    if not node_id:
        raise validation_error("node is missing: name one of the command's nodes, as node=mi-…")
    row = await store.invocation(tx, of.command_id, node_id)
    if row is None:
        raise AwsError("InvocationDoesNotExist", f"Command {of.command_id} has no target {node_id[:80]}.", 404)
    return row


async def _steps(tx: Snapshot, command_id: str) -> tuple[str, ...]:
    content = (await store.text(tx, command_id)).content
    return schema.step_names(schema.parse_command(msgspec.json.decode(content)))


def _step(steps: tuple[str, ...], request: Request) -> str:
    wanted = request.query_params.get("step")
    if wanted is None and len(steps) == 1:
        return steps[0]
    if wanted not in steps:
        raise validation_error(f"step={str(wanted)[:80]!r}: the document has {', '.join(steps)}")
    return wanted


def _stream(view: StreamView) -> dict[str, Any]:
    return {
        "step": view.key.step_name,
        "stream": view.key.stream,
        "source": view.source,
        "length": view.kept.length,
        "left_out": view.kept.left_out,
        "left_out_from": view.kept.head if view.kept.left_out else None,
        "ended": view.kept.ended,
    }


def _text(window: Window) -> Response:
    headers = {
        "x-stateward-offset": str(window.offset),
        "x-stateward-next": str(window.next),
        "x-stateward-length": str(window.length),
        "x-stateward-left-out": str(window.left_out),
        "x-stateward-ended": str(window.ended).lower(),
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    return Response(window.data, media_type="text/plain", headers=headers)


def _number(request: Request, name: str, default: int, most: int, *, least: int = 1) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(most)) else -1
    if not least <= number <= most:
        raise validation_error(f"{name}={text[:40]!r}: write a whole number from {least} to {most}")
    return number
