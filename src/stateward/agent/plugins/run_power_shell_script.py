"""aws:runPowerShellScript: the step's commands under pwsh, on nodes that have it (spec 5.5, D51)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from stateward.agent.plugins.scripts import run_script
from stateward.agent.plugins.step import StepEnd, StepSetting, failed

PROGRAM = "pwsh"
_OPTIONS = ("-NoLogo", "-NoProfile", "-NonInteractive", "-File")


def is_there(search_path: str) -> bool:
    """Whether this node has PowerShell; it can be installed while the agent runs."""
    return shutil.which(PROGRAM, path=search_path) is not None


async def run(inputs: Mapping[str, Any], setting: StepSetting) -> StepEnd:
    """Run the commands as one script."""
    program = shutil.which(PROGRAM, path=setting.environment["PATH"])
    if program is None:
        return failed(f"{PROGRAM} is not on this node any more")
    return await run_script(inputs, setting, (program, *_OPTIONS), "_script.ps1")
