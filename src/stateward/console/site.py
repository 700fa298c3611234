"""The console as a web application: who may come in, which page answers, and what every answer carries."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from stateward import ids
from stateward.access.principals import Principal, Scope, administrator
from stateward.api import requests
from stateward.api.requests import MAX_BODY
from stateward.config import REGION
from stateward.console.assets import PREFIX, Assets
from stateward.console.look import look_of
from stateward.console.map_of_site import PAGES
from stateward.console.navigation import NAVIGATION
from stateward.console.rendering import Renderer
from stateward.console.services import Services
from stateward.console.session import Session
from stateward.console.sign_in import SIGN_IN, SignIn
from stateward.console.visit import Page, View, Visit, form_of, status_of
from stateward.wire.errors import AwsError

POLICY = (
    "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
LIVE_HEADER = "x-stateward-live"
"""On what a page fetches by itself: it is no sign that somebody is there."""
SHORT_FORMS = {"a": "associations", "e": "executions", "n": "nodes"}
Handler = Callable[[Request], Awaitable[Response]]
log = structlog.get_logger("stateward.console")


@functools.cache
def _made_once() -> tuple[Assets, Renderer]:
    """What every server of a process shows alike; packing and compiling it is most of the time of a server's start."""
    assets = Assets()
    return assets, Renderer(assets, NAVIGATION)


class Console:
    """Everything below `/console`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._assets, self._renderer = _made_once()
        self._sign_in = SignIn(services, self._renderer)

    @property
    def routes(self) -> list[Route]:
        pages = [Route(f"/console/{{region}}{page.path}", self._page(page), methods=_methods(page)) for page in PAGES]
        return [
            Route(f"{PREFIX}/{{digest}}/{{name}}", self._guarded(self._assets.answer), methods=["GET"]),
            Route("/console", self._guarded(self._home), methods=["GET"]),
            Route("/console/", self._guarded(self._home), methods=["GET"]),
            Route(SIGN_IN, self._guarded(self._signing_in), methods=["GET", "POST"]),
            Route("/console/sign-out", self._guarded(self._signing_out), methods=["POST"]),
            Route("/console/{region}", self._guarded(self._home), methods=["GET"]),
            *(
                Route(f"/console/{letter}/{{wanted:path}}", self._guarded(self._short), methods=["GET"])
                for letter in SHORT_FORMS
            ),
            *pages,
            Route("/console/{region}/{rest:path}", self._page(Page("", _nothing_here)), methods=["GET"]),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        """Strangers are refused, what goes wrong becomes a page, and every answer carries the headers."""

        async def handle(request: Request) -> Response:
            try:
                requests.refuse_strangers(request.scope, requests.headers_of(request.scope), self._services.hosts)
                answer = await handler(request)
            except AwsError as error:
                answer = self._error(request, error)
            except Exception:
                request_id = ids.new_uuid()
                log.exception("page failed", path=request.url.path, request_id=request_id)
                failed = AwsError("InternalServerError", "The page could not be made; the server's log says why.", 500)
                answer = self._error(request, failed, request_id)
            for name, value in HEADERS.items():
                answer.headers.setdefault(name, value)
            answer.headers.setdefault("cache-control", "no-store")
            return answer

        return handle

    def _page(self, page: Page) -> Handler:
        async def handle(request: Request) -> Response:
            region = request.path_params["region"]
            if not REGION.fullmatch(region):
                raise AwsError("NotFound", f"{region[:100]!r} is no region.", 404)
            session, principal = await self._who(request, region)
            if principal is None:
                return _to_sign_in(request)
            requests.authenticated(request.scope)
            view, form = page.get, {}
            if request.method == "POST":
                form = await self._form(request, session)
                assert page.post is not None, "only pages with a form are routed for POST"
                view = page.post
            answer = await self._answer(request, session, principal, view, form)
            if session is not None and LIVE_HEADER not in request.headers:
                self._sign_in.renew(answer, request, session)
            return answer

        return self._guarded(handle)

    async def _answer(
        self, request: Request, session: Session | None, principal: Principal, view: View, form: dict[str, list[str]]
    ) -> Response:
        visit = Visit(
            request,
            principal,
            self._services,
            self._renderer,
            look_of(request.cookies),
            csrf=self._sign_in.sessions.csrf(session),
            form=form,
        )
        try:
            answer: Response = await view(visit)
        except AwsError as error:
            context = {"error": error, "back": request.method == "POST"}
            title = "Not found" if status_of(error) == 404 else error.code
            return visit.page("error.html", title, status=status_of(error), **context)
        return answer

    async def _who(self, request: Request, region: str) -> tuple[Session | None, Principal | None]:
        if self._services.is_open:
            return None, administrator("open", Scope(self._services.config.account_id, region))
        session = self._sign_in.session_of(request)
        return session, None if session is None else await self._sign_in.principal_of(session, region)

    async def _form(self, request: Request, session: Session | None) -> dict[str, list[str]]:
        """The form that was sent, from this site and by this session. Raises AwsError."""
        fields = await _own_form(request)
        if fields.get("csrf", [""])[0] != self._sign_in.sessions.csrf(session):
            raise AwsError("AccessDeniedException", "This form belongs to another session. Open its page again.", 403)
        return fields

    async def _home(self, request: Request) -> Response:
        region = request.path_params.get("region", self._services.config.region)
        return RedirectResponse(f"/console/{quote(region, safe='')}/", 302)

    async def _short(self, request: Request) -> Response:
        section = SHORT_FORMS[request.url.path.split("/")[2]]
        wanted = quote(request.path_params["wanted"], safe="")
        return RedirectResponse(f"/console/{self._services.config.region}/{section}/{wanted}", 302)

    async def _signing_in(self, request: Request) -> Response:
        if request.method == "GET":
            return await self._sign_in.show(request)
        return await self._sign_in.enter(request, await _own_form(request))

    async def _signing_out(self, request: Request) -> Response:
        await self._form(request, self._sign_in.session_of(request))
        return await self._sign_in.leave(request)

    def _error(self, request: Request, error: AwsError, request_id: str = "") -> Response:
        context: dict[str, Any] = {"error": error, "request_id": request_id, "look": look_of(request.cookies)}
        return HTMLResponse(self._renderer.page("refused.html", **context), error.status)


async def _own_form(request: Request) -> dict[str, list[str]]:
    """A form that one of our pages has sent. Raises AwsError."""
    # refuse_strangers has compared an Origin with the Host; browsers send one with every POST.
    if "origin" not in request.headers:
        raise AwsError("AccessDeniedException", "A form must say which Origin it comes from.", 403)
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise AwsError("ValidationException", "A form must be application/x-www-form-urlencoded.", 415)
    return form_of(await requests.body_of(request.receive, MAX_BODY))


def _to_sign_in(request: Request) -> Response:
    """Ask for a key; a fragment's page goes there as a whole."""
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"hx-redirect": f"{SIGN_IN}?next={quote(address, safe='')}"})
    if request.method == "POST":
        return RedirectResponse(SIGN_IN, 303)
    if request.headers.get("sec-fetch-site") == "cross-site":
        # The cookie does not come along from another site; from this answer it does.
        return HTMLResponse('<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0"><p>Loading')
    return RedirectResponse(f"{SIGN_IN}?next={quote(address, safe='')}", 303)


async def _nothing_here(visit: Visit) -> Response:
    raise AwsError("NotFound", f"There is no page at {visit.request.url.path[:200]}.", 404)


def _methods(page: Page) -> list[str]:
    return ["GET"] if page.post is None else ["GET", "POST"]
