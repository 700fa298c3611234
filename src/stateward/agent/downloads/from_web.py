"""sourceType HTTP: one file (spec 5.5)."""

from __future__ import annotations

from urllib.parse import unquote

import httpx

from stateward.agent.downloads import placing, web
from stateward.agent.downloads.fetching import Fetched, Order
from stateward.agent.plugins.step import StepFailed

_METHODS = ("None", "Basic", "Digest")


async def fetch(order: Order) -> Fetched:
    """Download the file that `url` names, with authentication if asked for."""
    info = order.info
    insecure = info.flag("allowInsecureDownload")
    url = web.checked_address(info.required("url"), insecure=insecure)
    async with web.new_http() as http:
        name = _file_name(url)
        auth = await _auth(order)
        await web.download(http, url, order.folder / name, order.budget, auth=auth, insecure=insecure)
    return Fetched(order.folder, name)


async def _auth(order: Order) -> httpx.Auth | None:
    method = order.info.text("authMethod") or "None"
    if method not in _METHODS:
        raise StepFailed(f"sourceInfo.authMethod {method[:60]!r}: use {', '.join(_METHODS)}")
    if method == "None":
        return None
    name, password = await order.info.secret("username"), await order.info.secret("password")
    return httpx.BasicAuth(name, password) if method == "Basic" else httpx.DigestAuth(name, password)


def _file_name(url: httpx.URL) -> str:
    name = unquote(url.raw_path.decode("ascii").partition("?")[0].rpartition("/")[2])
    parts = placing.parts_of(name) if name else ("download",)
    if len(parts) != 1:
        raise StepFailed(f"the address {web.shown(url)} ends with no file name")
    return parts[0][:200]
