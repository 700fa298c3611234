"""Signing in and out with an access key: over TLS or from this machine, five tries a minute."""

from __future__ import annotations

import base64
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from stateward.access import store
from stateward.access.principals import Principal, Scope
from stateward.api import requests
from stateward.config import REGION, is_loopback
from stateward.console.attempts import Attempts
from stateward.console.look import look_of
from stateward.console.rendering import Renderer
from stateward.console.services import Services
from stateward.console.session import COOKIE, LONGEST_MS, RENEW_MS, Session, Sessions
from stateward.wire.errors import AwsError

SIGN_IN = "/console/sign-in"
NOT_HERE = (
    "Signing in sends the key's secret, so it works over TLS or from the server's own machine only. Open this page by "
    "its https address, or through a tunnel: ssh -L 8390:127.0.0.1:8390 <server>"
)
WRONG = "The access key or its secret is wrong."
log = structlog.get_logger("stateward.console")


class SignIn:
    """The door of the console: from a cookie to a principal, and from a secret to a cookie."""

    def __init__(self, services: Services, renderer: Renderer) -> None:
        self._services = services
        self._renderer = renderer
        self.sessions = Sessions(services.master)
        self._attempts = Attempts()

    def session_of(self, request: Request) -> Session | None:
        cookie = request.cookies.get(COOKIE)
        return None if cookie is None else self.sessions.open(cookie, self._services.clock.wall())

    async def principal_of(self, session: Session, region: str) -> Principal | None:
        """Who the session is; None when the key has been revoked, or has another secret now."""
        async with self._services.db.reading() as tx:
            key = await store.access_key(tx, session.access_key_id)
        if key is None or not self.sessions.is_of(session, self._services.authenticator.secret_of(key)):
            return None
        return Principal("key", key.access_key_id, Scope(key.account_id, region), key.role)

    async def show(self, request: Request) -> Response:
        """GET: the form. Under `--auth open` there is nothing to sign in to."""
        if self._services.is_open:
            return RedirectResponse(next_of(request, self._services), 303)
        return self._form(request)

    async def enter(self, request: Request, fields: dict[str, list[str]]) -> Response:
        """POST: a cookie for a right secret."""
        key_id, secret = (fields.get(name, [""])[0].strip() for name in ("key", "secret"))
        address = requests.source_of(request.scope)
        if not is_private(request):
            return self._form(request, key_id, NOT_HERE, 403, fields)
        wait_s = self._attempts.wait_s(key_id, address, self._services.clock.wall())
        if wait_s:
            log.warning("sign-in refused", reason="too many tries", key=key_id[:20], address=address)
            problem = f"Five tries a minute: this key can be tried again in {wait_s} s."
            answer = self._form(request, key_id, problem, 429, fields)
            answer.headers["retry-after"] = str(wait_s)
            return answer
        try:
            basic = base64.b64encode(f"{key_id}:{secret}".encode()).decode()
            principal = await self._services.authenticator.by_password(f"Basic {basic}")
        except AwsError as error:
            log.warning("sign-in refused", reason=error.code, key=key_id[:20], address=address)
            return self._form(request, key_id, WRONG, 403, fields)
        self._attempts.forget(key_id, address)
        log.info("signed in", key=principal.name, address=address)
        answer = RedirectResponse(next_of(request, self._services, fields), 303)
        self.write(answer, request, self.sessions.begin(principal.name, secret, self._services.clock.wall()))
        return answer

    async def leave(self, request: Request) -> Response:
        """POST: the cookie goes."""
        answer = RedirectResponse(SIGN_IN, 303)
        answer.delete_cookie(COOKIE, path="/console", httponly=True, samesite="strict", secure=is_secure(request))
        return answer

    def renew(self, answer: Response, request: Request, session: Session) -> None:
        """A page was asked for: the hour of idleness begins anew."""
        wall_ms = self._services.clock.wall()
        if wall_ms - session.seen_ms >= RENEW_MS:
            self.write(answer, request, session.seen(wall_ms))

    def write(self, answer: Response, request: Request, session: Session) -> None:
        age_s = (session.begun_ms + LONGEST_MS - self._services.clock.wall()) // 1000
        answer.set_cookie(
            COOKIE,
            self.sessions.seal(session),
            max_age=age_s,
            path="/console",
            httponly=True,
            samesite="strict",
            secure=is_secure(request),
        )

    def _form(
        self,
        request: Request,
        key_id: str = "",
        problem: str = "",
        status: int = 200,
        fields: dict[str, list[str]] | None = None,
    ) -> Response:
        context: dict[str, Any] = {
            "key_id": key_id,
            "problem": problem or ("" if is_private(request) else NOT_HERE),
            "usable": is_private(request),
            "next": next_of(request, self._services, fields),
            "look": look_of(request.cookies),
        }
        return HTMLResponse(self._renderer.page("sign_in.html", **context), status)


def is_secure(request: Request) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy."""
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto", "") == "https"


def is_private(request: Request) -> bool:
    """Whether nobody on the way can read the secret: TLS, or a connection from this machine."""
    return request.url.scheme == "https" or is_loopback(requests.source_of(request.scope))


def next_of(request: Request, services: Services, fields: dict[str, list[str]] | None = None) -> str:
    """Where to go after the sign-in: a page of this console and nothing else."""
    wanted = (fields or {}).get("next", [""])[0] or request.query_params.get("next", "")
    parts = wanted.partition("?")[0].split("/")
    inside = len(parts) > 3 and parts[:2] == ["", "console"] and bool(REGION.fullmatch(parts[2])) and "\\" not in wanted
    if not inside or not wanted.isprintable() or wanted.startswith(SIGN_IN):
        return f"/console/{services.config.region}/"
    return wanted
