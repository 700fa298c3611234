"""aws:runShellScript: the step's commands under /bin/sh (spec 5.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stateward.agent.plugins.scripts import run_script
from stateward.agent.plugins.step import StepEnd, StepSetting


async def run(inputs: Mapping[str, Any], setting: StepSetting) -> StepEnd:
    """Run the commands as one script."""
    return await run_script(inputs, setting, ("/bin/sh",), "_script.sh")
