"""Exported history: every execution, target and step once, in three formats, by route, command and view."""

import csv
import io
import json

import apsw
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from association_calls import create, executions, start_once
from programs import ISOLATED, KEYS
from stateward.cli import history_export
from stateward.cli.main import app


@pytest.fixture
def association(server, ssm, fleet, document):
    """An association that ran three times, a day apart, on twelve nodes; its id."""
    fleet.add(12)
    fleet.script(status="Failed", error="=disk full", nodes=2)
    association_id = create(ssm, document())["AssociationId"]
    for _ in range(2):
        server.clock(advance="1d")
        start_once(ssm, association_id)
    server.clock(advance="1m")
    return association_id


@pytest.fixture
def export(server, tmp_path):
    def invoke(*words, code=0):
        env = {"AWS_ENDPOINT_URL_SSM": server.url, "STATEWARD_DATA_DIR": str(tmp_path), **KEYS, **ISOLATED}
        result = CliRunner().invoke(app, ["history", "export", *map(str, words)], env=env)
        assert result.exit_code == code, (result.stderr, result.exception)
        return result

    return invoke


def rows_of(export, *words):
    return [json.loads(line) for line in export(*words).stdout.splitlines()]


def test_executions_are_what_the_api_shows(export, association, ssm):
    rows = rows_of(export)
    shown = executions(ssm, association)[::-1]
    assert [row["execution_id"] for row in rows] == [one["ExecutionId"] for one in shown]
    assert [row["status"] for row in rows] == [one["Status"] for one in shown]
    assert [row["created"][:23] for row in rows] == [
        one["CreatedTime"].isoformat(timespec="milliseconds")[:23] for one in shown
    ]
    assert rows[0]["failed"] + rows[0]["success"] == rows[0]["target_count"] == 12
    assert rows[0]["cause"] == "version:1"


def test_targets_and_steps_come_once_each(export, association):
    targets = rows_of(export, "--rows", "targets")
    assert len(targets) == len({(row["execution_id"], row["resource_id"]) for row in targets}) == 36
    steps = rows_of(export, "--rows", "steps", "--with-output")
    assert {(row["execution_id"], row["resource_id"]) for row in steps} == {
        (row["execution_id"], row["resource_id"]) for row in targets
    }
    assert {row["standard_error"] for row in steps if row["status"] == "Failed"} == {"=disk full"}
    assert "standard_output" not in rows_of(export, "--rows", "steps")[0]


def test_pages_join_without_gap_or_double(export, association, monkeypatch):
    whole = {rows: rows_of(export, "--rows", rows) for rows in ("executions", "targets", "steps")}
    monkeypatch.setattr("stateward.associations.exporting.PAGE", 2)
    assert {rows: rows_of(export, "--rows", rows) for rows in whole} == whole


def test_a_range_is_by_creation(export, association, ssm):
    days = [row["created"] for row in rows_of(export)]
    assert [row["created"] for row in rows_of(export, "--since", days[1])] == days[1:]
    assert [row["created"] for row in rows_of(export, "--until", days[1])] == days[:1]
    assert len(rows_of(export, "--since", "36h")) == 2


def test_one_association_only(export, association, ssm, server, document):
    other = create(ssm, document("other"))["AssociationId"]
    server.settle()
    assert {row["association_id"] for row in rows_of(export)} == {association, other}
    assert {row["association_id"] for row in rows_of(export, "--association", other)} == {other}
    assert "there is no association 'no-such'" in export("--association", "no-such", code=3).stderr


def test_a_deleted_association_keeps_its_history(export, association, ssm):
    ssm.delete_association(AssociationId=association)
    assert len(rows_of(export)) == 3


def test_another_region_sees_nothing(server, export, association):
    assert rows_of(export, "--region", "eu-central-1") == []


def test_csv_has_a_header_and_no_formulas(export, association):
    text = export("--rows", "steps", "--with-output", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["execution_id"] for row in rows} == {row["execution_id"] for row in rows_of(export)}
    assert {row["standard_error"] for row in rows} == {"", "'=disk full"}


def test_parquet_has_types(export, association, tmp_path):
    said = export("--format", "parquet", "--to", tmp_path / "executions.parquet")
    assert said.stderr == "3 rows\n"
    table = pyarrow.parquet.read_table(tmp_path / "executions.parquet")
    assert str(table.schema.field("created").type) == "timestamp[ms, tz=UTC]"
    assert str(table.schema.field("success").type) == "int64"
    assert table.column("status").to_pylist() == [row["status"] for row in rows_of(export)]


def test_a_file_is_whole_or_not_there(tmp_path):
    def lines():
        yield '{"a": 1}'
        raise OSError("the connection broke")

    target = tmp_path / "out.jsonl"
    from stateward.cli.history import _to_file

    with pytest.raises(OSError, match="the connection broke"):
        _to_file(lines(), "jsonl", target)
    assert list(tmp_path.iterdir()) == []


def test_without_pyarrow_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(history_export.NoParquet, match=r"pip install 'stateward\[parquet\]'"):
        history_export.write([], "parquet", io.BytesIO())


def test_a_wrong_word_is_explained(export):
    assert "use one of executions, targets, steps" in export("--rows", "nodes", code=64).stderr
    assert "use one of jsonl, csv, parquet" in export("--format", "xml", code=64).stderr
    assert "or an instant: 2026-12-24T18:00:00Z" in export("--since", "yesterday", code=64).stderr


def test_the_views_answer_others_while_the_server_runs(server, association):
    """What Grafana does: a second program that only reads."""
    database = apsw.Connection(str(server.config.data_dir / "stateward.db"), flags=apsw.SQLITE_OPEN_READONLY)
    counts = dict(database.execute("SELECT status, COUNT(*) FROM history_targets GROUP BY status"))
    assert counts == {"Success": 30, "Failed": 6}
    late = "SELECT association_name, MAX(created_ms) FROM history_executions GROUP BY association_id"
    assert len(list(database.execute(late))) == 1
