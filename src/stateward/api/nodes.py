"""`/_stateward/nodes/{id}`: what the server knows of a node beyond AWS's words, and what only people decide (D56)."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stateward.access import roles, store_asking
from stateward.access.principals import Principal, Scope
from stateward.api.administrators import Door, refusal
from stateward.clock import Clock
from stateward.nodes import clones, store, store_clones
from stateward.nodes.clones import NothingToAccept
from stateward.nodes.ping import ping_status
from stateward.nodes.store import NodeRow
from stateward.nodes.store_clones import CloneRow
from stateward.storage import Database, Transaction
from stateward.wire.errors import AwsError, validation_error
from stateward.wire.protocol import iso8601

BUILT_IN = "stateward-agent"


class Acceptance(msgspec.Struct, forbid_unknown_fields=True):
    """Which machine is to be the node."""

    fingerprint: str


class NodeRoutes:
    """Readers look, administrators decide; `default_scope` is where anybody works under `--auth open`."""

    def __init__(self, db: Database, clock: Clock, door: Door, default_scope: Scope) -> None:
        self._db = db
        self._clock = clock
        self._door = door
        self._default_scope = default_scope

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/_stateward/nodes/{node_id}", self.show, methods=["GET"]),
            Route("/_stateward/nodes/{node_id}/accept-fingerprint", self.accept_fingerprint, methods=["POST"]),
            Route("/_stateward/nodes/{node_id}/rotate-key", self.rotate_key, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """GET: `{"node", "connection", "channel_closed", "agent", "clones": [{"kind", "addresses", "times", …}]}`."""
        try:
            principal, _ = await self._door.enter(request, "looking at a node", roles.READER)
            scope = self._scope_of(principal)
            async with self._db.reading() as tx:
                row = await store.find(tx, scope, request.path_params["node_id"])
                suspected = await store_clones.of_node(tx, scope, request.path_params["node_id"])
                now_ms = tx.now
            return JSONResponse(_shown(_existing(row, request), suspected, now_ms))
        except AwsError as error:
            return refusal(error)

    async def accept_fingerprint(self, request: Request) -> Response:
        """POST `{"fingerprint": …}`, as shown: the machine that was refused is the node now."""
        try:
            scope, body = await self._enter(request)
            try:
                wanted = msgspec.json.decode(body, type=Acceptance)
            except msgspec.DecodeError as error:
                raise validation_error(f'{error}; write {{"fingerprint": "…"}} as GET shows it') from None
            node_id = request.path_params["node_id"]

            async def work(tx: Transaction) -> None:
                _existing(await store.find(tx, scope, node_id), request)
                await clones.accept(tx, scope, node_id, wanted.fingerprint, self._clock.wall())

            try:
                await self._db.write(work)
            except NothingToAccept as error:
                raise AwsError("Conflict", str(error), 409) from error
            return JSONResponse({"node": node_id})
        except AwsError as error:
            return refusal(error)

    async def rotate_key(self, request: Request) -> Response:
        """POST `{}`: the node is asked for another key, with its next token while its channel is open (D54)."""
        try:
            scope, _ = await self._enter(request)
            node_id = request.path_params["node_id"]

            async def work(tx: Transaction) -> None:
                row = _existing(await store.find(tx, scope, node_id), request)
                if row.agent_name == BUILT_IN:
                    raise AwsError("Conflict", f"{node_id} has Stateward's agent, which keeps its key.", 409)
                await store_asking.ask(tx, node_id, self._clock.wall())

            await self._db.write(work)
            return JSONResponse({"node": node_id})
        except AwsError as error:
            return refusal(error)

    async def _enter(self, request: Request) -> tuple[Scope, bytes]:
        principal, body = await self._door.enter(request, "looking after nodes")
        return self._scope_of(principal), body

    def _scope_of(self, principal: Principal | None) -> Scope:
        return self._default_scope if principal is None else principal.scope


def _existing(row: NodeRow | None, request: Request) -> NodeRow:
    if row is None:
        node_id = request.path_params["node_id"][:80]
        raise AwsError("InvalidInstanceId", f"Managed node {node_id} does not exist in this account and region.", 404)
    return row


def _shown(row: NodeRow, suspected: list[CloneRow], now_ms: int) -> dict[str, Any]:
    return {
        "node": row.node_id,
        "connection": _connection(row, now_ms),
        "channel_closed": None if row.channel_closed_ms is None else iso8601(row.channel_closed_ms),
        "agent": row.agent_name,
        "clones": [_clone(one) for one in suspected],
    }


def _connection(row: NodeRow, now_ms: int) -> str:
    """A node that is heard of without a channel was refused one; it tries again within the hour (node protocol 9.3).

    One that has not been heard of since its channel closed is just away.
    """
    if row.connected:
        return "channel"
    if row.last_ping_ms is not None and row.last_ping_ms <= (row.channel_closed_ms or 0):
        return "channel-closed" if ping_status(False, row.last_ping_ms, now_ms) == "Online" else "offline"
    return "no-channel" if ping_status(False, row.last_ping_ms, now_ms) == "Online" else "offline"


def _clone(row: CloneRow) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "kind": row.kind,
        "addresses": msgspec.json.decode(row.addresses),
        "times": row.times,
        "first": iso8601(row.first_ms),
        "last": iso8601(row.last_ms),
    }
    return shown if row.fingerprint is None else {**shown, "fingerprint": row.fingerprint}
