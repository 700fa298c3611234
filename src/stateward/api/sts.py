"""GetCallerIdentity, the one operation of STS here: tools ask it first who they are (design 5).

The query protocol: a form in, XML out, errors with STS's own codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import structlog

from stateward.access.arns import assumed_role_arn, user_arn
from stateward.access.authentication import Authenticator
from stateward.access.principals import Principal
from stateward.api import requests
from stateward.api.requests import Receive
from stateward.nodes import store as nodes
from stateward.storage import Database
from stateward.wire.errors import AwsError

FORM = "application/x-www-form-urlencoded"
XML = b"text/xml"
VERSION = "2011-06-15"
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
MAX_FORM = 16 * 1024
SIGNED_HEADERS = ("host", "x-amz-date")
CODES: Mapping[str, tuple[str, int]] = {
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    "InvalidInstanceId": ("InvalidClientTokenId", 403),
    "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
    "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403),
    "IncompleteSignatureException": ("IncompleteSignature", 400),
    "ExpiredTokenException": ("ExpiredToken", 403),
    "AccessDeniedException": ("AccessDenied", 403),
    "InternalServerError": ("InternalFailure", 500),
}
"""SSM's code of a refusal → STS's code and HTTP status."""

log = structlog.get_logger("stateward.api")


class CallerIdentity:
    """Answers forms that are signed for the service `sts`."""

    def __init__(self, authenticator: Authenticator, db: Database) -> None:
        self._authenticator = authenticator
        self._db = db

    async def respond(
        self, scope: Any, headers: dict[str, str], receive: Receive, request_id: str, allowed_hosts: tuple[str, ...]
    ) -> tuple[int, bytes]:
        """HTTP status and XML body of one request; nothing that a caller does wrong raises."""
        try:
            requests.refuse_strangers(scope, headers, allowed_hosts)
            body = await requests.body_of(receive, MAX_FORM)
            _check_action(body)
            signed = requests.signed_request(scope, headers, body)
            principal = await self._authenticator.by_signature(signed, "sts", SIGNED_HEADERS)
            requests.authenticated(scope)
            return 200, _answer(*await self._identity(principal), request_id)
        except AwsError as error:
            log.warning(
                "refused", operation="GetCallerIdentity", code=error.code, reason=error.message, request_id=request_id
            )
            code, status = CODES.get(error.code, (error.code, error.status))
            return status, _error(code, error.message, request_id, "Sender" if status < 500 else "Receiver")

    async def _identity(self, principal: Principal) -> tuple[str, str, str]:
        """Account, ARN and user id of whoever signed."""
        account = principal.scope.account_id
        if not principal.is_node:
            return account, user_arn(principal), principal.name
        async with self._db.reading() as tx:
            node = await nodes.find(tx, principal.scope, principal.name)
        if node is None:
            raise AwsError("InvalidInstanceId", f"Not existing InstanceId {principal.name}")
        arn = assumed_role_arn(principal, node.iam_role)
        return account, arn, arn.partition("assumed-role/")[2].replace("/", ":")


def _check_action(body: bytes) -> None:
    try:
        form = dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=50))
    except ValueError:
        raise AwsError("InvalidAction", "The form has more than 50 fields: use GetCallerIdentity") from None
    action, version = form.get("Action", ""), form.get("Version", "")
    if (action, version) != ("GetCallerIdentity", VERSION):
        raise AwsError(
            "InvalidAction",
            f"Could not find operation {action[:100]} for version {version[:20]}: use GetCallerIdentity",
        )


def _answer(account: str, arn: str, user_id: str, request_id: str) -> bytes:
    return (
        f'<GetCallerIdentityResponse xmlns="{NAMESPACE}"><GetCallerIdentityResult>'
        f"<Arn>{escape(arn)}</Arn><UserId>{escape(user_id)}</UserId><Account>{escape(account)}</Account>"
        f"</GetCallerIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        "</GetCallerIdentityResponse>"
    ).encode()


def _error(code: str, message: str, request_id: str, fault: str) -> bytes:
    return (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{fault}</Type><Code>{escape(code)}</Code>'
        f"<Message>{escape(message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()
