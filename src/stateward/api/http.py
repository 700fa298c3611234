"""`POST /`: AWS JSON 1.1 over HTTP, as a bare ASGI handler (design 3, 5)."""

from __future__ import annotations

from typing import Any

import structlog

from stateward import ids
from stateward.access import key_rotation
from stateward.access.authentication import Authenticator
from stateward.access.call import Answer
from stateward.access.principals import Principal, Scope
from stateward.api import requests
from stateward.api.perform import Performer
from stateward.api.requests import LARGE_BODY, LARGE_OPERATIONS, MAX_BODY, BodyTooLarge, Receive, Send
from stateward.api.sts import FORM, XML, CallerIdentity
from stateward.wire import protocol
from stateward.wire.errors import AwsError, body_of

CONTENT_TYPE = b"application/x-amz-json-1.1"
SIGNED_HEADERS = ("host", "x-amz-date", "x-amz-target")
BY_NODE_KEY = ("RequestManagedInstanceRoleToken", key_rotation.OPERATION)
log = structlog.get_logger("stateward.api")
NOBODY = Principal("nobody", "nobody", Scope("", ""))


class ApiEndpoint:
    """The endpoint of unmodified AWS clients and of nodes."""

    def __init__(
        self,
        performer: Performer,
        authenticator: Authenticator,
        caller_identity: CallerIdentity,
        allowed_hosts: tuple[str, ...],
        region: str,
    ) -> None:
        self._performer = performer
        self._authenticator = authenticator
        self._caller_identity = caller_identity
        self._allowed_hosts = allowed_hosts
        self._region = region
        self._hinted = False

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        request_id = ids.new_uuid()
        headers = requests.headers_of(scope)
        if headers.get("content-type", "").startswith(FORM):
            status, body = await self._caller_identity.respond(scope, headers, receive, request_id, self._allowed_hosts)
            await _send(scope, send, status, body, request_id, {}, content_type=XML)
            return
        try:
            answer = await self._answer(scope, headers, receive, request_id)
        except AwsError as error:
            close = isinstance(error, BodyTooLarge)
            await _send(scope, send, error.status, body_of(error), request_id, {}, close=close)
            return
        await _send(scope, send, 200, protocol.encode(answer.body), request_id, answer.headers)

    async def _answer(self, scope: Any, headers: dict[str, str], receive: Receive, request_id: str) -> Answer:
        try:
            principal, operation, body = await self._admit(scope, headers, receive)
        except AwsError as error:
            operation = headers.get("x-amz-target", "").rpartition(".")[2][:100]
            log.warning("refused", operation=operation, code=error.code, reason=error.message, request_id=request_id)
            self._performer.refused(operation, error.code, request_id, requests.source_of(scope))
            raise
        if principal is not NOBODY:
            requests.authenticated(scope)
            self._hint(principal)
        invocation_id = headers.get("amz-sdk-invocation-id")
        try:
            return await self._performer.perform(
                principal, operation, body, request_id, invocation_id, requests.source_of(scope)
            )
        except AwsError:
            if operation != key_rotation.OPERATION:
                raise
            # The agent signs with its new key whatever it is told, so it is told that this was right (D54).
            return Answer({})

    async def _admit(self, scope: Any, headers: dict[str, str], receive: Receive) -> tuple[Principal, str, bytes]:
        """Who asks for which operation with what, as far as HTTP and the signature tell."""
        requests.refuse_strangers(scope, headers, self._allowed_hosts)
        service, operation = protocol.operation_of(headers.get("x-amz-target", ""))
        if not headers.get("content-type", "").startswith(CONTENT_TYPE.decode()):
            raise AwsError("UnknownOperationException", "The Content-Type must be application/x-amz-json-1.1")
        if service != "AmazonSSM":
            raise AwsError(
                "UnknownOperationException", f"The operation {service}.{operation} is not implemented by Stateward"
            )
        body = await requests.body_of(receive, LARGE_BODY if operation in LARGE_OPERATIONS else MAX_BODY)
        return await self._principal(scope, headers, operation, body), operation, body

    async def _principal(self, scope: Any, headers: dict[str, str], operation: str, body: bytes) -> Principal:
        if operation == "RegisterManagedInstance":
            return NOBODY
        request = requests.signed_request(scope, headers, body)
        if operation in BY_NODE_KEY:
            return await self._authenticator.by_node_key(request, offers_key=operation == key_rotation.OPERATION)
        return await self._authenticator.by_signature(request, "ssm", SIGNED_HEADERS)

    def _hint(self, principal: Principal) -> None:
        region = principal.scope.region
        if region != self._region and not self._hinted and not principal.is_node:
            self._hinted = True
            log.warning(
                "a call came for another region: regions see nothing of each other",
                region=region,
                default_region=self._region,
            )


async def _send(
    scope: Any,
    send: Send,
    status: int,
    body: bytes,
    request_id: str,
    extra: dict[str, str],
    *,
    close: bool = False,
    content_type: bytes = CONTENT_TYPE,
) -> None:
    headers = [
        (b"content-type", content_type),
        (b"x-amzn-requestid", request_id.encode()),
        *((name.encode(), value.encode()) for name, value in extra.items()),
    ]
    # A newer client has the body in chunks: where one breaks off botocore tries again, but it believes a body that ends
    # before its Content-Length, and takes the rest of a JSON text for an empty success.
    if scope["http_version"] == "1.0":
        headers.append((b"content-length", str(len(body)).encode()))
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
