"""Who may use `/_stateward/…`: access keys by SigV4 or HTTP Basic, by their roles (D62), anybody under `--auth open`
(D47)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stateward.access import roles
from stateward.access.authentication import Authenticator
from stateward.access.principals import Principal
from stateward.api import requests
from stateward.api.requests import MAX_BODY
from stateward.wire.errors import AwsError


class Door:
    """Lets in who has the role for it, and keeps strangers out."""

    def __init__(self, authenticator: Authenticator, *, allowed_hosts: tuple[str, ...]) -> None:
        self._authenticator = authenticator
        self._allowed_hosts = allowed_hosts

    async def enter(
        self, request: Request, wish: str, needed: str = roles.ADMINISTRATOR
    ) -> tuple[Principal | None, bytes]:
        """Who asks (None: anybody, under `--auth open`), and the body. `wish` needs at least the role `needed`.

        Raises AwsError: a stranger, a wrong key, another role, a body that is too large, or a POST that is not JSON.
        """
        headers = requests.headers_of(request.scope)
        requests.refuse_strangers(request.scope, headers, self._allowed_hosts)
        body = await requests.body_of(request.receive, MAX_BODY)
        principal = None if self._authenticator.is_open else await self._admitted(request, headers, body, wish, needed)
        if request.method == "POST" and not headers.get("content-type", "").startswith("application/json"):
            raise AwsError("ValidationException", "The Content-Type must be application/json", 415)
        return principal, body

    async def _admitted(
        self, request: Request, headers: dict[str, str], body: bytes, wish: str, needed: str
    ) -> Principal:
        try:
            principal = await self._authenticated(request, headers, body)
        except AwsError as error:
            raise AwsError(error.code, error.message, 401 if error.status == 400 else error.status) from error
        roles.require(principal, wish, needed, 403)
        requests.authenticated(request.scope)
        return principal

    async def _authenticated(self, request: Request, headers: dict[str, str], body: bytes) -> Principal:
        authorization = headers.get("authorization", "")
        if authorization.startswith("Basic "):
            return await self._authenticator.by_password(authorization)
        signed = requests.signed_request(request.scope, headers, body)
        return await self._authenticator.by_signature(signed, "stateward", ("host", "x-amz-date"))


def error_body(error: AwsError) -> dict[str, Any]:
    """An error as these routes put it into JSON."""
    return {"error": error.code, "message": error.message}


def refusal(error: AwsError) -> Response:
    """The answer to a request that cannot be carried out; who is not known is told how to say who it is."""
    challenge = {"www-authenticate": 'Basic realm="stateward"'} if error.status == 401 else None
    return JSONResponse(error_body(error), error.status, challenge)
