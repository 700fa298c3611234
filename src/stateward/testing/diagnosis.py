"""What is said of a test that failed, so that nobody has to run it again to see what the server did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stateward.testing.sandbox import StateManager

EXECUTIONS_SHOWN = 5
ASSOCIATIONS_SHOWN = 10
FAILED_STEPS_SHOWN = 5
OUTPUT_SHOWN = 300
RULES_SHOWN = 10
GOOD = ("Success", "Skipped", "Pending", "InProgress")


def describe(state_manager: StateManager) -> str:
    """The time, the fleet, the script, and of every association its latest executions and how they failed."""
    return "\n".join(
        [
            f"time: {state_manager.clock.now.isoformat()}",
            *_fleet(state_manager),
            *_associations(state_manager),
        ]
    )


def _fleet(state_manager: StateManager) -> list[str]:
    nodes = state_manager.fleet.nodes
    away = [str(node["id"]) for node in nodes if node["state"] == "offline"]
    lines = [f"simulated nodes: {len(nodes)}" + (f", offline: {', '.join(away)}" if away else "")]
    for rule in state_manager.fleet.rules[:RULES_SHOWN]:
        lines.append(f"script: {json.dumps(rule['script'])}" + (f" ({rule['unknown']})" if "unknown" in rule else ""))
    return lines


def _associations(state_manager: StateManager) -> list[str]:
    found = state_manager.client.list_associations(MaxResults=ASSOCIATIONS_SHOWN)["Associations"]
    lines = [] if found else ["associations: none"]
    for association in found:
        name = association.get("AssociationName", association["AssociationId"])
        lines.append(f"association {name} ({association.get('Name')}): {_overview(association)}")
        rows = state_manager.client.describe_association_executions(
            AssociationId=association["AssociationId"], MaxResults=EXECUTIONS_SHOWN
        )["AssociationExecutions"]
        for row in rows:
            created = row["CreatedTime"].isoformat(timespec="seconds")
            words = (row["Status"], row.get("DetailedStatus"), row.get("ResourceCountByStatus"))
            lines.append(f"  {created} {' '.join(str(word) for word in words if word)} {row['ExecutionId']}")
        lines += _failures(state_manager, rows)
    return lines


def _overview(association: dict[str, Any]) -> str:
    overview = association.get("Overview", {})
    counts = overview.get("AssociationStatusAggregatedCount") or {}
    return " ".join([str(overview.get("Status", "never run")), *(f"{name}={count}" for name, count in counts.items())])


def _failures(state_manager: StateManager, rows: list[dict[str, Any]]) -> list[str]:
    failed = next((row for row in rows if row["Status"] not in GOOD), None)
    if failed is None:
        return []
    steps = [step for step in state_manager.steps(failed) if step["Status"] not in GOOD]
    lines = [f"  {failed['ExecutionId']}:"]
    for step in steps[:FAILED_STEPS_SHOWN]:
        said = (step["StandardErrorContent"] or step["StandardOutputContent"]).strip()[:OUTPUT_SHOWN]
        place = f"{step['InstanceId']} {step['PluginName']}"
        lines.append(f"    {place}: {step['Status']}, exit code {step['ResponseCode']}" + (f": {said}" if said else ""))
    more = len(steps) - FAILED_STEPS_SHOWN
    return [*lines, f"    and {more} more"] if more > 0 else lines
