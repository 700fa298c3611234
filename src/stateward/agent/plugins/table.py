"""The plugins of this agent by the names that documents use (spec 5.5)."""

from __future__ import annotations

from collections.abc import Mapping

from stateward.agent.plugins import (
    download_content,
    refresh_association,
    run_document,
    run_power_shell_script,
    run_shell_script,
    software_inventory,
    update_ssm_agent,
)
from stateward.agent.plugins.step import Plugin

POWER_SHELL = "aws:runPowerShellScript"
PLUGINS: Mapping[str, Plugin] = {
    "aws:runShellScript": run_shell_script.run,
    POWER_SHELL: run_power_shell_script.run,
    "aws:runDocument": run_document.run,
    "aws:downloadContent": download_content.run,
    "aws:softwareInventory": software_inventory.run,
    "aws:refreshAssociation": refresh_association.run,
    "aws:updateSsmAgent": update_ssm_agent.run,
}


def available(search_path: str) -> frozenset[str]:
    """The plugins that work on this node, as it is now; a step with any other one fails (D51)."""
    missing = () if run_power_shell_script.is_there(search_path) else (POWER_SHELL,)
    return frozenset(PLUGINS.keys() - missing)
