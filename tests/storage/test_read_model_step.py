"""The step that adds the read models fills them from the rows of an older database."""

import asyncio

import apsw
import pytest

from database_bench import Bench
from read_model_checker import check_history
from stateward.storage import migrations
from stateward.storage.migrations import migrate

STEP = next(number for number, sql in migrations.steps() if "CREATE TABLE strips" in sql)
FINAL = ("Success", "Failed", "TimedOut", "Cancelled", "Skipped")
# Node → how the runs 1, 2, … went there; "" where it was no target.
STORY = {
    "mi-a": ["Success"] * 14 + ["Failed", "Failed"],
    "mi-b": ["Failed", *["Success"] * 13, "", "InProgress"],
    "mi-c": [*[""] * 14, "DeliveryTimedOut", "Pending"],
    "mi-d": ["Cancelled"] * 16,
}


@pytest.fixture
def old(tmp_path, monkeypatch):
    """A database as the step before left it."""
    every = migrations.steps()
    monkeypatch.setattr(migrations, "steps", lambda: [one for one in every if one[0] < STEP])
    connection = apsw.Connection(str(tmp_path / "db"))
    migrate(connection, 0)
    monkeypatch.undo()
    yield connection
    connection.close()


def put(connection, table, **members):
    """Insert a row; what is not given is empty or zero where it may not be NULL."""
    row = {}
    for _, name, kind, required, default, key in connection.execute(f"PRAGMA table_info({table})"):
        if (required or key) and default is None:
            row[name] = "" if kind == "TEXT" else 0
    row |= members
    names, marks = ", ".join(row), ", ".join("?" for _ in row)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))


def invocation(connection, node, number, told):
    status = "TimedOut" if told == "DeliveryTimedOut" else told
    put(
        connection,
        "invocations",
        command_id=f"c{number}",
        resource_id=node,
        account_id="1",
        region="r",
        association_id="a",
        execution_number=number,
        position=list(STORY).index(node),
        status=status,
        status_details=told,
        released_ms=number * 100,
        acknowledged_ms=number * 100 + 1,
        ended_ms=number * 100 + 10 + len(node + status) if status in FINAL else None,
    )


def test_an_older_database_gets_its_read_models(old, tmp_path):
    put(
        old,
        "associations",
        association_id="a",
        account_id="1",
        region="r",
        version=1,
        last_number=16,
        resolved=1,
        n_failed=1,
        n_in_progress=1,
        n_pending=1,
        n_cancelled=1,
    )
    for number in range(1, 17):
        closed = number < 16
        put(
            old,
            "executions",
            association_id="a",
            number=number,
            execution_id=f"e{number}",
            cause=f"due:{number}",
            phase="closed" if closed else "running",
            status="Failed" if closed else "InProgress",
            ended_ms=number * 100 + 50 if closed else None,
            command_id=f"c{number}",
            created_ms=number * 100,
        )
        for node, runs in STORY.items():
            if runs[number - 1]:
                invocation(old, node, number, runs[number - 1])
    for node, runs in STORY.items():
        put(
            old,
            "association_nodes",
            association_id="a",
            node_id=node,
            number=16,
            status=runs[-1],
            detailed_status=runs[-1],
        )
    old.close()

    async def work():
        bench = Bench(tmp_path / "db")
        async with bench.db.reading() as tx:
            looked_at = await check_history(tx)
            bad = await tx.value("SELECT bad_nodes FROM associations")
            owed = await tx.value("SELECT owed_nodes FROM associations")
            streaks = await tx.column("SELECT streak FROM association_nodes ORDER BY node_id")
            recent = await tx.value("SELECT recent FROM association_nodes WHERE node_id = 'mi-c'")
        await bench.db.close()
        return looked_at, bad, owed, streaks, recent

    looked_at, bad, owed, streaks, recent = asyncio.run(work())
    assert looked_at == 20
    assert (bad, owed) == (2, 1)
    assert streaks == [2, 13, 1, 16]
    assert recent == "15T16P"
