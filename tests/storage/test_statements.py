"""Every SQL statement is prepared on SQLite, and on PostgreSQL where one is found."""

import ast
import asyncio
import re

import apsw
import apsw.ext
import asyncpg
import pytest
from postgresql_cluster import NOT_FOUND, binaries, cluster
from sql_statements import READERS, calls_on_transactions, fields_of, statements, store_modules

from stateward.storage.dialect import schema_to_postgresql, to_postgresql, to_sqlite
from stateward.storage.migrations import migrate, steps
from stateward.storage.migrations import statements as statements_of_step

STATEMENTS = statements()
IDENTIFIER = re.compile(r"[a-z_]+")
UNNAMED = {"coalesce", "count", "min", "max", "sum", "exists"}
KINDS = {int: ("int8", "int4"), str: ("text",), float: ("float8",), bytes: ("bytea",)}
COLLATIONS = """
SELECT c.relname || '.' || a.attname, l.collname FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid JOIN pg_collation l ON l.oid = a.attcollation
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
"""

each_statement = pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.id)


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory):
    connection = apsw.Connection(str(tmp_path_factory.mktemp("statements") / "db"))
    migrate(connection, 0)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def prepared():
    """Statement id → what PostgreSQL says about it: a PreparedStatement's (parameters, columns), or its complaint."""
    programs = binaries()
    if programs is None:
        pytest.skip(NOT_FOUND)

    async def ask(**where):
        connection = await asyncpg.connect(**where)
        try:
            for _, sql in steps():
                for statement in statements_of_step(sql):
                    await connection.execute(schema_to_postgresql(statement))
            collations = {COLLATIONS: dict(await connection.fetch(COLLATIONS))}
            return collations | {statement.id: await prepare(connection, statement.sql) for statement in STATEMENTS}
        finally:
            await connection.close()

    with cluster(programs) as where:
        return asyncio.run(ask(**where))


async def prepare(connection, sql):
    try:
        found = await connection.prepare(to_postgresql(sql))
    except asyncpg.PostgresError as error:
        return error
    return found.get_parameters(), [(column.name, column.type.name) for column in found.get_attributes()]


def test_there_are_statements_to_prepare():
    rooms = {statement.id.split(".")[0] for statement in STATEMENTS}
    assert rooms >= {"access", "associations", "commands", "documents", "nodes", "tags"}
    assert len(STATEMENTS) > 100


def test_every_statement_is_a_constant_of_its_module():
    for module in store_modules():
        for method, sql, _ in calls_on_transactions(module):
            assert isinstance(sql, ast.Name), f"{module.__name__}: tx.{method}({ast.unparse(sql)})"
            assert isinstance(getattr(module, sql.id), str), f"{module.__name__}: {sql.id}"


def test_every_select_is_read_by_a_function():
    used = {
        f"{module.__name__.removeprefix('stateward.')}.{sql.id}"
        for module in store_modules()
        for _, sql, _ in calls_on_transactions(module)
    }
    beginnings = ("COLUMNS",)
    assert [one.id for one in STATEMENTS if one.id not in used and not one.id.endswith(beginnings)] == []


@each_statement
def test_parameters_are_numbered_without_gaps(statement):
    assert statement.parameters == list(range(1, len(statement.parameters) + 1))


@each_statement
def test_sqlite_takes_it(sqlite, statement):
    details = apsw.ext.query_info(sqlite, to_sqlite(statement.sql))
    assert details.query_remaining is None, "one statement"
    assert details.bindings_count == len(statement.parameters)
    for row_type in statement.row_types:
        check_names([name for name, _ in details.description], row_type)


@each_statement
def test_postgresql_takes_it(prepared, statement):
    found = prepared[statement.id]
    if isinstance(found, Exception):
        pytest.fail(f"{type(found).__name__}: {found}\n{to_postgresql(statement.sql)}")
    parameters, columns = found
    assert len(parameters) == len(statement.parameters)
    for row_type in statement.row_types:
        check_names([name for name, _ in columns], row_type)
        for (name, told), kind in zip(columns, fields_of(row_type).values(), strict=True):
            assert told in KINDS[kind], f"{name}: PostgreSQL has {told}, {row_type.__name__} has {kind.__name__}"


def check_names(columns, row_type):
    fields = list(fields_of(row_type))
    assert len(columns) == len(fields), f"{row_type.__name__} has {fields}, the statement has {columns}"
    for column, field in zip(columns, fields, strict=True):
        named = IDENTIFIER.fullmatch(column) and column not in UNNAMED
        assert not named or column == field, f"column {column} is read into {row_type.__name__}.{field}"


def test_text_sorts_as_in_sqlite(prepared):
    """Else PostgreSQL would order page keys by the language of its database."""
    assert len(prepared[COLLATIONS]) > 100
    assert {key: collation for key, collation in prepared[COLLATIONS].items() if collation != "C"} == {}


def test_readers_are_all_looked_at():
    methods = {method for module in store_modules() for method, _, _ in calls_on_transactions(module)}
    assert methods >= {*READERS, "execute", "execute_many"}
