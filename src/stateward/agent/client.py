"""The calls that a node makes over HTTP: registration, token, heartbeat, control channel (node protocol 3 to 5)."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from xml.etree import ElementTree

import httpx
import msgspec

from stateward import ids
from stateward.access.signing import SignedRequest, sign_hmac, sign_rsa
from stateward.agent.identity import Identity, NodeKey
from stateward.agent.live_frames import OFFER_ELEMENT
from stateward.agent.messages import REGION_HEADER
from stateward.agent.reaching import reason_of
from stateward.agent.stored_document import StoredDocument
from stateward.clock import Clock

TIMEOUT_S = 15.0
JSON_TYPE = "application/x-amz-json-1.1"
TARGET = "AmazonSSM."
MESSAGES_TARGET = "EC2WindowsMessageDeliveryService."
# A server holds GetMessages for at most 15 seconds.
POLL_TIMEOUT_S = 20.0
VISIBILITY_S = 10
MOST_TEXT = 500
HINTS = {
    "ActivationExpired": ", make another activation",
    "HTTP 404": ", there is no such address: this is no Stateward, or a proxy does not pass it on",
}
_Answer = TypeVar("_Answer")
_PASSING = frozenset({"InternalServerError", "TooManyUpdates", "TooManyRequestsException", "RequestTimeout"})


class CallFailed(Exception):
    """A call to the server did not succeed."""


class ServerUnreachable(CallFailed):
    """No usable answer came; the text says why."""


class CallRefused(CallFailed):
    """The server answered with an error: AWS's code and message."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(code, message, status)
        self.code = code
        self.message = message
        self.status = status

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else f"{self.code}{HINTS.get(self.code, '')}"

    @property
    def passing(self) -> bool:
        """Whether the same call may succeed a little later."""
        return self.status >= 500 or self.status == 429 or self.code in _PASSING or "Throttl" in self.code


class Credentials(msgspec.Struct, frozen=True):
    """A node's passing credentials; instants in ms."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    obtained_ms: int
    expires_ms: int

    @property
    def renew_ms(self) -> int:
        """Half of their life (node protocol 3.3)."""
        return (self.obtained_ms + self.expires_ms) // 2


class _Registered(msgspec.Struct):
    InstanceId: str


class RegisteredNode(msgspec.Struct, frozen=True):
    """A new node; `region` is its activation's, empty where the server does not say it (AWS does not)."""

    node_id: str
    region: str


class Opening(msgspec.Struct, frozen=True):
    """The token of a channel, and how many bytes of each end of a stream the server keeps; 0: no live output."""

    token: str
    live_output: int = 0


class Delivered(msgspec.Struct, frozen=True):
    """A message of ec2messages; `MessageId` is a job id."""

    MessageId: str
    Topic: str
    Payload: str


class _Messages(msgspec.Struct):
    Messages: list[Delivered] = []


class _Document(msgspec.Struct):
    Name: str
    Content: str
    DocumentFormat: str = "JSON"
    DocumentType: str = "Command"


class _Parameter(msgspec.Struct):
    Value: str


class _Parameters(msgspec.Struct):
    Parameters: list[_Parameter] = []


class _Token(msgspec.Struct):
    AccessKeyId: str
    SecretAccessKey: str
    SessionToken: str
    TokenExpirationDate: float


def checked_endpoint(endpoint: str) -> str:
    """A server's address without a trailing slash; ValueError unless it is http(s)://host[:port]."""
    try:
        url = httpx.URL(endpoint.rstrip("/"))
    except httpx.InvalidURL as error:
        raise ValueError(f"endpoint {endpoint!r}: {error}, use https://host:port") from None
    named = re.fullmatch(r"[0-9A-Za-z._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", url.raw_host.decode())
    right = url.scheme in ("http", "https") and named and 0 < (url.port or 443) < 65536
    if not right or url.path not in ("", "/") or url.query or url.userinfo:
        raise ValueError(f"endpoint {endpoint!r}: use https://host:port, without a path")
    return str(url).rstrip("/")


def new_http(tls: ssl.SSLContext) -> httpx.AsyncClient:
    """The HTTP client of an agent; proxies come from the environment."""
    return httpx.AsyncClient(timeout=TIMEOUT_S, verify=tls, follow_redirects=False)


class RegistrationClient:
    """What can be called before there is a node: nothing is signed."""

    def __init__(self, endpoint: str, http: httpx.AsyncClient) -> None:
        self._caller = _Caller(endpoint, http)

    async def register(self, activation_id: str, activation_code: str, key: NodeKey) -> RegisteredNode:
        """RegisterManagedInstance: the new node (node protocol 3.1). Raises CallFailed."""
        members = {
            "ActivationCode": activation_code,
            "ActivationId": activation_id,
            "Fingerprint": key.fingerprint,
            "PublicKey": key.public_key,
            "PublicKeyType": "Rsa",
        }
        request = self._caller.json_request("RegisterManagedInstance", members)
        answer = await self._caller.exchange(request, {})
        node_id = self._caller.decoded(answer.content, _Registered).InstanceId
        return RegisteredNode(node_id, answer.headers.get(REGION_HEADER, ""))


