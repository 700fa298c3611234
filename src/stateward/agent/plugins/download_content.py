"""aws:downloadContent: files from elsewhere, put where the document wants them (spec 5.5)."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from stateward.agent.client import CallFailed
from stateward.agent.downloads import from_document, from_git, from_github, from_s3, from_web, placing
from stateward.agent.downloads.fetching import Budget, Fetched, Info, Order
from stateward.agent.plugins.calling_off import CalledOff, unless_called_off
from stateward.agent.plugins.step import NO_PROCESS, StepEnd, StepFailed, StepSetting, failed

SOURCES: Mapping[str, Callable[[Order], Awaitable[Fetched]]] = {
    "GitHub": from_github.fetch,
    "Git": from_git.fetch,
    "HTTP": from_web.fetch,
    "S3": from_s3.fetch,
    "SSMDocument": from_document.fetch,
}
_CHECKSUM = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")


async def run(inputs: Mapping[str, Any], setting: StepSetting) -> StepEnd:
    """Fetch into a folder of the step's own, then move what came to its place."""
    budget = Budget(setting.sources.most_bytes, setting.sources.most_files)
    staging = setting.own_folder / "download"
    try:
        setting.began(*NO_PROCESS)
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        return await unless_called_off(_fetched(inputs, setting, staging, budget), setting)
    except CalledOff as called_off:
        return called_off.end
    except (StepFailed, CallFailed, OSError) as error:
        return failed(str(error))
    finally:
        budget.close()
        await asyncio.to_thread(shutil.rmtree, staging, ignore_errors=True)


async def _fetched(inputs: Mapping[str, Any], setting: StepSetting, staging: Path, budget: Budget) -> StepEnd:
    kind = inputs.get("sourceType")
    source = SOURCES.get(kind) if isinstance(kind, str) else None
    if source is None:
        raise StepFailed(f"invalid input: Unsupported source type {str(kind)[:60]!r}, use {', '.join(SOURCES)}")
    info = Info(inputs.get("sourceInfo"), setting)
    checksum = _checksum(info)
    fetched = await source(Order(info, staging, budget, setting))
    if checksum:
        await asyncio.to_thread(_check, fetched, checksum)
    given = inputs.get("destinationPath")
    folder, name = placing.destination_of(given, setting.folder, fetched)
    await asyncio.to_thread(placing.place, fetched, folder, name)
    where = given if given and given.startswith("/") else str(folder / name)
    return StepEnd("Success", 0, f"Content downloaded to {where}")


def _checksum(info: Info) -> str:
    text = info.text("checksum")
    found = _CHECKSUM.fullmatch(text)
    if text and found is None:
        raise StepFailed("sourceInfo.checksum: use sha256:<64 hexadecimal digits>")
    return found[1].lower() if found else ""


def _check(fetched: Fetched, expected: str) -> None:
    if not fetched.is_file:
        raise StepFailed("sourceInfo.checksum is of one file, and this is a folder")
    with (fetched.folder / fetched.file_name).open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise StepFailed(f"the content has the SHA-256 {found}, not the expected {expected}")
