"""ec2messages: what a node without a control channel asks for (node protocol 6, spec 7.5)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
import structlog

from stateward import ids
from stateward.access.authentication import Authenticator
from stateward.access.principals import Principal
from stateward.api import requests
from stateward.api.requests import MAX_BODY, Receive, Send
from stateward.clock import Clock, monotonic_s
from stateward.commands import delivery, reports
from stateward.commands.delivery import Parcel
from stateward.commands.results import Reply
from stateward.gateway import frames
from stateward.gateway.channels import Gateway
from stateward.gateway.polls import Poll
from stateward.storage import Database, Transaction
from stateward.wire import protocol
from stateward.wire.errors import AwsError, body_of, serialization_error
from stateward.wire.protocol import iso8601

SERVICE = "EC2WindowsMessageDeliveryService"
TARGET = f"{SERVICE}.".encode()
CONTENT_TYPE = b"application/x-amz-json-1.1"
SIGNED_HEADERS = ("host", "x-amz-date", "x-amz-target")
TAKEN = "200"
T = TypeVar("T")
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
log = structlog.get_logger("stateward.gateway")


class GetMessages(msgspec.Struct, frozen=True):
    Destination: Short
    MessagesRequestId: Short
    VisibilityTimeoutInSeconds: int = 10


class Named(msgspec.Struct, frozen=True):
    """AcknowledgeMessage, DeleteMessage."""

    MessageId: Short


class SendReply(msgspec.Struct, frozen=True):
    MessageId: Short
    Payload: str
    ReplyId: Short


class FailMessage(msgspec.Struct, frozen=True):
    MessageId: Short
    FailureType: Short


class GetEndpoint(msgspec.Struct, frozen=True):
    Destination: Short
    Protocol: Short = "https"


def is_meant(scope: Any) -> bool:
    """Whether a `POST /` is for this service."""
    return any(name == b"x-amz-target" and value.startswith(TARGET) for name, value in scope["headers"])


class MessageDelivery:
    """The ASGI application for `POST /` with a target of `EC2WindowsMessageDeliveryService`."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        authenticator: Authenticator,
        gateway: Gateway,
        allowed_hosts: tuple[str, ...],
        observe: Callable[[str, str, float], None],
    ) -> None:
        self._db = db
        self._clock = clock
        self._authenticator = authenticator
        self._polls = gateway.polls
        self._replies = gateway.replies
        self._allowed_hosts = allowed_hosts
        self._observe = observe
        self._operations: dict[str, Callable[[Principal, bytes], Awaitable[dict[str, Any]]]] = {
            "AcknowledgeMessage": self._acknowledge_message,
            "DeleteMessage": self._acknowledge_message,
            "SendReply": self._send_reply,
            "FailMessage": self._fail_message,
        }

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        started, request_id, operation, code, close = monotonic_s(), ids.new_uuid(), "unknown", "ok", False
        headers = requests.headers_of(scope)
        try:
            operation = self._operation_of(scope, headers)
            status, body = 200, protocol.encode(await self._answer(scope, headers, receive, operation))
        except AwsError as error:
            code, status, body = error.code, error.status, body_of(error)
            close = isinstance(error, requests.BodyTooLarge)
            log.warning("refused", operation=operation, code=code, reason=error.message, request_id=request_id)
        except Exception:
            code, status = "InternalServerError", 500
            body = body_of(AwsError(code, f"The request {request_id} could not be carried out.", status))
            log.exception("failed", operation=operation, request_id=request_id)
        self._observe(operation, code, monotonic_s() - started)
        await _respond(send, status, body, request_id, close=close)

    def _operation_of(self, scope: Any, headers: dict[str, str]) -> str:
        requests.refuse_strangers(scope, headers, self._allowed_hosts)
        _, operation = protocol.operation_of(headers.get("x-amz-target", ""))
        if not headers.get("content-type", "").startswith(CONTENT_TYPE.decode()):
            raise AwsError("UnknownOperationException", "The Content-Type must be application/x-amz-json-1.1")
        if operation not in (*self._operations, "GetMessages", "GetEndpoint"):
            raise AwsError(
                "UnknownOperationException", f"The operation {SERVICE}.{operation} is not implemented by Stateward"
            )
        return operation

    async def _answer(self, scope: Any, headers: dict[str, str], receive: Receive, operation: str) -> dict[str, Any]:
        body = await requests.body_of(receive, MAX_BODY)
        signed = requests.signed_request(scope, headers, body)
        principal = await self._authenticator.by_signature(signed, "ec2messages", SIGNED_HEADERS)
        if not principal.is_node:
            raise AwsError(
                "AccessDeniedException", f"{principal.name} is not authorized to perform: ec2messages:{operation}"
            )
        requests.authenticated(scope)
        if operation == "GetMessages":
            return await self._get_messages(principal, _read(body, GetMessages), receive)
        if operation == "GetEndpoint":
            asked = _read(body, GetEndpoint)
            _own(principal, asked.Destination)
            return {"Endpoint": {"Protocol": asked.Protocol, "Endpoint": headers["host"]}}
        return await self._operations[operation](principal, body)

    async def _get_messages(self, principal: Principal, asked: GetMessages, receive: Receive) -> dict[str, Any]:
        """Wait for work; whoever hangs up meanwhile gets none."""
        _own(principal, asked.Destination)
        poll = Poll()
        watching = asyncio.create_task(_watch(receive, poll), name=f"poll of {principal.name}")
        try:
            parcel = await self._polls.next_parcel(principal.name, poll)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        return {
            "Destination": asked.Destination,
            "MessagesRequestId": asked.MessagesRequestId,
            "Messages": _messages(principal, parcel, self._clock.wall()),
        }

    async def _acknowledge_message(self, principal: Principal, body: bytes) -> dict[str, Any]:
        await self._note(principal, _read(body, Named).MessageId, TAKEN)
        return {}

    async def _fail_message(self, principal: Principal, body: bytes) -> dict[str, Any]:
        """The node cannot understand a message: a command has failed, a cancel is not sent again."""
        failed = _read(body, FailMessage)
        await self._note(principal, failed.MessageId, failed.FailureType)
        return {}

    async def _note(self, principal: Principal, message_id: str, status_code: str) -> None:
        command_id = _command_of(principal, message_id)

        async def work(tx: Transaction) -> bool:
            return await delivery.acknowledged(tx, principal.name, command_id, status_code, self._clock.wall())

        if not await self._db.write(work):
            log.warning("a node spoke of a message that it was not sent", node=principal.name, message=command_id[:80])

    async def _send_reply(self, principal: Principal, body: bytes) -> dict[str, Any]:
        reply = _read(body, SendReply)
        command_id = _command_of(principal, reply.MessageId)
        try:
            report = reports.parse(reply.Payload)
            if not await self._replies.store(Reply(principal.name, command_id, report)):
                log.warning("a node reported on what it was not sent", node=principal.name, command=command_id[:80])
        except reports.MalformedReport as error:
            # Taken all the same: the node would only send it again.
            log.warning("a node sent what cannot be understood", node=principal.name, reason=str(error))
        return {"MessageId": reply.MessageId, "ReplyId": reply.ReplyId, "ReplyStatus": "Completed", "Description": ""}


