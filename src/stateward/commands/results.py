"""Applying what nodes report (D7), inside transactions."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stateward.commands import delivery, ending, lifecycle, merging, store, store_delivery, uploads
from stateward.commands.facts import OutputStored
from stateward.commands.lifecycle import Change
from stateward.commands.reports import Report
from stateward.commands.rows import REFRESH, CommandRow, InvocationRow, StepRow
from stateward.documents import schema
from stateward.storage import Transaction

OVERDUE_AT_ONCE = 200


class Reply(msgspec.Struct, frozen=True):
    """A node's word on a command of its own."""

    node_id: str
    command_id: str
    report: Report


async def store_replies(tx: Transaction, replies: Sequence[Reply], wall_ms: int) -> list[bool]:
    """Merge replies into their invocations, in order, the counters of a command once; each was its node's to give."""
    known = [False] * len(replies)
    of_command: dict[str, list[int]] = {}
    for number, reply in enumerate(replies):
        of_command.setdefault(reply.command_id, []).append(number)
    for command_id, numbers in of_command.items():
        command = await store.lock_command(tx, command_id)
        if command is None:
            continue
        merging_all = await _Merging.begin(tx, command, {replies[number].node_id for number in numbers}, wall_ms)
        for number in numbers:
            known[number] = merging_all.add(replies[number])
        await merging_all.save()
    return known


class _Merging:
    """The replies to one command that come in one transaction; what all of them need is read once."""

    def __init__(
        self,
        tx: Transaction,
        command: CommandRow,
        step_names: Sequence[str],
        rows: dict[str, InvocationRow],
        done: dict[str, set[str]],
        wall_ms: int,
    ) -> None:
        self._tx = tx
        self._command = command
        self._step_names = step_names
        self._rows = rows
        self._done = done
        self._wall_ms = wall_ms
        self._changes: list[Change] = []
        self._steps: list[StepRow] = []
        self._late: list[InvocationRow] = []

    @classmethod
    async def begin(cls, tx: Transaction, command: CommandRow, node_ids: set[str], wall_ms: int) -> _Merging:
        named = await store.invocations_named(tx, command.command_id, sorted(node_ids))
        rows = {row.resource_id: row for row in named if row.sent_ms is not None}
        content = (await store.text(tx, command.command_id)).content
        names = schema.step_names(schema.parse_command(msgspec.json.decode(content)))
        done = await store.final_steps(tx, command.command_id, sorted(rows))
        return cls(tx, command, names, rows, done, wall_ms)

    def add(self, reply: Reply) -> bool:
        """Merge one reply; False when the node was never sent this command."""
        before = self._rows.get(reply.node_id)
        if before is None:
            return False
        if before.carrier == REFRESH:  # the run itself is told of by reports of its own (D53)
            self._note(before, delivery.taken(before, self._tx.now))
            return True
        done = self._done[reply.node_id]
        merge = merging.merge(before, reply.report, self._step_names, done, self._tx.now, self._wall_ms)
        self._steps += merge.steps
        done |= {step.step_name for step in merge.steps if step.status not in merging.REBOOTS}
        if merge.steps and before.is_final:
            self._late.append(before)
        self._note(before, merge.row)
        return True

    def _note(self, before: InvocationRow, after: InvocationRow) -> None:
        if after != before:
            self._changes.append((before, after))
            self._rows[before.resource_id] = after

    async def save(self) -> None:
        if self._steps:
            await store.put_steps(self._tx, self._steps)
            for step in self._steps:
                self._tx.record(OutputStored(step.command_id, step.resource_id))
        await uploads.note(self._tx, self._late)
        if not self._changes:
            return
        await lifecycle.apply(self._tx, self._command, self._changes)
        for before, after in self._changes:
            if before is not None and after.busy_until_ms is None:
                await delivery.node_is_free(self._tx, before)


async def close_overdue(tx: Transaction, wall_ms: int) -> int:
    """Close invocations whose missing steps did not come in time; how many there were."""
    rows = await store_delivery.overdue(tx, wall_ms, OVERDUE_AT_ONCE)
    for row in rows:

        def close(before: InvocationRow) -> InvocationRow | None:
            return None if before.reported_status is None else ending.reported(before, before.reported_status, tx.now)

        await lifecycle.change_one(tx, row.command_id, row.resource_id, close)
    return len(rows)
