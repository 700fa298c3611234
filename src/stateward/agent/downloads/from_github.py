"""sourceType GitHub: a file or a folder out of a repository's archive (spec 5.5)."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import quote

from stateward.agent.downloads import placing, unpacking, web
from stateward.agent.downloads.fetching import Fetched, Order, options_of
from stateward.agent.plugins.step import StepFailed

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")


async def fetch(order: Order) -> Fetched:
    """Download the archive of a branch, a commit or the default branch, and take `path` out of it."""
    info = order.info
    owner, repository = (_name(info.required(member), member) for member in ("owner", "repository"))
    _, ref = options_of(info.text("getOptions"))
    path = info.text("path").strip("/")
    wanted = placing.parts_of(path) if path else ()
    base = order.setting.sources.github_url.rstrip("/")
    address = f"{base}/repos/{owner}/{repository}/tarball" + (f"/{quote(ref)}" if ref else "")
    insecure = base.startswith("http://")
    token = await info.secret("tokenInfo")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    archive, unpacked = order.folder / "archive.tar.gz", order.folder / "content"
    async with web.new_http() as http:
        url = web.checked_address(address, insecure=insecure)
        try:
            await web.download(http, url, archive, order.budget, headers=headers, insecure=insecure)
        except web.HttpRefused as error:
            if error.status != 404:
                raise
            raise StepFailed(
                f"{owner}/{repository} has no {ref or 'archive'}, or tokenInfo gives no access to it (HTTP 404)"
            ) from error
    name = await asyncio.to_thread(unpacking.unpack, archive, unpacked, wanted, order.budget)
    return Fetched(unpacked, name)


def _name(text: str, member: str) -> str:
    if not _NAME.fullmatch(text) or text in (".", ".."):
        raise StepFailed(f"sourceInfo.{member} {text[:60]!r}: use letters, digits, dots, _ and -")
    return text