class NodeClient:
    """The calls of a registered node."""

    def __init__(self, identity: Identity, clock: Clock, http: httpx.AsyncClient) -> None:
        self._identity = identity
        self._clock = clock
        self._caller = _Caller(identity.registration.endpoint, http)

    async def request_role_token(self) -> Credentials:
        """RequestManagedInstanceRoleToken, signed with the node's own key. Raises CallFailed."""
        members = {"Fingerprint": self._identity.key.fingerprint}
        request = self._caller.json_request("RequestManagedInstanceRoleToken", members)
        now_ms = self._clock.wall()
        signed = sign_rsa(
            request,
            node_id=self._identity.node_id,
            private_key=self._identity.key.private_key,
            region=self._identity.registration.region,
            service="ssm",
            now_ms=now_ms,
        )
        token = self._caller.decoded(await self._caller.send(request, signed), _Token)
        expires_ms = int(token.TokenExpirationDate * 1000)
        return Credentials(token.AccessKeyId, token.SecretAccessKey, token.SessionToken, now_ms, expires_ms)

    async def update_instance_information(self, credentials: Credentials, members: Mapping[str, str]) -> None:
        """The heartbeat (node protocol 4.1). Raises CallFailed."""
        await self._ssm(credentials, "UpdateInstanceInformation", members)

    async def get_document(self, credentials: Credentials, name: str, version: str) -> StoredDocument:
        """GetDocument, without a version where none is asked for (node protocol 8.3). Raises CallFailed."""
        members = {"Name": name, **({"DocumentVersion": version} if version else {})}
        found = self._caller.decoded(await self._ssm(credentials, "GetDocument", members), _Document)
        return StoredDocument(found.Name, found.Content, found.DocumentFormat, found.DocumentType)

    async def put_inventory(self, credentials: Credentials, items: Sequence[Mapping[str, Any]]) -> None:
        """PutInventory of this node (node protocol 8.2). Raises CallFailed."""
        await self._ssm(credentials, "PutInventory", {"InstanceId": self._identity.node_id, "Items": items})

    async def get_secret(self, credentials: Credentials, name: str) -> str:
        """The value of one parameter, decrypted (node protocol 8.1). Raises CallFailed."""
        body = await self._ssm(credentials, "GetParameters", {"Names": [name], "WithDecryption": True})
        found = self._caller.decoded(body, _Parameters).Parameters
        if not found:
            raise CallRefused("ParameterNotFound", f"parameter {name} is not there", 400)
        return found[0].Value

    async def get_messages(self, credentials: Credentials) -> list[Delivered]:
        """GetMessages: waits until there are some, or about 15 seconds (node protocol 6.2). Raises CallFailed."""
        members = {
            "Destination": self._identity.node_id,
            "MessagesRequestId": ids.new_uuid(),
            "VisibilityTimeoutInSeconds": VISIBILITY_S,
        }
        body = await self._ec2messages(credentials, "GetMessages", members, timeout_s=POLL_TIMEOUT_S)
        return self._caller.decoded(body, _Messages).Messages

    async def acknowledge_message(self, credentials: Credentials, message_id: str) -> None:
        """AcknowledgeMessage: it is not offered again. Raises CallFailed."""
        await self._ec2messages(credentials, "AcknowledgeMessage", {"MessageId": message_id})

    async def fail_message(self, credentials: Credentials, message_id: str) -> None:
        """FailMessage: it cannot be understood. Raises CallFailed."""
        members = {"FailureType": "InternalHandlerException", "MessageId": message_id}
        await self._ec2messages(credentials, "FailMessage", members)

    async def send_reply(self, credentials: Credentials, message_id: str, reply_id: str, payload: str) -> None:
        """SendReply: how a command stands. Raises CallFailed."""
        members = {"MessageId": message_id, "Payload": payload, "ReplyId": reply_id}
        await self._ec2messages(credentials, "SendReply", members)

    async def create_control_channel(self, credentials: Credentials) -> Opening:
        """What opens the websocket (node protocol 5.1). Raises CallFailed."""
        body = msgspec.json.encode({"MessageSchemaVersion": "1.0", "RequestId": ids.new_uuid()})
        headers = {"host": self._caller.host, "content-type": "application/json"}
        request = SignedRequest("POST", self._channel_path, "", headers, body)
        signed = self._signed(request, credentials, "ssmmessages")
        answer = await self._caller.send(request, signed, expected=201)
        token = _text_of(answer, "TokenValue")
        if not token:
            raise ServerUnreachable("the answer to CreateControlChannel has no TokenValue")
        limit = _text_of(answer, OFFER_ELEMENT)
        return Opening(token, int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 16 else 0)

    def channel_address(self, credentials: Credentials) -> tuple[str, dict[str, str]]:
        """Where the websocket opens, and the headers of its request (node protocol 5.2)."""
        query = "role=subscribe&stream=input"
        request = SignedRequest("GET", self._channel_path, query, {"host": self._caller.host}, b"")
        scheme = "wss" if self._caller.secure else "ws"
        address = f"{scheme}://{self._caller.host}{self._channel_path}?{query}"
        return address, self._signed(request, credentials, "ssmmessages")

    @property
    def server(self) -> tuple[str, int]:
        """Host and port of the server."""
        return self._caller.server

    @property
    def _channel_path(self) -> str:
        return f"/v1/control-channel/{self._identity.node_id}"

    async def _ssm(self, credentials: Credentials, operation: str, members: Mapping[str, Any]) -> bytes:
        request = self._caller.json_request(operation, members)
        return await self._caller.send(request, self._signed(request, credentials, "ssm"))

    async def _ec2messages(
        self, credentials: Credentials, operation: str, members: Mapping[str, Any], *, timeout_s: float = TIMEOUT_S
    ) -> bytes:
        request = self._caller.json_request(operation, members, MESSAGES_TARGET)
        signed = self._signed(request, credentials, "ec2messages")
        return await self._caller.send(request, signed, timeout_s=timeout_s)

    def _signed(self, request: SignedRequest, credentials: Credentials, service: str) -> dict[str, str]:
        return sign_hmac(
            request,
            access_key_id=credentials.access_key_id,
            secret_access_key=credentials.secret_access_key,
            session_token=credentials.session_token,
            region=self._identity.registration.region,
            service=service,
            now_ms=self._clock.wall(),
        )


