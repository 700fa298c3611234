"""aws:refreshAssociation: the server starts the runs once this command has succeeded (D31)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stateward.agent.plugins.step import StepEnd, StepSetting, failed


async def run(inputs: Mapping[str, Any], setting: StepSetting) -> StepEnd:
    """Say in the official agent's words what was asked for; the server is the only scheduler (D53)."""
    given = inputs.get("associationIds") or []
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        return failed(f"associationIds must be a list of association ids, not {str(given)[:60]}")
    wanted = [one for one in given if one]
    which = f"Associations [{' '.join(wanted)}]" if wanted else "All associations"
    return StepEnd("Success", 0, f"{which} have been requested to execute immediately")
