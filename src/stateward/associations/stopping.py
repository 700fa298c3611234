"""Stopping one execution: what has not started is cancelled, what runs is told to stop (D5)."""

from __future__ import annotations

from stateward.access.call import Answer, Call
from stateward.associations import execution_calls, lifecycle
from stateward.associations.execution_calls import OneExecution
from stateward.commands import store_progress
from stateward.commands.store_progress import LeftRow
from stateward.storage import Transaction
from stateward.wire.errors import AwsError


async def stop_execution(call: Call, wanted: OneExecution) -> Answer:
    """`{"execution", "cancelled", "told_to_stop"}`: a node at work has sixty seconds to answer (D5)."""

    async def work(tx: Transaction) -> Answer:
        execution = await execution_calls.execution_of(tx, call.scope, wanted.execution)
        if execution.phase == "closed":
            told = f"Execution {execution.execution_id} has ended ({execution.status}): nothing is left to stop."
            raise AwsError("Conflict", told, 409)
        left = LeftRow(0, 0)
        if execution.command_id is not None:
            left = await store_progress.left(tx, execution.command_id)
        await lifecycle.cut_short(tx, execution, "cancelled", call.principal.name)
        return Answer({"execution": execution.execution_id, "cancelled": left.not_sent, "told_to_stop": left.sent})

    return await call.write_once(work)
