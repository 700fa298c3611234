"""What a plugin gets and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from stateward.agent.interruption import Interruption
from stateward.agent.processes import Drains

RESTARTED = "the agent was restarted while this step ran"
RESTARTED_CODE = -1
KILLED_CODE = 137


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSetting:
    """Where and how a step runs.

    `script_folder` is for the plugin's own files, `folder` where the step works unless told otherwise; `began` notes
    the process group (leader, birth) durably before anything of the step happens, and raises OSError if it cannot.
    """

    script_folder: Path
    folder: Path
    environment: Mapping[str, str]
    timeout_s: int
    interruption: Interruption
    drains: Drains
    began: Callable[[int, str], None]


class StepEnd(msgspec.Struct, frozen=True):
    """How a plugin ended."""

    status: str
    code: int
    standard_output: str = ""
    standard_error: str = ""
    overflowed: tuple[bool, bool] = (False, False)
