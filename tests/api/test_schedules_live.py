"""Schedules on a turning clock: what fires, when, and what it leaves in the history (spec 3.5, 4.1)."""

import shutil

import pytest

from association_calls import create, executions, overview, start_once, statuses
from stateward.access.key_proof import AnotherMasterKey
from stateward.clock import wall_ms

START = "2030-07-02T10:07:13.250Z"


@pytest.fixture
def at_start(server):
    """The clock at the instant from which the specification's rate vectors count."""
    server.clock(to=START)


def created(ssm, association_id):
    """CreatedTime of each execution, oldest first, as text without the date's year."""
    rows = executions(ssm, association_id)
    return [row["CreatedTime"].strftime("%m-%dT%H:%M:%S") for row in reversed(rows)]


@pytest.mark.parametrize(
    ("expression", "advance", "expected"),
    [
        pytest.param(
            "rate(30 minutes)",
            "90m",
            ["07-02T10:07:13", "07-02T10:37:13", "07-02T11:07:13", "07-02T11:37:13"],
            id="SCH-03 R1",
        ),
        pytest.param("rate(1 hour)", "2h", ["07-02T10:07:13", "07-02T11:07:13", "07-02T12:07:13"], id="SCH-03 R2"),
        pytest.param("rate(1day)", "1d", ["07-02T10:07:13", "07-03T10:07:13"], id="SCH-03 R8"),
        pytest.param("rate(7 days)", "14d", ["07-02T10:07:13", "07-09T10:07:13", "07-16T10:07:13"], id="SCH-03 R6"),
        pytest.param(
            "cron(0/30 * * * ? *)", "1h", ["07-02T10:07:13", "07-02T10:30:00", "07-02T11:00:00"], id="SCH-01 S01"
        ),
        pytest.param("cron(15 13 ? * TUE *)", "6h", ["07-02T10:07:13", "07-02T13:15:00"], id="SCH-05 Tuesday"),
        pytest.param("cron(15 13 ? * 3 *)", "6h", ["07-02T10:07:13", "07-02T13:15:00"], id="SCH-05 Tuesday is 3"),
        pytest.param("at(2030-07-07T15:55:00)", "20d", ["07-02T10:07:13", "07-07T15:55:00"], id="SCH-08 A1"),
        pytest.param("at(2030-07-01T00:00:00)", "20d", ["07-02T10:07:13"], id="D9 past moment"),
    ],
)
def test_schedules_fire(server, ssm, document, at_start, expression, advance, expected):
    association_id = create(ssm, document(), ScheduleExpression=expression)["AssociationId"]
    server.clock(advance=advance)
    assert created(ssm, association_id) == expected


@pytest.mark.parametrize(
    ("expression", "advance", "expected"),
    [
        pytest.param("at(2030-07-07T15:55:00)", "20d", ["07-07T15:55:00"], id="SCH-03 A2"),
        pytest.param("at(2030-07-01T00:00:00)", "20d", ["07-02T10:07:13"], id="SCH-07 A3"),
        pytest.param("cron(0 12 * * ? *)", "36h", ["07-02T12:00:00", "07-03T12:00:00"], id="cron"),
    ],
)
def test_only_at_cron_interval(server, ssm, document, at_start, expression, advance, expected):
    members = {"ScheduleExpression": expression, "ApplyOnlyAtCronInterval": True}
    association_id = create(ssm, document(), **members)["AssociationId"]
    server.clock(advance=advance)
    assert created(ssm, association_id) == expected


@pytest.mark.slow_all  # three days of them are in tests/simulation
def test_a_month_of_half_hours_is_complete(server, ssm, document, at_start):
    association_id = create(ssm, document(), ScheduleExpression="rate(30 minutes)")["AssociationId"]
    answer = server.clock(advance="30d")
    rows = executions(ssm, association_id)
    assert len(rows) == 30 * 48 + 1
    assert answer["fired_count"] == 30 * 48
    gaps = {rows[n]["CreatedTime"] - rows[n + 1]["CreatedTime"] for n in range(len(rows) - 1)}
    assert {gap.total_seconds() for gap in gaps} == {1800.0}


def test_missed_fires_run_once_sch_10(start_server, tmp_path, document):
    server = start_server(data_dir=tmp_path)
    ssm = server.client()
    ssm.create_document(Name="short", Content=SHORT, DocumentType="Command")
    association_id = create(ssm, "short", ScheduleExpression="rate(30 minutes)")["AssociationId"]
    server.clock(advance="1m")
    now = server.clock()["now"]
    server.stop()
    later = start_server(data_dir=tmp_path)
    later.thread_server.clock._now_ms = _ms(now) + 100 * 60_000
    later.thread_server.engine.wake()
    later.settle()
    ssm = later.client()
    assert len(executions(ssm, association_id)) == 2
    later.clock(advance="18m")
    assert len(executions(ssm, association_id)) == 2
    later.clock(advance="2m")
    assert len(executions(ssm, association_id)) == 3, "the grid goes on: two hours after the creation"


