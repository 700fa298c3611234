"""Rows to measure on, written by the server's own storage code before the server starts."""

from __future__ import annotations

from pathlib import Path

import msgspec

from stateward import ids
from stateward.access.principals import Scope
from stateward.app import Server
from stateward.associations import store
from stateward.associations.rows import AssociationRow, ExecutionRow
from stateward.cli.loop import run_loop
from stateward.commands import store as commands
from stateward.commands.rows import CommandRow
from stateward.config import DEFAULT_ACCOUNT, DEFAULT_REGION, Config
from stateward.storage import Transaction

SCOPE = Scope(DEFAULT_ACCOUNT, DEFAULT_REGION)
DOCUMENT = "AWS-RunShellScript"
NO_NODE = [{"Key": "tag:nobody", "Values": ["has-it"]}]
PARAMETERS = '{"commands":["true"]}'
ROWS_A_WRITE = 500
MINUTE_MS = 60_000


class Seeds(msgspec.Struct, frozen=True):
    """The association with the long history, and those to be started."""

    association_id: str
    to_start: list[str]


def seed(data_dir: Path, executions: int, associations: int) -> Seeds:
    """Fill a data directory: one association with a history, and many without."""
    data_dir.mkdir(parents=True)
    return run_loop(_seed(Config(data_dir=data_dir, durable=False), executions, associations))


async def _seed(config: Config, executions: int, associations: int) -> Seeds:
    server = Server(config)
    now_ms = server.clock.wall()
    try:
        (association_id,) = await _add_associations(server, 1, now_ms, last_number=executions)
        for first in range(1, executions + 1, ROWS_A_WRITE):
            numbers = range(first, min(first + ROWS_A_WRITE, executions + 1))

            async def work(tx: Transaction, numbers: range = numbers) -> None:
                for number in numbers:
                    created_ms = now_ms - (executions - number) * MINUTE_MS
                    await _add_execution(tx, association_id, number, created_ms)

            await server.db.write(work)
        return Seeds(association_id, await _add_associations(server, associations, now_ms, last_number=0))
    finally:
        await server.db.close()


async def _add_associations(server: Server, count: int, now_ms: int, *, last_number: int) -> list[str]:
    members = {
        "Name": DOCUMENT,
        "DocumentVersion": "$DEFAULT",
        "Targets": NO_NODE,
        "Parameters": {"commands": ["true"]},
        "ApplyOnlyAtCronInterval": False,
    }
    definition = msgspec.json.encode(members).decode()
    association_ids = [ids.new_uuid() for _ in range(count)]

    async def work(tx: Transaction) -> None:
        for association_id in association_ids:
            row = AssociationRow(
                association_id=association_id,
                account_id=SCOPE.account_id,
                region=SCOPE.region,
                created_ms=now_ms,
                updated_ms=now_ms,
                version=1,
                name=DOCUMENT,
                association_name="measured",
                anchor_ms=now_ms,
                next_due_ms=None,
                last_number=last_number,
                overview_status="Success",
                overview_detail="Success",
                resolved=1,
            )
            await store.add(tx, row)
            await store.put_version(tx, association_id, 1, now_ms, definition)

    await server.db.write(work)
    return association_ids


async def _add_execution(tx: Transaction, association_id: str, number: int, created_ms: int) -> None:
    command = CommandRow(
        command_id=ids.new_uuid(),
        account_id=SCOPE.account_id,
        region=SCOPE.region,
        kind="command",
        document_name=DOCUMENT,
        document_version="$DEFAULT",
        resolved_version="1",
        comment="",
        instance_ids="[]",
        targets=msgspec.json.encode(NO_NODE).decode(),
        scope_nodes=None,
        service_role="",
        max_concurrency="50",
        max_errors="100%",
        timeout_s=3600,
        allowance_ms=7_200_000,
        requested_ms=created_ms,
        expires_after_ms=created_ms + 7_200_000,
        association_id=association_id,
        execution_number=number,
        phase="closed",
        status="Success",
        status_details="Success",
        concurrency_limit=50,
        error_limit=3,
        target_count=3,
        released=3,
        n_success=3,
        first_released_ms=created_ms,
        ended_ms=created_ms + 1_000,
    )
    execution = ExecutionRow(
        association_id=association_id,
        number=number,
        execution_id=ids.new_uuid(),
        account_id=SCOPE.account_id,
        region=SCOPE.region,
        cause=f"due:{created_ms}",
        scope_nodes=None,
        association_version=1,
        created_ms=created_ms,
        started_by="schedule",
        phase="closed",
        status="Success",
        detailed_status="Success",
        last_execution_ms=created_ms,
        ended_ms=created_ms + 1_000,
        command_id=command.command_id,
    )
    await commands.add_command(tx, command, "{}", PARAMETERS, None)
    await store.add_execution(tx, execution)
