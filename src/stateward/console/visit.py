"""A Visit: one request of somebody who is signed in, and all that a page needs to answer it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from stateward import ids
from stateward.access import roles
from stateward.access.principals import Principal, Scope
from stateward.api import requests
from stateward.console.command_lines import CommandLines, command_lines
from stateward.console.look import Look
from stateward.console.rendering import Renderer
from stateward.console.services import Services
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError

NOTICE_COOKIE = "stateward-notice"
LONGEST_NOTICE = 300
PAGE_SIZES = (10, 200)
DEFAULT_SIZE = 50
GONE = ("DoesNotExist", "NotFound", "InvalidDocument", "InvalidInstanceId", "InvalidCommandId", "InvalidActivationId")
"""Parts of error codes that say: what the address names is not there."""


class Visit:
    """Reads are `reading()` and `ask` with a reading operation; a change is an `ask` from a form."""

    def __init__(
        self,
        request: Request,
        principal: Principal,
        services: Services,
        renderer: Renderer,
        look: Look,
        *,
        csrf: str,
        form: dict[str, list[str]],
    ) -> None:
        self.request = request
        self.request_id = ids.new_uuid()
        self.principal = principal
        self.services = services
        self.look = look
        self.csrf = csrf
        self.form = form
        self._renderer = renderer

    @property
    def scope(self) -> Scope:
        return self.principal.scope

    @property
    def base(self) -> str:
        """`/console/{region}`: what every link begins with."""
        return f"/console/{self.scope.region}"

    @property
    def now_ms(self) -> int:
        """Domain time."""
        return self.services.clock.now()

    @property
    def endpoint(self) -> str:
        """This server as the browser reached it."""
        return f"{self.request.url.scheme}://{self.request.headers.get('host', '')}"

    @property
    def style_sheet(self) -> str:
        """The text of the style sheet: colours have no other source."""
        return self._renderer.style_sheet

    def tag(self, content: bytes) -> str:
        """An ETag of some content."""
        return f'"{hashlib.sha256(content).hexdigest()[:32]}"'

    # What was asked for

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    def query(self, name: str, default: str = "") -> str:
        return self.request.query_params.get(name, default)

    def queries(self, name: str) -> list[str]:
        return self.request.query_params.getlist(name)

    def field(self, name: str, default: str = "") -> str:
        """A field of the form that was sent."""
        return self.form.get(name, [default])[0].replace("\r\n", "\n")

    def fields(self, name: str) -> list[str]:
        return self.form.get(name, [])

    @property
    def size(self) -> int:
        """How many rows a page has: `?rows=`, from 10 to 200."""
        text = self.query("rows")
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else DEFAULT_SIZE
        return min(max(number, PAGE_SIZES[0]), PAGE_SIZES[1])

    @property
    def refresh_s(self) -> int:
        """`?refresh=5`: a page that comes anew by itself without scripts; 0 for one that does not."""
        text = self.query("refresh")
        return min(max(int(text), 5), 3600) if text.isascii() and text.isdecimal() and len(text) < 6 else 0

    def with_query(self, **changes: str | None) -> str:
        """This page's address with other parameters; None takes one away."""
        kept = [(name, value) for name, value in self.request.query_params.multi_items() if name not in changes]
        given = kept + [(name, value) for name, value in changes.items() if value not in (None, "")]
        query = urlencode([(name, value) for name, value in given if value is not None])
        return f"{self.request.url.path}?{query}" if query else self.request.url.path

    def url(self, *parts: str, **query: str | int | None) -> str:
        """An address of this region: `url("nodes", node_id, tab="x")`."""
        path = "/".join(quote(part, safe="") for part in parts)
        asked = urlencode({name: value for name, value in query.items() if value not in (None, "")})
        return f"{self.base}/{path}" + (f"?{asked}" if asked else "")

    # Reading and changing

    def reading(self) -> AbstractAsyncContextManager[Snapshot]:
        return self.services.db.reading()

    async def ask(self, operation: str, /, **members: Any) -> dict[str, Any]:
        """Do an API operation as the signed-in key: role, validation and audit hold. Raises AwsError.

        A form carries an id, so that sending it twice does its work once (D32).
        """
        given = {name: value for name, value in members.items() if value is not None}
        answer = await self.services.performer.perform(
            self.principal,
            operation,
            msgspec.json.encode(given),
            self.request_id,
            self.field("once") or None,
            requests.source_of(self.request.scope),
        )
        return answer.body

    def may(self, operation: str) -> bool:
        """Whether the key's role allows an operation."""
        return roles.allows(self.principal.role, self.role_for(operation))

    def role_for(self, operation: str) -> str:
        """The least role that may call an operation, for the button that is disabled."""
        return self.services.performer.needed_for(operation)

    def command(self, operation: str, /, **members: Any) -> CommandLines:
        """What the button does, as a command."""
        given = {name: value for name, value in members.items() if value is not None}
        return command_lines(operation, given, self.endpoint, self.scope.region)

    # Answering

    def page(self, template: str, title: str, /, *, status: int = 200, **context: Any) -> Response:
        """The page, or the block of it that a fragment's `HX-Target` names."""
        everything = {**self._everywhere(title), **context}
        target = self.request.headers.get("hx-target")
        if target is not None:
            block = self._renderer.fragment(template, target.replace("-", "_"), **everything)
            if block is not None:
                return HTMLResponse(block, status)
        answer = HTMLResponse(self._renderer.page(template, **everything), status)
        if NOTICE_COOKIE in self.request.cookies:
            answer.delete_cookie(NOTICE_COOKIE, path="/console", httponly=True, samesite="strict")
        return answer

    def see(self, address: str, notice: str = "") -> Response:
        """After a change: go on to a page, which shows the notice once."""
        answer = RedirectResponse(address, 303)
        if notice:
            said = quote(notice[:LONGEST_NOTICE], safe="")
            answer.set_cookie(NOTICE_COOKIE, said, max_age=60, path="/console", httponly=True, samesite="strict")
        return answer

    def _everywhere(self, title: str) -> dict[str, Any]:
        return {
            "visit": self,
            "title": title,
            "now_ms": self.now_ms,
            "zone": self.look.zone_info,
            "once": ids.new_uuid(),
            "problem": None,
            "notice": self.request.cookies.get(NOTICE_COOKIE, ""),
        }


View = Callable[[Visit], Any]


class Page(msgspec.Struct, frozen=True):
    """An address below `/console/{region}`, who answers GET, and who answers a form."""

    path: str
    get: View
    post: View | None = None


def previewed(names: Iterable[str]) -> str:
    """What a preview showed, as a short hash: the form carries it back."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:32]


def status_of(error: AwsError) -> int:
    """The HTTP status of a page that cannot be shown: 404 where the thing is not there."""
    if error.status == 400 and any(part in error.code for part in GONE):
        return 404
    return 403 if error.code == "AccessDeniedException" else error.status


def form_of(body: bytes) -> dict[str, list[str]]:
    """The fields of a form as it was sent. Raises AwsError for what is none."""
    fields: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=5_000)
    except ValueError as error:
        raise AwsError("ValidationException", "The form cannot be read.") from error
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields
