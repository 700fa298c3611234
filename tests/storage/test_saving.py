"""Rows that changed are written by what has changed."""

import msgspec
import pytest

from stateward.storage.saving import Saving


class Row(msgspec.Struct, frozen=True):
    name: str
    colour: str | None
    size: int


ROWS = "SELECT name, colour, size FROM things ORDER BY name"
RED = Row("a", "red", 1)


@pytest.fixture
def saved(run):
    """The rows that are there after changes were saved to a table of two rows, and the statements that it took."""

    def go(*changes):
        async def work(bench):
            statements = []

            async def inside(tx):
                await tx.execute("CREATE TABLE things (name TEXT PRIMARY KEY, colour TEXT, size BIGINT)")
                await tx.execute("INSERT INTO things VALUES ('a', 'red', 1), ('b', 'red', 1)")
                plain = tx.execute_many

                async def noted(sql, values):
                    statements.append(sql)
                    await plain(sql, values)

                tx.execute_many = noted
                await Saving("things", Row, 1).save(tx, changes)
                return await tx.rows(Row, ROWS)

            return await bench.db.write(inside), statements

        return run(work)

    return go


def test_a_statement_names_only_the_columns_that_changed(saved):
    rows, statements = saved((RED, Row("a", None, 1)))
    assert rows == [Row("a", None, 1), Row("b", "red", 1)]
    assert statements == ["UPDATE things SET colour = $2 WHERE name = $1"]


def test_rows_that_changed_alike_share_a_statement(saved):
    rows, statements = saved((RED, Row("a", "red", 2)), (Row("b", "red", 1), Row("b", "red", 3)))
    assert rows == [Row("a", "red", 2), Row("b", "red", 3)]
    assert len(statements) == 1


def test_of_several_changes_of_a_row_the_last_one_stands(saved):
    blue = Row("a", "blue", 1)
    rows, _ = saved((Row("b", "red", 1), Row("b", "blue", 1)), (RED, blue), (blue, Row("a", "green", 2)))
    assert rows == [Row("a", "green", 2), Row("b", "blue", 1)]


def test_nothing_is_written_where_nothing_changed(saved):
    assert saved((RED, Row("a", "blue", 1)), (Row("a", "blue", 1), RED)) == ([RED, Row("b", "red", 1)], [])