async def _watch(receive: Receive, poll: Poll) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    poll.end()


def _messages(principal: Principal, parcel: Parcel, wall_ms: int) -> list[dict[str, Any]]:
    region = principal.scope.region
    return [
        *(
            _message(principal.name, job.command_id, f"{frames.SEND_TOPIC}.{region}", frames.job_content(job), wall_ms)
            for job in parcel.jobs
        ),
        *(
            _message(principal.name, one.job_id, f"{frames.CANCEL_TOPIC}.{region}", frames.cancel_content(one), wall_ms)
            for one in parcel.cancels
        ),
    ]


def _message(node_id: str, command_id: str, topic: str, content: dict[str, Any], wall_ms: int) -> dict[str, Any]:
    payload = msgspec.json.encode(content)
    return {
        "MessageId": frames.job_id(command_id, node_id),
        "Destination": node_id,
        "CreatedDate": iso8601(wall_ms),
        "Topic": topic,
        "Payload": payload.decode(),
        "PayloadDigest": hashlib.sha256(payload).hexdigest(),
    }


def _own(principal: Principal, node_id: str) -> None:
    if node_id != principal.name:
        raise AwsError("AccessDeniedException", f"the messages of {node_id[:40]} belong to that node alone")


def _command_of(principal: Principal, message_id: str) -> str:
    try:
        return frames.command_of(message_id, principal.name)
    except frames.MalformedPayload:
        raise AwsError(
            "AccessDeniedException", f"the message {message_id[:120]} is not one of {principal.name}"
        ) from None


def _read(body: bytes, kind: type[T]) -> T:
    protocol.decode_body(body)  # depth and form, with the errors of every other operation
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise serialization_error(str(error)) from None


async def _respond(send: Send, status: int, body: bytes, request_id: str, *, close: bool) -> None:
    headers = [
        (b"content-type", CONTENT_TYPE),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", request_id.encode()),
        *([(b"connection", b"close")] if close else []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
