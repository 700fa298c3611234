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
ENDED = ("Success", "Failed", "TimedOut", "Skipped")
GOOD = ("Success", "Skipped", "Pending", "InProgress")


def describe(state_manager: StateManager) -> str:
    """The time, the fleet, the script, and of every association its latest executions and how they failed."""
    return "\n".join(
        [
            f"time: {state_manager.clock.now.isoformat()}",
            *_fleet(state_manager),
            *_calls(state_manager),
            *_associations(state_manager),
        ]
    )


def _fleet(state_manager: StateManager) -> list[str]:
    nodes = state_manager.fleet.nodes
    away = [str(node["id"]) for node in nodes if node["state"] == "offline"]
    lines = [f"simulated nodes: {len(nodes)}" + (f", offline: {', '.join(away)}" if away else "")]
    for rule in state_manager.fleet.rules[:RULES_SHOWN]:
        said = rule.get("unknown") or ("has decided nothing" if rule.get("unused") else "")
        lines.append(f"script: {json.dumps(rule['script'])}" + (f" ({said})" if said else ""))
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
            lines.append(f"  {created} {_outcome(row)} {row['ExecutionId']}")
            lines += _not_reached(row, association)
        lines += _failures(state_manager, rows)
    return lines


def _calls(state_manager: StateManager) -> list[str]:
    """Where calls went, if that is not where the test looks."""
    calls, here = state_manager.calls, state_manager.region
    if set(calls) - {here}:
        counts = ", ".join(f"{region} ({count})" for region, count in sorted(calls.items()))
        return [f"calls by region: {counts}; state_manager.client, and what follows, are about {here}"]
    return []


def _outcome(execution: dict[str, Any]) -> str:
    status, detailed = execution["Status"], execution.get("DetailedStatus")
    words = (status, None if detailed == status else detailed, execution.get("ResourceCountByStatus"))
    alarms = [str(alarm["Name"]) for alarm in execution.get("TriggeredAlarms", ())]
    return " ".join(str(word) for word in words if word) + (f" (alarm {', '.join(alarms)})" if alarms else "")


def _not_reached(execution: dict[str, Any], association: dict[str, Any]) -> list[str]:
    if execution.get("ResourceCountByStatus") not in (None, "", "{}") or execution["Status"] not in ENDED:
        return []
    wanted = [f"{one['Key']}={','.join(one['Values'])}" for one in association.get("Targets", ())]
    return [f"    it reached no node: none fits {' and '.join(wanted)}" if wanted else "    it reached no node"]


def _overview(association: dict[str, Any]) -> str:
    overview = association.get("Overview", {})
    counts = overview.get("AssociationStatusAggregatedCount") or {}
    told = ", ".join(f"{name}={count}" for name, count in counts.items())
    return str(overview.get("Status", "never run")) + (f" ({told})" if told else "")


def _failures(state_manager: StateManager, rows: list[dict[str, Any]]) -> list[str]:
    failed = next((row for row in rows if row["Status"] not in GOOD), None)
    if failed is None:
        return []
    steps = [step for step in state_manager.steps(failed) if step["Status"] not in GOOD]
    if not steps:
        return []
    lines = [f"  {failed['ExecutionId']}:"]
    for step in steps[:FAILED_STEPS_SHOWN]:
        said = (step["StandardErrorContent"] or step["StandardOutputContent"]).strip()[:OUTPUT_SHOWN]
        place = f"{step['InstanceId']} {step['PluginName']}"
        lines.append(f"    {place}: {step['Status']}, exit code {step['ResponseCode']}" + (f": {said}" if said else ""))
    more = len(steps) - FAILED_STEPS_SHOWN
    return [*lines, f"    and {more} more"] if more > 0 else lines
