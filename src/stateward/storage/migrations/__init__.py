"""Numbered schema steps, each applied once and in order; the files hold SQL that both databases take."""

from __future__ import annotations

from importlib import resources

import apsw


class NewerDatabase(Exception):
    """The database was written by a newer Stateward than this one."""


def steps() -> list[tuple[int, str]]:
    """Every step as (number, SQL), from `NNNN_name.sql` beside this module."""
    files = sorted(
        (entry for entry in resources.files(__name__).iterdir() if entry.name.endswith(".sql")), key=lambda e: e.name
    )
    return [(int(entry.name.split("_", 1)[0]), entry.read_text(encoding="utf-8")) for entry in files]


def statements(sql: str) -> list[str]:
    """The single statements of a step; our files use `;` for nothing but their ends."""
    return [part.strip() for part in sql.split(";") if part.strip()]


def migrate(connection: apsw.Connection, wall_ms: int) -> None:
    """Bring the schema to the newest step; all or nothing. Raises NewerDatabase."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS schema_steps (step BIGINT PRIMARY KEY, applied_ms BIGINT)")
        done = {int(row[0]) for row in connection.execute("SELECT step FROM schema_steps")}
        newest = steps()[-1][0]
        if max(done, default=0) > newest:
            raise NewerDatabase(
                f"the database has schema step {max(done)}, this Stateward knows steps up to {newest}: "
                "install the version that wrote it, or a newer one"
            )
        for number, sql in steps():
            if number not in done:
                for statement in statements(sql):
                    connection.execute(statement)
                connection.execute("INSERT INTO schema_steps (step, applied_ms) VALUES (?1, ?2)", (number, wall_ms))
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
