"""A newer agent from the server that the node belongs to."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx

from stateward.agent.durable import write_durably
from stateward.agent.reaching import NoTrust, is_in_clear, reason_of, trust

ROUTE = "/agent/stateward-agent.pyz"
DIGEST_HEADER = "x-stateward-sha256"
MOST_BYTES = 200 * 1024 * 1024
TIMEOUT_S = 60.0


class UpdateFailed(Exception):
    """The agent stays as it is; the text says why."""


async def fetch(endpoint: str, *, insecure: bool = False) -> bytes:
    """The zip-app that the server hands out, compared with the digest that it says. Raises UpdateFailed."""
    url = httpx.URL(endpoint).copy_with(path=ROUTE)
    if is_in_clear(endpoint) and not insecure:
        raise UpdateFailed(f"{endpoint} is not secure: anybody on the way could send another program, use https")
    return await _download(url)


def replace(program: Path, data: bytes) -> bool:
    """Put this in place of the zip-app that the agent runs from; whether it is another one. Raises UpdateFailed."""
    try:
        if program.read_bytes() == data:
            return False
        _try_out(program, data)
    except OSError as error:
        raise UpdateFailed(f"{program} cannot be replaced ({error})") from error
    return True


async def _download(url: httpx.URL) -> bytes:
    data = bytearray()
    try:
        tls = trust()
    except NoTrust as error:
        raise UpdateFailed(str(error)) from error
    try:
        async with (
            httpx.AsyncClient(timeout=TIMEOUT_S, verify=tls) as http,
            http.stream("GET", url) as answer,
        ):
            if answer.status_code == 404:
                raise UpdateFailed(f"the server at {url.copy_with(path='')} hands out no agent")
            if answer.status_code != 200:
                raise UpdateFailed(f"{url}: HTTP {answer.status_code}")
            async for piece in answer.aiter_bytes():
                data += piece
                if len(data) > MOST_BYTES:
                    raise UpdateFailed(f"{url}: larger than {MOST_BYTES} bytes, which no agent is")
            expected = answer.headers.get(DIGEST_HEADER, "").lower()
    except httpx.HTTPError as error:
        raise UpdateFailed(f"{url}: no answer ({reason_of(error, str(url))})") from error
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise UpdateFailed(f"{url}: what came has the SHA-256 {found}, the server says {expected or 'none'}")
    return bytes(data)


def _try_out(program: Path, data: bytes) -> None:
    """Put the new file in place once it has shown that it starts on this machine."""
    candidate = program.with_name(f".{program.name}.candidate")
    write_durably(candidate, data)
    try:
        if not zipfile.is_zipfile(candidate):
            raise UpdateFailed("what came is no zip-app")
        os.chmod(candidate, 0o755)
        tried = subprocess.run(
            [sys.executable, str(candidate), "agent", "--help"],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if tried.returncode != 0:
            raise UpdateFailed(f"the new agent does not start here: {tried.stderr.strip()[-500:]}")
        candidate.replace(program)
    except subprocess.TimeoutExpired as error:
        raise UpdateFailed("the new agent does not start here: it says nothing") from error
    finally:
        candidate.unlink(missing_ok=True)
