"""From a request's signature to a principal (design 5, D17, D18)."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec
import structlog

from stateward.access import key_rotation, store, store_rotation
from stateward.access.principals import Principal, Scope, administrator, node
from stateward.access.sealing import MasterKey, SealBroken
from stateward.access.signing import (
    Authorization,
    SignatureError,
    SignedRequest,
    check_date,
    check_required_signed_headers,
    parse_authorization,
    verify_hmac,
)
from stateward.clock import Clock
from stateward.storage import Database, Transaction
from stateward.wire.errors import AwsError

SIGNATURE_WINDOW_MS = 15 * 60 * 1000
KEYS_IN_USE = 256
USE_NOTED_MS = 60 * 1000
TOKEN_LIFE_MS = 60 * 60 * 1000
NODE_PREFIX = "mi-"
P = ParamSpec("P")
T = TypeVar("T")
Check = Callable[Concatenate["Authenticator", P], Coroutine[Any, Any, T]]
log = structlog.get_logger("stateward.access")
BAD_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method."
)


def _answered(check: Check[P, T]) -> Check[P, T]:
    """Every door asks here before anything else: what must not happen is an AwsError too, and a log entry."""

    async def answer(self: Authenticator, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await check(self, *args, **kwargs)
        except AwsError:
            raise
        except Exception as error:
            log.exception("authentication failed", door=check.__name__)
            raise AwsError("InternalServerError", "The caller could not be authenticated.", 500) from error

    functools.update_wrapper(answer, check)
    return answer


class SessionToken(msgspec.Struct, frozen=True):
    """What a node's passing credentials say about themselves; sealed by the server, never stored."""

    node_id: str
    access_key_id: str
    issued_ms: int
    expires_ms: int


