"""`/v1/control-channel/{node}`: the HTTP half of a channel, and the door to the websocket (node protocol 5.1, 5.2)."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

import structlog

from stateward import ids
from stateward.access.authentication import Authenticator
from stateward.access.principals import Principal
from stateward.agent import live_frames
from stateward.api import requests
from stateward.api.requests import MAX_BODY, Receive, Send
from stateward.gateway.channels import Gateway
from stateward.wire.errors import AwsError

PREFIX = "/v1/control-channel/"
SIGNED_HEADERS = ("host", "x-amz-date")
log = structlog.get_logger("stateward.gateway")


class ControlChannel:
    """The ASGI application below `/v1/control-channel/`."""

    def __init__(self, gateway: Gateway, authenticator: Authenticator, allowed_hosts: tuple[str, ...]) -> None:
        self._gateway = gateway
        self._authenticator = authenticator
        self._allowed_hosts = allowed_hosts

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._create(scope, receive, send)

    async def _create(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            if scope["method"] != "POST":
                raise AwsError("UnknownOperationException", "a channel is made with POST", 405)
            headers = requests.headers_of(scope)
            requests.refuse_strangers(scope, headers, self._allowed_hosts)
            body = await requests.body_of(receive, MAX_BODY)
            principal = await self._principal(scope, headers, body)
        except AwsError as error:
            log.warning("a channel was refused", path=scope["path"][:120], code=error.code, reason=error.message)
            await _send_xml(send, error.status, f"<Error><Code>{error.code}</Code></Error>")
            return
        requests.authenticated(scope)
        token = escape(self._gateway.channel_token(principal.name))
        await _send_xml(
            send,
            201,
            "<CreateControlChannelResponse><MessageSchemaVersion>1.0</MessageSchemaVersion>"
            f"<TokenValue>{token}</TokenValue>{self._offer()}</CreateControlChannelResponse>",
        )

    def _offer(self) -> str:
        """Live output, for those who know it; the official agent reads over it (D58)."""
        limit, name = self._gateway.output.limit, live_frames.OFFER_ELEMENT
        return f"<{name}>{limit}</{name}>" if limit else ""

    async def _websocket(self, scope: Any, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        try:
            headers = requests.headers_of(scope)
            requests.refuse_strangers(scope, headers, self._allowed_hosts)
            principal = await self._principal(scope, headers, b"")
        except AwsError as error:
            log.warning("a websocket was refused", path=scope["path"][:120], code=error.code, reason=error.message)
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        await self._gateway.serve(principal, receive, send, requests.source_of(scope))

    async def _principal(self, scope: Any, headers: dict[str, str], body: bytes) -> Principal:
        signed = requests.signed_request(scope, headers, body)
        principal = await self._authenticator.by_signature(signed, "ssmmessages", SIGNED_HEADERS)
        node_id = scope["path"].removeprefix(PREFIX)
        if not principal.is_node or principal.name != node_id:
            raise AwsError("AccessDeniedException", f"the channel of {node_id[:40]} belongs to that node alone", 403)
        return principal


async def _send_xml(send: Send, status: int, text: str) -> None:
    body = text.encode()
    headers = [
        (b"content-type", b"application/xml"),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", ids.new_uuid().encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
