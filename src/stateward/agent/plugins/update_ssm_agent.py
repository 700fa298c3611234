"""aws:updateSsmAgent: updates the official agent, which this one is not (D51)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stateward.agent.machine import AGENT_NAME
from stateward.agent.plugins.step import StepEnd, StepSetting


async def run(inputs: Mapping[str, Any], setting: StepSetting) -> StepEnd:
    """Skip the step."""
    reason = f"Step skipped: this node runs {AGENT_NAME}, which `stateward agent update` updates."
    return StepEnd("Skipped", 0, reason=reason)