def test_a_restart_keeps_the_time_the_order_and_the_grid(start_server, tmp_path):
    server = start_server(data_dir=tmp_path)
    server.clock(to=START)
    ssm = server.client()
    ssm.create_document(Name="short", Content=SHORT, DocumentType="Command")
    association_id = create(ssm, "short", ScheduleExpression="rate(30 minutes)")["AssociationId"]
    server.clock(advance="45m")
    stood = server.clock()
    server.stop()
    later = start_server(data_dir=tmp_path)
    later.settle()
    assert later.clock() == stood
    later.clock(advance="30m")
    ssm = later.client()
    start_once(ssm, association_id)
    later.settle()
    expected = ["07-02T10:07:13", "07-02T10:37:13", "07-02T11:07:13", "07-02T11:22:13"]
    assert created(ssm, association_id) == expected
    later.clock(advance="30m")
    assert created(ssm, association_id)[4:] == ["07-02T11:37:13"]


def test_a_start_that_fails_leaves_the_time(start_server, tmp_path):
    server = start_server(data_dir=tmp_path)
    server.clock(to=START)
    server.stop()
    key = tmp_path / "master.key"
    right = key.read_bytes()
    key.write_bytes(bytes(32))
    with pytest.raises(AnotherMasterKey):
        server.start()
    key.write_bytes(right)
    server.start()
    assert server.clock()["now"] == START


def test_a_killed_server_goes_on_no_earlier_than_its_newest_execution(start_server, tmp_path):
    (tmp_path / "first").mkdir()
    server = start_server(data_dir=tmp_path / "first")
    ssm = server.client()
    ssm.create_document(Name="short", Content=SHORT, DocumentType="Command")
    association_id = create(ssm, "short")["AssociationId"]
    server.settle()
    server.thread_server.clock._now_ms += 3_600_000  # in the middle of a long advance
    start_once(ssm, association_id)
    shutil.copytree(tmp_path / "first", tmp_path / "killed")
    later = start_server(data_dir=tmp_path / "killed")
    newest, _ = executions(later.client(), association_id)
    assert later.clock()["now"] >= newest["CreatedTime"].strftime("%Y-%m-%dT%H:%M:%S")
    assert newest["CreatedTime"].timestamp() * 1000 > wall_ms() + 3_000_000


def test_a_long_advance_names_what_fired(server, ssm, document, at_start):
    association_id = create(ssm, document(), ScheduleExpression="rate(1 hour)")["AssociationId"]
    answer = server.clock(advance="90m")
    assert answer["fired"] == [{"at": "2030-07-02T11:07:13.250Z", "what": f"schedule of association {association_id}"}]
    assert answer["now"] == "2030-07-02T11:37:13.250Z"
    assert answer["next"] == {"at": "2030-07-02T12:07:13.250Z", "what": "a schedule"}


def test_two_associations_keep_their_own_times(server, ssm, document, at_start):
    name = document()
    first = create(ssm, name, ScheduleExpression="rate(30 minutes)")["AssociationId"]
    server.clock(advance="10m")
    second = create(ssm, name, ScheduleExpression="rate(30 minutes)")["AssociationId"]
    server.clock(advance="30m")
    assert created(ssm, first) == ["07-02T10:07:13", "07-02T10:37:13"]
    assert created(ssm, second) == ["07-02T10:17:13", "07-02T10:47:13"]


def test_statuses_follow_each_run(server, ssm, nodes, document, at_start):
    outcomes = iter(["Success", "Failed", "TimedOut"])
    nodes.one(script=lambda job: next(outcomes))
    association_id = create(ssm, document(), ScheduleExpression="rate(30 minutes)")["AssociationId"]
    server.clock(advance="1h")
    assert statuses(ssm, association_id) == [
        ("TimedOut", "TimedOut", "{TimedOut=1}"),
        ("Failed", "Failed", "{Failed=1}"),
        ("Success", "Success", "{Success=1}"),
    ]
    assert overview(ssm, association_id) == ("Failed", "TimedOut", {"TimedOut": 1})


def _ms(text):
    from stateward.wire.protocol import parse_instant

    return parse_instant(text)


SHORT = (
    '{"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "only", '
    '"inputs": {"runCommand": ["true"]}}]}'
)
