"""Files over HTTP: streamed to the disk, within a budget, over redirects that stay safe."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import httpx

from stateward.agent.downloads.fetching import Budget
from stateward.agent.plugins.step import StepFailed

CONNECT_S = 15.0
SILENCE_S = 60.0
MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_PIECE = 64 * 1024


class HttpRefused(StepFailed):
    """The other side answered with an error."""

    def __init__(self, address: str, status: int, told: str) -> None:
        super().__init__(f"{address}: HTTP {status}{f' {told}' if told else ''}")
        self.status = status


def new_http() -> httpx.AsyncClient:
    """A client of its own for one step; proxies and certificates come from the environment."""
    limits = httpx.Timeout(SILENCE_S, connect=CONNECT_S)
    return httpx.AsyncClient(timeout=limits, verify=ssl.create_default_context(), follow_redirects=False)


def checked_address(text: str, *, insecure: bool) -> httpx.URL:
    """An http(s) address; StepFailed for anything else, and for plain http unless it is allowed."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise StepFailed(f"the address {text[:200]!r}: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise StepFailed(f"the address {text[:200]!r}: use https://host/path")
    if url.scheme == "http" and not insecure:
        raise StepFailed(f"the address {shown(url)} is not secure: use https, or allowInsecureDownload")
    return url


async def download(
    http: httpx.AsyncClient,
    url: httpx.URL,
    target: Path,
    budget: Budget,
    *,
    headers: Mapping[str, str] | None = None,
    auth: httpx.Auth | None = None,
    insecure: bool = False,
) -> None:
    """Write what a GET answers to a new file. Raises StepFailed, HttpRefused, OSError.

    Headers and credentials go to the first origin only.
    """
    origin = _origin(url)
    for _ in range(MOST_REDIRECTS + 1):
        own = _origin(url) == origin
        try:
            sent = {"accept-encoding": "identity", **((headers or {}) if own else {})}
            answer = await http.send(
                http.build_request("GET", url, headers=sent), stream=True, auth=auth if own else None
            )
            try:
                if answer.status_code not in _REDIRECTS or "location" not in answer.headers:
                    await _store(answer, url, target, budget)
                    return
                url = checked_address(str(url.join(answer.headers["location"])), insecure=insecure)
            finally:
                await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise StepFailed(f"{shown(url)}: no answer ({str(error) or type(error).__name__})") from error
    raise StepFailed(f"{shown(url)}: more than {MOST_REDIRECTS} redirects")


async def read(http: httpx.AsyncClient, url: httpx.URL, headers: Mapping[str, str], most_bytes: int) -> bytes:
    """What a GET answers, in memory; redirects are errors. Raises StepFailed and HttpRefused."""
    body = bytearray()
    try:
        async with http.stream("GET", url, headers=headers) as answer:
            if answer.status_code != 200:
                raise HttpRefused(shown(url), answer.status_code, answer.reason_phrase)
            async for piece in answer.aiter_bytes(_PIECE):
                body += piece
                if len(body) > most_bytes:
                    raise StepFailed(f"{shown(url)}: the answer is longer than {most_bytes} bytes")
    except httpx.HTTPError as error:
        raise StepFailed(f"{shown(url)}: no answer ({str(error) or type(error).__name__})") from error
    return bytes(body)


def shown(url: httpx.URL) -> str:
    """An address without what could be a secret in it."""
    return str(url.copy_with(query=None, fragment=None, username=None, password=None))[:300]


async def _store(answer: httpx.Response, url: httpx.URL, target: Path, budget: Budget) -> None:
    if answer.status_code != 200:
        raise HttpRefused(shown(url), answer.status_code, answer.reason_phrase)
    if int(answer.headers.get("content-length") or 0) > budget.left_bytes:
        raise StepFailed(f"{shown(url)} is larger than the {budget.left_bytes} bytes that this node still takes")
    budget.take_file()
    with _new_file(target) as file:
        async for piece in answer.aiter_raw(_PIECE):
            budget.take(len(piece))
            file.write(piece)


def _new_file(path: Path) -> BinaryIO:
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o700), "wb")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