class NodeCredentials(msgspec.Struct, frozen=True):
    """The answer of RequestManagedInstanceRoleToken before it is put into words."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_ms: int


class Authenticator:
    """Checks signatures against the keys in the database."""

    def __init__(self, db: Database, clock: Clock, master: MasterKey, *, auth_open: bool, default_scope: Scope) -> None:
        self._db = db
        self._clock = clock
        self._master = master
        self._open = auth_open
        self._default = default_scope
        self._nobody = master.derive("nobody").hex()
        self._use_noted: dict[str, int] = {}
        self._opened = functools.lru_cache(KEYS_IN_USE)(functools.partial(master.open, "access-key"))

    @property
    def is_open(self) -> bool:
        """Whether everybody who can connect is an administrator."""
        return self._open

    def require_signatures(self) -> None:
        """From now on not everybody is let in, whatever the start said."""
        self._open = False

    def issue(self, node_id: str, access_key_id: str) -> NodeCredentials:
        """Credentials for one hour that only this node's session token makes valid."""
        issued = self._clock.wall()
        token = SessionToken(node_id, access_key_id, issued, issued + TOKEN_LIFE_MS)
        sealed = self._master.seal("session", msgspec.json.encode(token))
        return NodeCredentials(access_key_id, self._master.secret_access_key(access_key_id), sealed, token.expires_ms)

    @_answered
    async def by_signature(self, request: SignedRequest, service: str, signed: tuple[str, ...]) -> Principal:
        """Who signed this request for `service`, with at least the headers `signed` under the signature.

        Raises AwsError with AWS's codes; under `--auth open` an unknown key, or none, is an administrator.
        """
        if "authorization" not in request.headers and self._open:
            return administrator("open", self._default)
        try:
            authorization = parse_authorization(request.headers)
            self._check_form(request, authorization, service, signed)
        except SignatureError as error:
            raise AwsError(error.code, error.message) from error
        if authorization.credential_id.startswith(NODE_PREFIX):
            raise AwsError("AccessDeniedException", "a node's key signs its token requests only; use the token's keys")
        token = request.headers.get("x-amz-security-token")
        if token is not None:
            sealed = self._open_token(token, authorization)
            if sealed is not None:
                return await self._node(request, authorization, sealed)
        return await self._administrator(request, authorization)

    @_answered
    async def by_node_key(self, request: SignedRequest, *, offers_key: bool = False) -> Principal:
        """The node whose RSA key signed this request (node protocol 3.2); each signature counts once.

        With `offers_key` the body holds the key that the node signs with from now on: it is kept before anything but
        the signature was looked at, and a signature that comes again is no error (D54).
        """
        try:
            authorization = parse_authorization(request.headers)
            self._check_form(request, authorization, "ssm", ("host", "x-amz-date", "x-amz-target"))
        except SignatureError as error:
            raise AwsError(error.code, error.message) from error
        async with self._db.reading() as tx:
            key = await store.node_key(tx, authorization.credential_id)
            candidate = await store_rotation.candidate(tx, authorization.credential_id)
        wall_ms = self._clock.wall()
        used = None if key is None else key_rotation.signing_key(request, authorization, key, candidate, wall_ms)
        if key is None or used is None:
            raise AwsError("AccessDeniedException", "this node is not registered here, or its key is another")
        if key.removed_ms is not None:
            raise AwsError("AccessDeniedException", f"node {key.node_id} was deregistered")
        signature = hashlib.sha256(authorization.signature.encode()).hexdigest()
        offered = key_rotation.offered_key(request.body) if offers_key else None

        async def work(tx: Transaction) -> bool:
            is_new = await store.use_signature(tx, key.node_id, signature, wall_ms, SIGNATURE_WINDOW_MS)
            if is_new:
                await key_rotation.note(tx, key, used, offered, wall_ms)
            return is_new

        if not await self._db.write(work) and not offers_key:
            raise AwsError("InvalidSignatureException", "this signature was used before")
        return node(key.node_id, Scope(key.account_id, key.region))

    @_answered
    async def by_password(self, header: str) -> Principal:
        """HTTP Basic with an access key: for `/_stateward` only (D47)."""
        try:
            user, _, password = base64.b64decode(header.removeprefix("Basic "), validate=True).decode().partition(":")
        except ValueError as error:
            raise AwsError("MissingAuthenticationTokenException", "the Basic credentials cannot be read") from error
        async with self._db.reading() as tx:
            key = await store.access_key(tx, user)
        secret = self._nobody if key is None else self.secret_of(key)
        if not hmac.compare_digest(secret.encode(), password.encode()) or key is None:
            raise AwsError("UnrecognizedClientException", "the access key or its secret is wrong")
        await self._note_use(user)
        return Principal("key", user, Scope(key.account_id, self._default.region), key.role)

    def secret_of(self, key: store.AccessKeyRow) -> str:
        """The secret of an administrator's key, which lies encrypted in the database."""
        return self._opened(key.secret_sealed).decode()

    def _check_form(
        self, request: SignedRequest, authorization: Authorization, service: str, signed: tuple[str, ...]
    ) -> None:
        token = ("x-amz-security-token",) if "x-amz-security-token" in request.headers else ()
        check_required_signed_headers(authorization, (*signed, *token))
        check_date(request.headers, authorization, self._clock.wall(), SIGNATURE_WINDOW_MS)
        if authorization.service != service:
            raise SignatureError(
                "InvalidSignatureException", f"Credential should be scoped to correct service: '{service}'."
            )

    def _open_token(self, sealed: str, authorization: Authorization) -> SessionToken | None:
        try:
            token = msgspec.json.decode(self._master.open("session", sealed), type=SessionToken)
        except SealBroken:
            if self._open:
                return None  # Some other server's session: under open an unknown key is an administrator.
            raise AwsError(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            ) from None
        if not hmac.compare_digest(token.access_key_id, authorization.credential_id):
            raise AwsError("UnrecognizedClientException", "The security token included in the request is invalid.")
        return token

    async def _node(self, request: SignedRequest, authorization: Authorization, token: SessionToken) -> Principal:
        secret = self._master.secret_access_key(token.access_key_id)
        if not verify_hmac(request, authorization, secret):
            raise AwsError("InvalidSignatureException", BAD_SIGNATURE)
        if token.expires_ms <= self._clock.wall():
            raise AwsError("ExpiredTokenException", "The security token included in the request is expired")
        async with self._db.reading() as tx:
            key = await store.node_key(tx, token.node_id)
        if key is not None and key.removed_ms is None and token.issued_ms < key.credentials_not_before_ms:
            raise AwsError("InvalidInstanceId", f"Another machine was accepted as {token.node_id}, and is it now")
        if key is None or key.removed_ms is not None:
            raise AwsError("InvalidInstanceId", f"Not existing InstanceId {token.node_id}")
        return node(key.node_id, Scope(key.account_id, key.region))

    async def _administrator(self, request: SignedRequest, authorization: Authorization) -> Principal:
        async with self._db.reading() as tx:
            key = await store.access_key(tx, authorization.credential_id)
        if key is None and self._open:
            account = authorization.credential_id
            named = len(account) == 12 and account.isdecimal()
            scope = Scope(account if named else self._default.account_id, authorization.region)
            return administrator(authorization.credential_id, scope)
        # An unknown key costs the same work as a known one.
        secret = self._nobody if key is None else self.secret_of(key)
        right = verify_hmac(request, authorization, secret)
        if key is None:
            raise AwsError("UnrecognizedClientException", "The security token included in the request is invalid.")
        if not right:
            raise AwsError("InvalidSignatureException", BAD_SIGNATURE)
        await self._note_use(key.access_key_id)
        return Principal("key", key.access_key_id, Scope(key.account_id, authorization.region), key.role)

    async def _note_use(self, access_key_id: str) -> None:
        """Keep when a key was used: a write a minute and key at most, and none that a caller would fail for."""
        wall_ms = self._clock.wall()
        if wall_ms - self._use_noted.get(access_key_id, 0) < USE_NOTED_MS:
            return
        self._use_noted[access_key_id] = wall_ms

        async def work(tx: Transaction) -> None:
            await store.use_access_key(tx, access_key_id, wall_ms)

        try:
            await self._db.write(work)
        except Exception:
            log.exception("the use of an access key could not be noted", access_key=access_key_id)