class _Caller:
    """Sends requests to one server and turns what goes wrong into CallFailed."""

    def __init__(self, endpoint: str, http: httpx.AsyncClient) -> None:
        self._url = httpx.URL(endpoint)
        self._http = http

    @property
    def host(self) -> str:
        return self._url.netloc.decode("ascii")

    @property
    def secure(self) -> bool:
        return self._url.scheme == "https"

    @property
    def server(self) -> tuple[str, int]:
        return self._url.host, self._url.port or (443 if self.secure else 80)

    def json_request(self, operation: str, members: Mapping[str, Any], target: str = TARGET) -> SignedRequest:
        headers = {"host": self.host, "content-type": JSON_TYPE, "x-amz-target": target + operation}
        return SignedRequest("POST", "/", "", headers, msgspec.json.encode(members))

    async def send(
        self,
        request: SignedRequest,
        signature: Mapping[str, str],
        *,
        expected: int = 200,
        timeout_s: float = TIMEOUT_S,
    ) -> bytes:
        return (await self.exchange(request, signature, expected=expected, timeout_s=timeout_s)).content

    async def exchange(
        self,
        request: SignedRequest,
        signature: Mapping[str, str],
        *,
        expected: int = 200,
        timeout_s: float = TIMEOUT_S,
    ) -> httpx.Response:
        headers = {**request.headers, **signature}
        try:
            answer = await self._http.request(
                request.method,
                self._url.copy_with(path=request.path),
                headers=headers,
                content=request.body,
                timeout=timeout_s,
            )
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise ServerUnreachable(f"{self._url}: no answer ({reason_of(error, str(self._url))})") from error
        if answer.status_code != expected:
            raise _refusal(answer)
        return answer

    def decoded(self, body: bytes, kind: type[_Answer]) -> _Answer:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise ServerUnreachable(f"{self._url}: the answer cannot be understood ({error})") from error


def _refusal(answer: httpx.Response) -> CallFailed:
    code, message = f"HTTP {answer.status_code}", ""
    try:
        told = msgspec.json.decode(answer.content, type=dict[str, Any])
        code = str(told.get("__type") or code).rpartition("#")[2]
        message = str(told.get("message") or told.get("Message") or "")
    except (msgspec.DecodeError, msgspec.ValidationError):
        code = _text_of(answer.content, "Code") or code
    return CallRefused(code[:MOST_TEXT], message[:MOST_TEXT], answer.status_code)


def _text_of(xml: bytes, element: str) -> str:
    try:
        return ElementTree.fromstring(xml).findtext(f".//{element}") or ""
    except ElementTree.ParseError:
        return ""
