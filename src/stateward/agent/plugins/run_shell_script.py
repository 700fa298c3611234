"""aws:runShellScript: the step's commands as one script under /bin/sh (spec 5.5, D28)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stateward.agent.output import Capture
from stateward.agent.plugins.step import KILLED_CODE, RESTARTED, RESTARTED_CODE, StepEnd, StepSetting
from stateward.agent.processes import ScriptProcess
from stateward.documents.flow import LEAVE_WITH_SUCCESS, REBOOT
from stateward.documents.interpolation import REFERENCE

ACTION = "aws:runShellScript"
SCRIPT_FILE = "_script.sh"
_SPEAKING_CODES = (LEAVE_WITH_SUCCESS, *REBOOT)


class UnusableInput(ValueError):
    """An input that the script cannot be run with; the text says what would be right."""


async def run(inputs: Mapping[str, Any], setting: StepSetting) -> StepEnd:
    """Run the script to its end, its time-out or an interruption."""
    captures = (Capture(), Capture())
    try:
        script = _write_script(setting.script_folder, _script(inputs.get("runCommand")))
        folder = _folder(inputs.get("workingDirectory"), setting.folder)
        process = await ScriptProcess.start(script, folder, setting.environment, captures, setting.drains)
    except (OSError, ValueError) as error:
        return StepEnd("Failed", 1, standard_error=f"failed to run commands: {error}")
    try:
        setting.began(process.process_id, process.birth)
    except OSError as error:
        process.kill()
        await process.result()
        return StepEnd("Failed", 1, standard_error=f"failed to run commands: the journal cannot be written ({error})")
    process.release()
    timed_out = await _watched(process, setting)
    code = await process.result()
    output, errors = captures[0].text(), captures[1].text()
    status, code, reason = _judged(code, timed_out, setting.interruption.reason)
    if reason:
        errors += ("\n" if errors and not errors.endswith("\n") else "") + reason
    return StepEnd(status, code, output, errors, (captures[0].overflowed, captures[1].overflowed))


async def _watched(process: ScriptProcess, setting: StepSetting) -> bool:
    """Wait for the end, or bring it about; whether the time-out did."""
    ended = asyncio.ensure_future(process.ended())
    called = asyncio.ensure_future(setting.interruption.called())
    try:
        await asyncio.wait((ended, called), timeout=setting.timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            return False
        timed_out = not called.done()
        process.kill()
        await ended
        return timed_out
    finally:
        # Also when this task is cancelled: no step outlives its agent unwatched.
        process.kill()
        ended.cancel()
        called.cancel()


def _judged(code: int, timed_out: bool, interrupted: str) -> tuple[str, int, str]:
    """Status, code and what is added to standard error (node protocol 5.7)."""
    if timed_out:
        return "TimedOut", KILLED_CODE, ""
    if code == 0:
        return "Success", 0, ""
    if code < 0 and interrupted == "cancel":
        return "Cancelled", KILLED_CODE, ""
    if code < 0 and interrupted == "stop":
        return "Failed", RESTARTED_CODE, RESTARTED
    if code == -9:
        return "TimedOut", KILLED_CODE, "Killed\n"
    if code < 0:
        return "Failed", 128 - code, f"failed to run commands: signal {-code}"
    return "Failed", code, "" if code in _SPEAKING_CODES else f"failed to run commands: exit status {code}"


def _script(commands: Any) -> str:
    if isinstance(commands, str) and not REFERENCE.fullmatch(commands):
        commands = [commands]
    if isinstance(commands, list) and all(isinstance(line, str) for line in commands):
        return "".join(f"{line}\n" for line in commands)
    raise UnusableInput(f"runCommand must be a list of text lines, not {str(commands)[:60]}")


def _write_script(folder: Path, script: str) -> Path:
    path = folder / SCRIPT_FILE
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700)
    with open(descriptor, "wb") as file:
        file.write(script.encode())
    return path


def _folder(given: Any, default: Path) -> Path:
    if given is None or given == "":
        return default
    if not isinstance(given, str) or REFERENCE.fullmatch(given):
        raise UnusableInput(f"workingDirectory must be a path, not {str(given)[:60]}")
    folder = default / given
    if not folder.is_dir():
        raise UnusableInput(f"workingDirectory {given[:200]} is not a folder on this node")
    return folder
