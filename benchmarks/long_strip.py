"""What it costs to close a run on very many nodes: `python -m benchmarks.long_strip`.

The run lies in the database as one whose last target has just ended. Measured are the write that sees to its strip, how
late the event loop is until the strip is there, and how long that takes.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

import msgspec

from benchmarks import fanout, seeding
from stateward.app import Server
from stateward.associations import store, store_strips, strip_keeping
from stateward.associations.rows import ExecutionRow
from stateward.cli.loop import run_loop
from stateward.clock import monotonic_s
from stateward.commands import store as commands
from stateward.commands.rows import CommandRow, InvocationRow
from stateward.config import Config
from stateward.storage import Snapshot, Transaction

ROWS_A_WRITE = 5_000
LOOK_S = 0.005


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=100_000)
    targets = parser.parse_args().targets
    with tempfile.TemporaryDirectory(prefix="stateward-bench-") as name:
        folder = Path(name) / "server"
        association_id = seeding.seed(folder, 1, 0).association_id
        run_loop(_measure(folder, association_id, targets))


async def _measure(folder: Path, association_id: str, targets: int) -> None:
    server = Server(Config(data_dir=folder))
    await _add_targets(server, association_id, targets)
    await server.start()
    late: list[float] = []
    watching = asyncio.create_task(fanout.watch_loop(late))
    began_s = monotonic_s()
    closing_s = await _close(server, association_id, targets)
    await _until_made(server, association_id)
    seconds = monotonic_s() - began_s
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await server.stop()
    print(
        f"{targets:,} targets: the write that closes took {closing_s * 1000:.1f} ms, the strip was there after "
        f"{seconds * 1000:.0f} ms, the loop was late by {max(late) * 1000:.1f} ms at most."
    )


async def _add_targets(server: Server, association_id: str, targets: int) -> None:
    """Targets that have all succeeded, each with its slot, under the first execution."""
    async with server.db.reading() as tx:
        _, command = await _run(tx, association_id)
    for first in range(0, targets, ROWS_A_WRITE):
        rows = [_target(command, place) for place in range(first, min(first + ROWS_A_WRITE, targets))]

        async def work(tx: Transaction, rows: list[InvocationRow] = rows) -> None:
            await commands.add_invocations(tx, rows)
            association = await store.lock(tx, association_id)
            assert association is not None, "it was seeded"
            association, _ = await strip_keeping.with_slots(tx, association, [row.resource_id for row in rows])
            await store.save(tx, association)

        await server.db.write(work)

    async def count(tx: Transaction) -> None:
        full = {"target_count": targets, "released": targets, "n_success": targets}
        await commands.save_command(tx, command, msgspec.structs.replace(command, **full))

    await server.db.write(count)


async def _close(server: Server, association_id: str, targets: int) -> float:
    """What the last result of the run does to its strip; how long that write took, in seconds."""

    async def work(tx: Transaction) -> float:
        began_s = monotonic_s()
        execution, _ = await _run(tx, association_id)
        await store.save_execution(tx, execution, await strip_keeping.keep(tx, execution, targets))
        tx.after_commit(server.engine.wake)
        return monotonic_s() - began_s

    return await server.db.write(work)


async def _until_made(server: Server, association_id: str) -> None:
    while True:
        async with server.db.reading() as tx:
            if await store_strips.before(tx, association_id, 2, 1, full=None):
                return
        await asyncio.sleep(LOOK_S)


async def _run(tx: Snapshot, association_id: str) -> tuple[ExecutionRow, CommandRow]:
    execution = await store.execution(tx, association_id, 1)
    assert execution is not None, "it was seeded"
    assert execution.command_id is not None, "it was seeded with its command"
    command = await commands.command(tx, execution.command_id)
    assert command is not None, "it was seeded"
    return execution, command


def _target(command: CommandRow, place: int) -> InvocationRow:
    began_ms = command.requested_ms
    return InvocationRow(
        command_id=command.command_id,
        resource_id=f"mi-{place:017x}",
        resource_type="ManagedInstance",
        account_id=command.account_id,
        region=command.region,
        association_id=command.association_id,
        execution_number=command.execution_number,
        requested_ms=began_ms,
        position=place,
        status="Success",
        status_details="Success",
        released_ms=began_ms,
        sent_ms=began_ms,
        acknowledged_ms=began_ms,
        ended_ms=began_ms + place,
    )


if __name__ == "__main__":
    main()
