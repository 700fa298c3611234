"""The errors of a command in groups, counted as they come."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import msgspec

from stateward.commands.errors import MOST_GROUPS, OTHER, FailedStep, Failure
from stateward.storage import Snapshot, Transaction


class ErrorGroupRow(msgspec.Struct, frozen=True):
    """One group: how many targets failed of it, the first that did, its line as a sample."""

    command_id: str
    error_key: str
    step_name: str | None
    exit_code: int | None
    sample: str
    targets: int
    first_resource_id: str


FAILED_STEP_COLUMNS = ", ".join(FailedStep.__struct_fields__)
GROUP_COLUMNS = ", ".join(ErrorGroupRow.__struct_fields__)
FAILED_STEPS = f"""
SELECT {FAILED_STEP_COLUMNS} FROM steps WHERE command_id = $1 AND resource_id IN (ids_of($2))
 AND status IN ('Failed', 'TimedOut', 'Cancelled')
"""
COUNT = f"""
INSERT INTO error_groups ({GROUP_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (command_id, error_key) DO UPDATE SET targets = error_groups.targets + excluded.targets
"""
KEYS = "SELECT error_key FROM error_groups WHERE command_id = $1"
GROUPS = f"""
SELECT {GROUP_COLUMNS} FROM error_groups WHERE command_id = $1 ORDER BY targets DESC, error_key COLLATE "C"
"""


async def failed_steps(tx: Snapshot, command_id: str, resource_ids: Sequence[str]) -> dict[str, list[FailedStep]]:
    """Resource id → its steps that did not succeed, for those that have any."""
    found: dict[str, list[FailedStep]] = {}
    for row in await tx.rows(FailedStep, FAILED_STEPS, command_id, json.dumps(list(resource_ids))):
        found.setdefault(row.resource_id, []).append(row)
    return found


async def count(tx: Transaction, command_id: str, failures: Mapping[str, Failure]) -> None:
    """Add targets (resource id → why it failed) to the groups of a command; after fifty groups, to the last."""
    known = set(await tx.column(KEYS, command_id))
    grown: dict[str, ErrorGroupRow] = {}
    for resource_id, failure in failures.items():
        key = failure.key
        if key not in known and len(known - {OTHER}) >= MOST_GROUPS:
            key, failure = OTHER, Failure(OTHER, None, None, failure.sample)
        known.add(key)
        before = grown.get(key)
        if before is None:
            grown[key] = ErrorGroupRow(
                command_id, key, failure.step_name, failure.exit_code, failure.sample, 1, resource_id
            )
        else:
            grown[key] = msgspec.structs.replace(before, targets=before.targets + 1)
    await tx.execute_many(COUNT, [msgspec.structs.astuple(row) for row in grown.values()])


async def groups(tx: Snapshot, command_id: str) -> list[ErrorGroupRow]:
    """The groups of a command, the largest first; at most fifty and the rest."""
    return await tx.rows(ErrorGroupRow, GROUPS, command_id)
