"""`/console/{region}/live?topic=…`: the server's live topics for a signed-in tab."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from starlette.responses import Response

from stateward.access import store as keys
from stateward.commands import store
from stateward.console.visit import Page, Visit
from stateward.events.live import TooManyWatchers
from stateward.events.live_routes import EventStream, checked
from stateward.wire.errors import AwsError

FOLLOWED = "output"
PAUSE_S = 1.0
HEARTBEAT_S = 15.0


async def stream(visit: Visit) -> Response:
    """The topics' revisions, then each change; a revoked key ends it within a second."""
    topics = checked(visit.queries("topic"))
    try:
        return EventStream(visit.services.live.watch(visit.scope, topics, visit.principal.name))
    except TooManyWatchers as error:
        raise AwsError("ServiceUnavailableException", f"{error}: ask again later.", 503) from error


async def follow(visit: Visit) -> Response:
    """`?command=&node=`: a change for each piece of output and each status of a node's run, one a second at most."""
    command_id, node_id = visit.query("command"), visit.query("node")
    async with visit.reading() as tx:
        command = await store.command(tx, command_id)
        row = None if command is None else await store.invocation(tx, command_id, node_id)
    if command is None or store.scope_of(command) != visit.scope or row is None:
        raise AwsError("InvocationDoesNotExist", "There is no such run.", 404)
    readers = visit.services.readers
    if readers.is_full:
        raise AwsError("ServiceUnavailable", "There are too many readers; try again in a moment.", 503)
    return readers.answer(_news(visit, command_id, node_id), lambda: _still_known(visit))


async def _still_known(visit: Visit) -> bool:
    if visit.services.is_open:
        return True
    async with visit.reading() as tx:
        return await keys.access_key(tx, visit.principal.name) is not None


async def _news(visit: Visit, command_id: str, node_id: str) -> AsyncGenerator[bytes, None]:
    with visit.services.output_news.watching(command_id, node_id) as woken:
        revision = 0
        while True:
            woken.clear()
            async with visit.reading() as tx:
                row = await store.invocation(tx, command_id, node_id)
            revision += 1
            yield _event("change", {"topic": FOLLOWED, "revision": revision})
            if row is None or row.is_final:
                yield _event("ended", {})
                return
            await asyncio.sleep(PAUSE_S)
            while not woken.is_set():
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await woken.wait()
                except TimeoutError:
                    yield _event("heartbeat", {})
                    break


def _event(kind: str, data: dict[str, Any]) -> bytes:
    return f"event: {kind}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"


PAGES = (Page("/live", stream), Page("/follow", follow))
