"""Style sheet and scripts: part of the package, at addresses that change with their content."""

from __future__ import annotations

import gzip
import hashlib
from importlib.resources import files

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

PREFIX = "/console/assets"
TYPES = {
    "style.css": "text/css; charset=utf-8",
    "map.css": "text/css; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "map.js": "text/javascript; charset=utf-8",
    "keys.js": "text/javascript; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "htmx.LICENSE.txt": "text/plain; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
FOR_EVER = "public, max-age=31536000, immutable"


class Asset(msgspec.Struct, frozen=True):
    name: str
    content: bytes
    packed: bytes
    digest: str

    @property
    def url(self) -> str:
        return f"{PREFIX}/{self.digest[:16]}/{self.name}"


class Assets:
    """Every asset, read once."""

    def __init__(self) -> None:
        folder = files("stateward.console") / "assets"
        self._assets = {name: _asset(name, (folder / name).read_bytes()) for name in TYPES}

    def url(self, name: str) -> str:
        """Where an asset is: a new address whenever its content is another."""
        return self._assets[name].url

    def text(self, name: str) -> str:
        return self._assets[name].content.decode()

    async def answer(self, request: Request) -> Response:
        """`GET /console/assets/{digest}/{name}`; an old digest gets today's content, but not for ever."""
        asset = self._assets.get(request.path_params["name"])
        if asset is None:
            return PlainTextResponse("There is no such asset.\n", 404)
        current = request.path_params["digest"] == asset.digest[:16]
        headers = {
            "etag": f'"{asset.digest}"',
            "cache-control": FOR_EVER if current else "no-cache",
            "vary": "accept-encoding",
            "x-content-type-options": "nosniff",
        }
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        body = asset.content
        if "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["content-encoding"] = asset.packed, "gzip"
        return Response(body, headers=headers, media_type=TYPES[asset.name])


def _asset(name: str, content: bytes) -> Asset:
    return Asset(name, content, gzip.compress(content, 9, mtime=0), hashlib.sha256(content).hexdigest())
