"""Compares every counter in a database with the rows that it counts (design 1: counters, never counts)."""

import msgspec

from stateward.associations.rollup import COUNTERS
from stateward.associations.rows import AssociationRow
from stateward.associations.store import ASSOCIATION_COLUMNS
from stateward.commands import rollup
from stateward.commands.rows import CommandRow, InvocationRow
from stateward.commands.store import COMMAND_COLUMNS, INVOCATION_COLUMNS

COMMAND_COUNTERS = ("target_count", "released", "in_flight", "errors", *sorted(set(rollup.COUNTER_OF.values())))


class Status(msgspec.Struct):
    status: str
    count: int


async def check_counters(tx):
    """Raises AssertionError naming the first counter that is wrong; the number of commands looked at."""
    commands = await tx.rows(CommandRow, f"SELECT {COMMAND_COLUMNS} FROM commands")
    for command in commands:
        rows = await tx.rows(
            InvocationRow, f"SELECT {INVOCATION_COLUMNS} FROM invocations WHERE command_id = $1", command.command_id
        )
        zero = msgspec.structs.replace(command, **dict.fromkeys((*COMMAND_COUNTERS, "n_undelivered"), 0))
        for row in rows:
            zero = rollup.counted(zero, [(None, row)])
        for name in (*COMMAND_COUNTERS, "n_undelivered"):
            told, found = getattr(command, name), getattr(zero, name)
            assert told == found, f"command {command.command_id}: {name} is {told}, its rows say {found}"
        assert sorted(row.position for row in rows) == list(range(len(rows)))
        assert command.ended_ms is None or all(row.is_final for row in rows)
    for association in await tx.rows(AssociationRow, f"SELECT {ASSOCIATION_COLUMNS} FROM associations"):
        counts = await tx.rows(
            Status,
            "SELECT status, COUNT(*) FROM association_nodes WHERE association_id = $1 GROUP BY status",
            association.association_id,
        )
        found = {row.status: row.count for row in counts}
        told = {status: n for status, name in COUNTERS.items() if (n := getattr(association, name))}
        assert told == found, f"association {association.association_id}: {told}, its nodes say {found}"
    return len(commands)
