"""One change behind which thousands of associations stand: how long they take, and how late the loop is meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import quantiles
from typing import Any

import msgspec

from stateward import ids
from stateward.access.principals import Principal, Scope, administrator
from stateward.app import Server
from stateward.cli.loop import run_loop
from stateward.clock import monotonic_s
from stateward.config import DEFAULT_ACCOUNT, DEFAULT_REGION, Config
from stateward.storage import Snapshot

TICK_S = 0.001
NOBODY = [{"Key": "tag:nobody", "Values": ["has-it"]}]
EXECUTIONS = "SELECT COUNT(*) FROM executions WHERE phase = 'closed'"


class Fanout(msgspec.Struct, frozen=True):
    """`seconds` until every run had ended; how late the event loop was, in ms, at the 99th percentile and at most."""

    associations: int
    seconds: float
    late_p99_ms: float
    late_most_ms: float


def measure(data_dir: Path, associations: int) -> Fanout:
    """Move the default version of a document under so many associations, durably, in this process."""
    data_dir.mkdir(parents=True)
    return run_loop(_measure(Config(data_dir=data_dir), associations))


async def _measure(config: Config, associations: int) -> Fanout:
    server = Server(config)
    await server.start()
    caller = administrator("AKIABENCHMARKBENCHMA", Scope(DEFAULT_ACCOUNT, DEFAULT_REGION))
    await _ask(server, caller, "CreateDocument", Name="ddd", Content=_document("1"), DocumentType="Command")
    for first in range(0, associations, 50):
        await asyncio.gather(
            *(
                _ask(server, caller, "CreateAssociation", Name="ddd", Targets=NOBODY)
                for _ in range(first, min(first + 50, associations))
            )
        )
    await _until(server, associations)
    await _ask(server, caller, "UpdateDocument", Name="ddd", Content=_document("2"), DocumentVersion="$LATEST")
    late: list[float] = []
    watch = asyncio.create_task(watch_loop(late))
    began_s = monotonic_s()
    await _ask(server, caller, "UpdateDocumentDefaultVersion", Name="ddd", DocumentVersion="2")
    await _until(server, 2 * associations)
    seconds = monotonic_s() - began_s
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    await server.stop()
    return Fanout(associations, seconds, quantiles(late, n=100)[98] * 1000, max(late) * 1000)


async def _ask(server: Server, caller: Principal, operation: str, **members: Any) -> None:
    await server.performer.perform(caller, operation, msgspec.json.encode(members), ids.new_uuid())


async def _until(server: Server, ended: int) -> None:
    while True:
        async with server.db.reading() as tx:
            if await _ended(tx) >= ended:
                return
        await asyncio.sleep(0.01)


async def _ended(tx: Snapshot) -> int:
    return int(await tx.value(EXECUTIONS))


async def watch_loop(late: list[float]) -> None:
    """How late the event loop comes back from a millisecond of sleep, in seconds, for ever."""
    while True:
        before_s = monotonic_s()
        await asyncio.sleep(TICK_S)
        late.append(monotonic_s() - before_s - TICK_S)


def _document(version: str) -> str:
    step = {"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": [f"echo {version}"]}}
    return msgspec.json.encode({"schemaVersion": "2.2", "mainSteps": [step]}).decode()
