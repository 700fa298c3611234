"""Operations of Stateward's own: addresses below `/_stateward` that go the way of every operation (console 6).

Roles, log, throttling and retries by SDKs are the Performer's, for these as for AWS's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stateward import ids
from stateward.access.call import Answer
from stateward.access.principals import Scope, administrator
from stateward.access.roles import READER
from stateward.api import requests
from stateward.api.administrators import Door, refusal
from stateward.api.extension import Extension
from stateward.api.perform import Performer
from stateward.wire.errors import AwsError, validation_error

PREFIX = "/_stateward"


class ExtensionRoutes:
    """The HTTP side of extensions; `default_scope` is where anybody works under `--auth open`."""

    def __init__(self, performer: Performer, door: Door, default_scope: Scope) -> None:
        self._performer = performer
        self._door = door
        self._default_scope = default_scope

    @property
    def routes(self) -> list[Route]:
        return [
            Route(PREFIX + one.path, self._handler(one), methods=[one.method]) for one in self._performer.extensions
        ]

    def _handler(self, extension: Extension) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            request_id = ids.new_uuid()
            try:
                answer = await self._perform(extension, request, request_id)
                response = Response(msgspec.json.encode(answer.body), media_type="application/json")
                response.headers.update(answer.headers)
                tag = response.headers.get("etag")
                if tag is not None and tag == request.headers.get("if-none-match"):
                    response = Response(status_code=304, headers={"etag": tag})
            except AwsError as error:
                response = refusal(error)
            response.headers["x-amzn-requestid"] = request_id
            return response

        return handle

    async def _perform(self, extension: Extension, request: Request, request_id: str) -> Answer:
        # Which role it takes is the Performer's affair, which says so in the log.
        principal, body = await self._door.enter(request, extension.name, READER)
        members = msgspec.json.encode({**_query(request), **_body(body), **request.path_params})
        caller = principal or administrator("open", self._default_scope)
        retried = request.headers.get("amz-sdk-invocation-id")
        source = requests.source_of(request.scope)
        return await self._performer.perform(caller, extension.name, members, request_id, retried, source)


def _query(request: Request) -> dict[str, Any]:
    """The query's members; one that comes several times is a list."""
    found: dict[str, Any] = {}
    for name in request.query_params:
        values = request.query_params.getlist(name)
        found[name] = values[0] if len(values) == 1 else values
    return found


def _body(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise validation_error(f"{error}; the body is a JSON object") from None
