"""A step's commands as one script file that an interpreter runs (spec 5.5, D28)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stateward.agent.plugins import running
from stateward.agent.plugins.step import KILLED_CODE, RESTARTED, RESTARTED_CODE, StepEnd, StepSetting, failed
from stateward.documents.flow import LEAVE_WITH_SUCCESS, REBOOT
from stateward.documents.interpolation import REFERENCE

_SPEAKING_CODES = (LEAVE_WITH_SUCCESS, *REBOOT)


class UnusableInput(ValueError):
    """An input that the script cannot be run with; the text says what would be right."""


async def run_script(
    inputs: Mapping[str, Any], setting: StepSetting, interpreter: Sequence[str], file_name: str
) -> StepEnd:
    """Run the script to its end, its time-out or an interruption."""
    try:
        script = _write_script(setting.own_folder / file_name, _script(inputs.get("runCommand")))
        folder = _folder(inputs.get("workingDirectory"), setting.folder)
        ended = await running.run([*interpreter, str(script)], folder, setting.environment, setting, live=True)
    except (OSError, ValueError) as error:
        return failed(f"failed to run commands: {error}")
    status, code, reason = _judged(ended, setting.interruption.reason)
    errors = ended.standard_error
    if reason:
        added = ("\n" if errors and not errors.endswith("\n") else "") + reason
        errors += added
        if setting.live is not None:
            setting.live.add("stderr", added.encode())
    return StepEnd(status, code, ended.standard_output, errors, ended.overflowed)


def _judged(ended: running.Ended, interrupted: str) -> tuple[str, int, str]:
    """Status, code and what is added to standard error (node protocol 5.7)."""
    code = ended.code
    if ended.timed_out:
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


def _write_script(path: Path, script: str) -> Path:
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
