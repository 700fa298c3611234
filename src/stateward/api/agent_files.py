"""`GET /agent/…`: what a machine needs to become a node, to anybody who asks; there are no secrets in it (design 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from stateward.agent import packing
from stateward.agent.updating import DIGEST_HEADER, ROUTE
from stateward.api import requests, wheel
from stateward.wire.errors import AwsError

ZIPAPP = ROUTE.rpartition("/")[2]
log = structlog.get_logger("stateward.api")


class AgentFiles:
    """The agent as a zip-app and as a wheel, made from this installation when first asked for, and the server's CA.

    `folder` holds the files, `ca` is the certificate that nodes are to trust, `endpoint` where they are to go.
    """

    def __init__(self, folder: Path, ca: Path | None, endpoint: str | None, allowed_hosts: Sequence[str]) -> None:
        self._folder = folder
        self._ca = ca
        self._endpoint = endpoint
        self._allowed_hosts = allowed_hosts
        self._digests: dict[str, str] = {}
        self._making = asyncio.Lock()

    @property
    def routes(self) -> list[Route]:
        paths = {
            "/agent/": self._page,
            "/agent/manifest.json": self._manifest,
            "/agent/ca.pem": self._ca_file,
            ROUTE: self._zipapp,
            f"/agent/{wheel.wheel_name()}": self._wheel,
        }
        return [Route(path, self._guarded(answer), methods=["GET"]) for path, answer in paths.items()]

    def _guarded(self, answer: Callable[[], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            try:
                requests.refuse_strangers(request.scope, requests.headers_of(request.scope), self._allowed_hosts)
                return await answer()
            except AwsError as error:
                return PlainTextResponse(f"{error.message}\n", error.status)
            except OSError as error:
                log.exception("what nodes install could not be made")
                return PlainTextResponse(f"The server cannot make this file ({error.strerror}).\n", 500)

        return handle

    async def _page(self) -> Response:
        """Links for people, and for `pip --find-links`."""
        name = wheel.wheel_name()
        link = f'<a href="{name}#sha256={await self._digest(name)}">{name}</a>'
        other = "".join(f'<br><a href="{one}">{one}</a>' for one in (ZIPAPP, "manifest.json", *self._ca_name()))
        return HTMLResponse(f"<!doctype html><title>Stateward's agent</title>{link}{other}\n")

    async def _manifest(self) -> Response:
        """What there is, for programs: `stateward nodes activate` prints it as commands."""
        name = wheel.wheel_name()
        told: dict[str, Any] = {
            "version": version("stateward"),
            "endpoint": self._endpoint,
            "ca": next(iter(self._ca_name()), None),
            "wheel": name,
            "zipapp": ZIPAPP,
            "zipapp_for": packing.wanted(),
        }
        return JSONResponse(told)

    async def _ca_file(self) -> Response:
        if self._ca is None or not self._ca.is_file():
            return PlainTextResponse("This server has no CA of its own.\n", 404)
        return FileResponse(self._ca, media_type="application/x-pem-file")

    async def _zipapp(self) -> Response:
        return await self._file(ZIPAPP, "application/octet-stream")

    async def _wheel(self) -> Response:
        return await self._file(wheel.wheel_name(), "application/octet-stream")

    async def _file(self, name: str, media_type: str) -> Response:
        headers = {DIGEST_HEADER: await self._digest(name)}
        return FileResponse(self._folder / name, media_type=media_type, headers=headers)

    async def _digest(self, name: str) -> str:
        """The SHA-256 of a file, which is there then."""
        async with self._making:
            if name not in self._digests or not (self._folder / name).is_file():
                self._digests[name] = await asyncio.to_thread(self._make, name)
        return self._digests[name]

    def _make(self, name: str) -> str:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / name
        return packing.pack(path).sha256 if name == ZIPAPP else wheel.build(path)

    def _ca_name(self) -> list[str]:
        return ["ca.pem"] if self._ca is not None and self._ca.is_file() else []
