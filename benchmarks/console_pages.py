"""What the console's pages cost at the server over a million rows of history: statements, milliseconds, bytes.

`python -m benchmarks.console_pages`: a server in this process, 500 simulated nodes, one association with 2,000 runs.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import apsw
import httpx
import msgspec

from stateward.access.principals import Principal, Scope, administrator
from stateward.app import Server
from stateward.clock import monotonic_s
from stateward.config import DATABASE_FILE, Config
from stateward.storage.transaction import Statements

NODES, RUNS = 500, 2_000
ROUNDS = 15
DAY_MS = 86_400_000
BASE = "/console/us-east-1"
Values = Mapping[str, str]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="stateward-console-") as name:
        asyncio.run(measure(Path(name)))


async def measure(folder: Path) -> None:
    association, node = await prepare(folder)
    server = open_server(folder)
    await server.start()
    newest = f"{RUNS:08x}-0000-6000-8000-000000000000"
    run = f"/associations/{association}/executions/{newest}"
    pages = {
        "Overview": "/",
        "Associations": "/associations",
        "Association, map of 60 runs": f"/associations/{association}",
        "Association, map of 500 runs": f"/associations/{association}?runs=500&fold=0",
        "  its picture, 500 × 500": f"/associations/{association}/map/500.worst.0.-.0.2/light.png",
        "  its letters, 500 × 500": f"/associations/{association}/map.json?runs=500&fold=0",
        "Executions": f"/associations/{association}?tab=executions",
        "Nodes of an association": f"/associations/{association}?tab=nodes",
        "Execution": run,
        "Target": f"{run}/nodes/{node}",
        "Why?": f"/why?association={association}&node={node}",
        "Nodes": "/nodes",
        "Node": f"/nodes/{node}",
        "Commands": "/commands",
        "Search": "/search?q=web",
    }
    transport = httpx.ASGITransport(server, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        print(f"{'page':<32}{'statements':>11}{'ms':>8}{'kB':>8}")
        for title, path in pages.items():
            await report(client, title, BASE + path)
    await server.stop()


async def report(client: httpx.AsyncClient, title: str, address: str) -> None:
    """One line: the median of some rounds after a first one."""
    answer = await client.get(address)
    assert answer.status_code == 200, (address, answer.status_code, answer.text[:500])
    took = []
    counted = 0
    for _ in range(ROUNDS):
        with Counting() as statements:
            began_s = monotonic_s()
            answer = await client.get(address)
            took.append(monotonic_s() - began_s)
        counted = statements.count
    print(f"{title:<32}{counted:>11}{median(took) * 1000:>8.1f}{len(answer.content) / 1000:>8.1f}", flush=True)


class Counting:
    """Counts the statements that are run inside of it."""

    def __init__(self) -> None:
        self.count = 0
        self._plain = Statements.sqlite

    def __enter__(self) -> Counting:
        plain = self._plain

        def counted(statements: Statements, sql: str) -> str:
            self.count += 1
            return plain(statements, sql)

        Statements.sqlite = counted  # type: ignore[method-assign, assignment]
        return self

    def __exit__(self, *error: object) -> None:
        Statements.sqlite = self._plain  # type: ignore[method-assign]


def open_server(folder: Path) -> Server:
    return Server(Config(data_dir=folder, auth="open", clock="virtual", durable=False))


async def prepare(folder: Path) -> tuple[str, str]:
    """A fleet and one real run, then copies of it; the association and its first node."""
    server = open_server(folder)
    await server.start()
    scope = Scope(server.config.account_id, server.config.region)
    key = administrator("open", scope)
    assert server.steering.clock is not None
    assert server.steering.fleet is not None
    fleet, clock = server.steering.fleet, server.steering.clock
    added = await fleet.change(scope, "open", json.dumps({"add": NODES, "tags": {"env": "prod"}}).encode())
    rule = {"script": {"status": "Failed", "nodes": 20, "error": "disk full"}}
    await fleet.change(scope, "open", json.dumps(rule).encode())
    made = await call(
        server,
        key,
        "CreateAssociation",
        Name="AWS-RunShellScript",
        AssociationName="nightly",
        Parameters={"commands": ["true"]},
        Targets=[{"Key": "tag:env", "Values": ["prod"]}],
        ScheduleExpression="rate(1 day)",
        MaxConcurrency="100%",
    )
    await clock.turn(b'{"advance": "1h"}')
    association = made["AssociationDescription"]["AssociationId"]
    await server.stop()
    copy(folder / DATABASE_FILE, association)
    return association, added["nodes"][0]


async def call(server: Server, key: Principal, operation: str, **members: Any) -> dict[str, Any]:
    answer = await server.performer.perform(key, operation, msgspec.json.encode(members), "benchmark")
    return answer.body


def copy(path: Path, association: str) -> None:
    """The first run again and again, a day apart, into the past: so that the newest is the one of now."""
    database = apsw.Connection(str(path))
    first = database.execute(
        "SELECT execution_id, command_id FROM executions WHERE association_id = ? AND number = 1", (association,)
    ).fetchone()
    assert first is not None, "the association has run"
    with database:
        for number in range(2, RUNS + 1):
            run = f"'{number:08x}-0000-6000-8000-000000000000'"
            shift = f"- {(RUNS - number + 1) * DAY_MS}"
            times = {
                name: f"{name} {shift}"
                for name in ("created_ms", "ended_ms", "requested_ms", "last_execution_ms", "first_released_ms")
            }
            same = {"number": str(number), "execution_number": str(number), "command_id": run, "execution_id": run}
            values = {**times, **same, "cause": f"'due:{number}'"}
            for table, where in (
                ("executions", f"association_id = '{association}' AND number = 1"),
                ("commands", f"command_id = '{first[1]}'"),
                ("invocations", f"command_id = '{first[1]}'"),
                ("strips", f"association_id = '{association}' AND number = 1"),
                ("error_groups", f"command_id = '{first[1]}'"),
            ):
                add(database, table, where, values)
        run = f"'{RUNS:08x}-0000-6000-8000-000000000000'"
        add(database, "steps", f"command_id = '{first[1]}'", {"command_id": run})
        database.execute("UPDATE associations SET last_number = ? WHERE association_id = ?", (RUNS, association))
        database.execute("UPDATE association_nodes SET number = ? WHERE association_id = ?", (RUNS, association))
    rows = database.execute("SELECT COUNT(*) FROM invocations").fetchone()
    print(f"{rows[0]:,} targets in {RUNS:,} runs of {NODES} nodes" if rows else "")
    database.execute("ANALYZE")
    database.close()


def add(database: apsw.Connection, table: str, where: str, values: Values) -> None:
    """Copies of the rows, with other values in some columns."""
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    chosen = ", ".join(values.get(name, name) for name in columns)
    database.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {table} WHERE {where}")


if __name__ == "__main__":
    main()
