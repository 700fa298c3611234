"""Compares the read models in a database with the rows that they are made from (docs/design/read-models.md)."""

import msgspec

from stateward.associations import letters, standing, strips
from stateward.associations.rows import AssociationRow, ExecutionRow, NodeStatusRow
from stateward.associations.store import ASSOCIATION_COLUMNS, EXECUTION_COLUMNS, NODE_COLUMNS
from stateward.associations.store_strips import STRIP_COLUMNS, StripRow
from stateward.commands import errors
from stateward.commands.rows import InvocationRow
from stateward.commands.store import INVOCATION_COLUMNS
from stateward.commands.store_errors import GROUP_COLUMNS, ErrorGroupRow


class Slot(msgspec.Struct):
    node_id: str
    slot: int


async def check_read_models(tx):
    """Raises AssertionError naming the first read model that is wrong; the number of rows looked at."""
    return await check_history(tx) + await _check_errors(tx)


async def check_history(tx):
    """The same without the errors, which are not made up for runs of older databases."""
    associations = await tx.rows(AssociationRow, f"SELECT {ASSOCIATION_COLUMNS} FROM associations")
    return sum([await _check_association(tx, association) for association in associations])


async def _check_association(tx, association):
    key = association.association_id
    nodes = await tx.rows(NodeStatusRow, f"SELECT {NODE_COLUMNS} FROM association_nodes WHERE association_id = $1", key)
    executions = await tx.rows(
        ExecutionRow, f"SELECT {EXECUTION_COLUMNS} FROM executions WHERE association_id = $1 ORDER BY number", key
    )
    runs = await tx.rows(InvocationRow, f"SELECT {INVOCATION_COLUMNS} FROM invocations WHERE association_id = $1", key)
    slots = {
        row.node_id: row.slot
        for row in await tx.rows(Slot, "SELECT node_id, slot FROM association_slots WHERE association_id = $1", key)
    }
    _check_state(association, nodes, executions, slots)
    by_node = {}
    for run in runs:
        by_node.setdefault(run.resource_id, {})[run.execution_number] = run
    for node in nodes:
        assert node.slot == slots[node.node_id], f"{node}: its slot is {slots[node.node_id]}"
        if association.deleted_ms is None:  # nobody follows the results of a deleted one
            _check_node(node, by_node.get(node.node_id, {}))
    await _check_strips(tx, association, executions, runs, slots)
    return len(nodes) + len(executions)


def _check_state(association, nodes, executions, slots):
    found = {
        "bad_nodes": sum(standing.is_bad(node) for node in nodes),
        "owed_nodes": sum(standing.is_owed(node) for node in nodes),
        "running": sum(execution.phase != "closed" for execution in executions),
        "slots": len(slots),
    }
    told = {name: getattr(association, name) for name in found}
    assert told == found, f"association {association.association_id}: {told}, its rows say {found}"
    assert sorted(slots.values()) == list(range(len(slots)))
    if association.deleted_ms is None:
        assert association.state_rank == standing.state_of(association), association
    full = [(one.number, letters.of(one.status)) for one in executions if one.scope_nodes is None]
    kept = letters.runs(association.recent)
    there = {number for number, _ in full}
    # What retention has taken away still has its letter.
    assert [run for run in kept if run[0] in there] == full[-len(kept) :] if kept else not full, (kept, full)
    assert len(kept) == min(letters.KEPT, max(len(full), len(kept)))


def _check_node(node, runs):
    """`runs`: the invocations of the association on the node that are still there, by number."""
    kept = letters.runs(node.recent)
    numbers = [number for number, _ in kept]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == node.number
    assert len(kept) <= letters.KEPT
    for number, letter in kept:
        if number in runs:
            status = "InProgress" if runs[number].status == "Cancelling" else runs[number].status
            assert letter == letters.of(status), f"{node}: run {number} is {runs[number].status}"
    assert node.status_rank == standing.rank_of(node.status, owed=node.owed_since_ms is not None), node
    ended = sorted((run.ended_ms, n) for n, run in runs.items() if run.is_final and n in numbers)
    in_one_instant = len({ended_ms for ended_ms, _ in ended}) < len(ended)
    if in_one_instant or any(number not in runs for number in numbers):
        return  # which of them came first is not written down
    streak, settled, since_ms, newest = 0, "", None, 0
    for ended_ms, number in ended:
        if number < newest:
            continue
        newest = number
        letter = letters.of(runs[number].status)
        streak, since_ms = (streak + 1, since_ms) if letter == settled else (1, ended_ms)
        settled = letter
    assert node.settled == settled, f"{node}: its runs say {settled}"
    begins_in_what_is_kept = streak < len(ended) or len(kept) < letters.KEPT
    if begins_in_what_is_kept:
        assert (node.streak, node.since_ms) == (streak, node.since_ms if since_ms is None else since_ms), node
    else:
        assert node.streak >= streak, node
    if settled:
        assert node.error_key == runs[newest].error_key, node
        assert standing.is_owed(node) == (runs[newest].status_details == standing.MISSED), node


async def _check_strips(tx, association, executions, runs, slots):
    rows = await tx.rows(
        StripRow, f"SELECT {STRIP_COLUMNS} FROM strips WHERE association_id = $1", association.association_id
    )
    kept = {row.number: row for row in rows}
    for execution in executions:
        strip = kept.pop(execution.number, None)
        if execution.phase != "closed":
            assert strip is None, f"{strip}: written before its run was closed"
            continue
        of_run = [run for run in runs if run.command_id == execution.command_id]
        cells = {slots[run.resource_id]: letters.of(run.status) for run in of_run}
        assert strip is not None, f"{execution} has no strip"
        assert dict(enumerate(strips.unpacked(strip.cells))) == {
            slot: cells.get(slot, letters.NO_TARGET) for slot in range(max(cells, default=-1) + 1)
        }
        assert (strip.status, bool(strip.is_full)) == (execution.status, execution.scope_nodes is None)
        ran = [
            (run.ended_ms - (run.acknowledged_ms or run.sent_ms), run.resource_id)
            for run in of_run
            if run.acknowledged_ms is not None or run.sent_ms is not None
        ]
        longest = max((took for took, _ in ran), default=None)
        assert execution.slowest_ms == longest, execution
        assert execution.slowest_node == min((node for took, node in ran if took == longest), default=None)


async def _check_errors(tx):
    failed = await tx.rows(
        InvocationRow, f"SELECT {INVOCATION_COLUMNS} FROM invocations WHERE status IN ('Failed', 'TimedOut')"
    )
    groups = await tx.rows(ErrorGroupRow, f"SELECT {GROUP_COLUMNS} FROM error_groups")
    by_command = {}
    for row in failed:
        assert row.error_key, f"{row} has failed of nothing"
        by_command.setdefault(row.command_id, []).append(row)
    for command_id, rows in by_command.items():
        of_command = {group.error_key: group for group in groups if group.command_id == command_id}
        assert sum(group.targets for group in of_command.values()) == len(rows)
        if errors.OTHER not in of_command:
            counts = {}
            for row in rows:
                counts[row.error_key] = counts.get(row.error_key, 0) + 1
            assert {key: group.targets for key, group in of_command.items()} == counts
    assert {group.command_id for group in groups} <= set(by_command)
    return len(failed)
