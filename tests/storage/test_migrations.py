"""The files of a database, its numbered schema steps, and one SQL text for two databases."""

import stat

import apsw
import pytest

from database_bench import Bench
from stateward.storage import migrations
from stateward.storage.dialect import schema_to_postgresql, to_postgresql, to_sqlite
from stateward.storage.migrations import NewerDatabase, migrate, statements


def test_a_new_database_belongs_to_its_user_alone(run, tmp_path):
    async def work(bench):
        await bench.put("a")
        for name in ("db", "db-wal", "db-shm"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name

    run(work)


def test_checkpoints_move_the_log_into_the_database(run, tmp_path):
    async def work(bench):
        await bench.put("a")
        before = (tmp_path / "db").read_bytes()
        await bench.db.checkpoint()
        assert (tmp_path / "db").read_bytes() != before

    run(work)


def test_a_database_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "db").mkdir()
    with pytest.raises(OSError, match=f"database {tmp_path}/db: cannot be opened"):
        Bench(tmp_path / "db")


def test_a_newer_database_is_refused_and_left_alone(run, tmp_path):
    run(lambda bench: bench.put("a"))
    connection = apsw.Connection(str(tmp_path / "db"))
    connection.execute("INSERT INTO schema_steps VALUES (900, 0)")
    connection.close()
    with pytest.raises(NewerDatabase, match="the database has schema step 900, this Stateward knows steps up to"):
        Bench(tmp_path / "db")
    connection = apsw.Connection(str(tmp_path / "db"))
    assert connection.execute("SELECT name FROM server_values").fetchall() == [("a",)]
    connection.close()


@pytest.fixture
def connection():
    connection = apsw.Connection(":memory:")
    yield connection
    connection.close()


def tables(connection):
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_no_two_steps_have_one_number():
    numbers = [number for number, _ in migrations.steps()]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 1


def test_each_step_is_applied_once_and_in_order(connection, monkeypatch):
    steps = [
        (1, "CREATE TABLE one (x BIGINT);"),
        (2, "ALTER TABLE one ADD COLUMN y BIGINT;\nCREATE TABLE two (x BIGINT);"),
    ]
    monkeypatch.setattr(migrations, "steps", lambda: steps[:1])
    migrate(connection, 5)
    assert tables(connection) == {"schema_steps", "one"}
    monkeypatch.setattr(migrations, "steps", lambda: steps)
    for wall_ms in (7, 9):
        migrate(connection, wall_ms)
    assert tables(connection) == {"schema_steps", "one", "two"}
    assert connection.execute("SELECT * FROM schema_steps ORDER BY step").fetchall() == [(1, 5), (2, 7)]


def test_a_step_with_a_lower_number_may_come_later(connection, monkeypatch):
    """Steps that were made side by side arrive in any order."""
    steps = [
        (1, "CREATE TABLE one (x BIGINT);"),
        (2, "CREATE TABLE two (x BIGINT);"),
        (3, "CREATE TABLE three (x BIGINT);"),
    ]
    monkeypatch.setattr(migrations, "steps", lambda: [steps[0], steps[2]])
    migrate(connection, 5)
    monkeypatch.setattr(migrations, "steps", lambda: steps)
    migrate(connection, 7)
    assert tables(connection) == {"schema_steps", "one", "two", "three"}


def test_a_step_that_fails_changes_nothing(connection, monkeypatch):
    monkeypatch.setattr(migrations, "steps", lambda: [(1, "CREATE TABLE one (x BIGINT); CREATE TABLE one (x BIGINT);")])
    with pytest.raises(apsw.SQLError):
        migrate(connection, 5)
    assert tables(connection) == set()
    assert connection.getautocommit()


def test_statements_of_a_step_are_split_at_semicolons():
    assert statements("CREATE TABLE a (x);\n\nCREATE INDEX b ON a (x);\n") == [
        "CREATE TABLE a (x)",
        "CREATE INDEX b ON a (x)",
    ]


@pytest.mark.parametrize(
    ("sql", "sqlite", "postgresql"),
    [
        pytest.param("a = $2 AND b = $1", "a = ?2 AND b = ?1", "a = $2 AND b = $1", id="parameters keep their numbers"),
        pytest.param(
            "a IN (ids_of($12))",
            "a IN (SELECT value FROM json_each(?12))",
            "a IN (SELECT jsonb_array_elements_text(CAST(CAST($12 AS TEXT) AS JSONB)))",
            id="a list is one parameter",
        ),
        pytest.param("SELECT a FOR UPDATE", "SELECT a", "SELECT a FOR UPDATE", id="lock"),
        pytest.param(
            "SELECT a FROM t LIMIT $1 FOR NO KEY UPDATE OF t SKIP LOCKED",
            "SELECT a FROM t LIMIT ?1",
            "SELECT a FROM t LIMIT $1 FOR NO KEY UPDATE OF t SKIP LOCKED",
            id="lock that skips",
        ),
        pytest.param('ORDER BY a COLLATE "C", b', "ORDER BY a, b", 'ORDER BY a COLLATE "C", b', id="collation"),
    ],
)
def test_one_text_for_two_databases(sql, sqlite, postgresql):
    assert to_sqlite(sql) == sqlite
    assert to_postgresql(sql) == postgresql


def test_text_columns_of_postgresql_sort_by_bytes():
    assert schema_to_postgresql("a TEXT NOT NULL, b BIGINT") == 'a TEXT COLLATE "C" NOT NULL, b BIGINT'
