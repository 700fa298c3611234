"""`stateward fleet run` against a real server, as its users type it."""

import signal
import sys
from collections import Counter

import pytest

from association_calls import executions, newest_targets, targets
from programs import ISOLATED, KEYS, Program, run
from stateward.cli import fleet as fleet_commands
from stateward.cli.server import Server, Where
from waiting import until

SUCCESS, FAILED, TIMED_OUT = ("Success", "Success"), ("Failed", "Failed"), ("TimedOut", "ExecutionTimedOut")
FINAL = ("Success", "Failed", "TimedOut", "Skipped")
UNDER_120_FILES = ("bash", "-c", 'ulimit -n 120; exec "$0" -m stateward "$@"', sys.executable)


@pytest.fixture
def environment(server):
    return {"AWS_ENDPOINT_URL_SSM": server.url, **KEYS, **ISOLATED}


@pytest.fixture
def fleet(environment, tmp_path):
    """Starts fleets; answers each when all its nodes are connected."""
    started = []

    def start(count, *options, script=None):
        if script is not None:
            path = tmp_path / "script.yaml"
            path.write_text(script)
            options += ("--script", str(path))
        program = Program("fleet", "run", str(count), "--connect-rate", "500", *options, **environment)
        started.append(program)
        program.line("connected to")
        return program

    yield start
    for program in started:
        program.close()


def online(ssm):
    pages = ssm.get_paginator("describe_instance_information").paginate()
    return [node for page in pages for node in page["InstanceInformationList"] if node["PingStatus"] == "Online"]


def by_name(ssm):
    """Node id → the name that it calls itself."""
    return {node["InstanceId"]: node["ComputerName"] for node in online(ssm)}


def associate(ssm, commands=("true",), name="AWS-RunShellScript", **members):
    targets_ = [{"Key": "InstanceIds", "Values": ["*"]}]
    given = {"Parameters": {"commands": list(commands)}} if name.startswith("AWS-") else {}
    return ssm.create_association(Name=name, Targets=targets_, **given, **members)["AssociationDescription"][
        "AssociationId"
    ]


def finished(ssm, association_id, count=1):
    """The newest execution, when so many have ended."""

    def found():
        rows = executions(ssm, association_id)
        return len(rows) >= count and all(row["Status"] in FINAL for row in rows) and rows[0]

    return until(found)


def ended(program):
    program.send(signal.SIGINT)
    assert program.wait() == 0, program.text
    return program.text


def test_nodes_are_registered_named_tagged_and_removed_at_the_end(fleet, ssm):
    program = fleet(20, "--name", "load", "--tag", "env=test", "--tag", "team=a")
    names = by_name(ssm)
    assert sorted(names.values()) == [f"load-{number:03d}" for number in range(1, 21)]
    tags = ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=next(iter(names)))["TagList"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"env": "test", "team": "a"}
    said = ended(program)
    assert "20 of 20 nodes were connected · 0 commands running · 0 ended" in said
    assert "20 nodes are deregistered" in said
    assert ssm.describe_instance_information()["InstanceInformationList"] == []
    assert ssm.describe_activations()["ActivationList"] == []


def test_outcomes_go_by_the_script(fleet, ssm):
    script = """
    - {nodes: 3, status: Failed, exit_code: 7, output: almost, error: disk full}
    - {nodes: [fleet-020], status: TimedOut}
    """
    program = fleet(20, "--delay", "10ms..200ms", script=script)
    names = by_name(ssm)
    association_id = associate(ssm)
    assert finished(ssm, association_id)["Status"] == "Failed"
    found = {names[node]: status for node, status in newest_targets(ssm, association_id).items()}
    assert Counter(found.values()) == {SUCCESS: 16, FAILED: 3, TIMED_OUT: 1}
    assert found["fleet-020"] == TIMED_OUT
    failed = next(node for node, name in names.items() if name == "fleet-002")
    (execution,) = executions(ssm, association_id)
    (row,) = [row for row in targets(ssm, association_id, execution["ExecutionId"]) if row["ResourceId"] == failed]
    step = ssm.get_command_invocation(CommandId=row["OutputSource"]["OutputSourceId"], InstanceId=failed)
    assert (step["ResponseCode"], step["StandardOutputContent"], step["StandardErrorContent"]) == (
        7,
        "almost",
        "disk full",
    )
    assert "20 ended, 4 of them not successful" in ended(program)


def test_the_steps_of_a_document_go_as_on_a_real_node(fleet, ssm, document):
    fleet(2, "--delay", "0s", script="- {step: first, status: Failed, nodes: 1}")
    association_id = associate(ssm, name=document())
    finished(ssm, association_id)
    (execution,) = executions(ssm, association_id)
    rows = targets(ssm, association_id, execution["ExecutionId"])
    steps = {}
    for row in rows:
        sent = {"CommandId": row["OutputSource"]["OutputSourceId"], "InstanceId": row["ResourceId"]}
        for name in ("first", "second"):
            found = ssm.get_command_invocation(PluginName=name, **sent)
            steps[by_name(ssm)[row["ResourceId"]], name] = found["Status"]
    assert steps == {
        ("fleet-001", "first"): "Failed",
        ("fleet-001", "second"): "Success",
        ("fleet-002", "first"): "Success",
        ("fleet-002", "second"): "Success",
    }


def test_faults_leave_every_result_in_the_history_exactly_once(fleet, ssm, server):
    script = """
    - {delay: 0s, drop: true}
    - {nodes: 12, delay: 0s, twice: true}
    - {nodes: 4, delay: 0s, late: 10ms..300ms}
    """
    program = fleet(20, script=script)
    association_id = associate(ssm)
    execution = finished(ssm, association_id)
    assert (execution["Status"], execution["ResourceCountByStatus"]) == ("Success", "{Success=20}")
    assert Counter(newest_targets(ssm, association_id).values()) == {SUCCESS: 20}
    until(lambda: len(online(ssm)) == 20)
    assert "20 ended" in ended(program)
    assert len(executions(ssm, association_id)) == 1


def test_a_silent_node_takes_its_work_and_never_answers(fleet, ssm):
    fleet(3, "--delay", "0s", script="- {nodes: [fleet-002], silent: true}")
    names = by_name(ssm)
    association_id = associate(ssm)

    def told():
        return {names[node]: status[0] for node, status in newest_targets(ssm, association_id).items()}

    wanted = {"fleet-001": "Success", "fleet-002": "InProgress", "fleet-003": "Success"}
    until(lambda: executions(ssm, association_id) and told() == wanted)


def test_a_cancelled_command_ends_on_its_nodes(fleet, ssm):
    fleet(3, "--delay", "1h")
    sent = ssm.send_command(
        DocumentName="AWS-RunShellScript",
        Parameters={"commands": ["true"]},
        Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
    )["Command"]["CommandId"]

    def statuses():
        return [one["Status"] for one in ssm.list_command_invocations(CommandId=sent)["CommandInvocations"]]

    until(lambda: statuses() == ["InProgress"] * 3)
    ssm.cancel_command(CommandId=sent)
    until(lambda: statuses() == ["Cancelled"] * 3)


def test_kept_state_brings_the_same_nodes_back(fleet, ssm, tmp_path):
    kept = ("--state-dir", str(tmp_path / "fleet"), "--delay", "0s")
    assert "deregistered" not in ended(fleet(5, *kept))
    for name in ("key.pem", "fleet.jsonl"):
        assert (tmp_path / "fleet" / name).stat().st_mode & 0o777 == 0o600
    before = {node["InstanceId"] for node in ssm.describe_instance_information()["InstanceInformationList"]}
    assert len(before) == 5
    program = fleet(7, *kept)
    after = {node["InstanceId"] for node in online(ssm)}
    assert len(after) == 7
    assert before < after
    association_id = associate(ssm)
    assert finished(ssm, association_id)["ResourceCountByStatus"] == "{Success=7}"
    ended(program)
    assert "7 nodes are deregistered" in ended(fleet(2, *kept, "--deregister"))
    assert ssm.describe_instance_information()["InstanceInformationList"] == []


def test_the_state_of_another_server_is_refused(fleet, environment, tmp_path):
    kept = ("--state-dir", str(tmp_path / "fleet"))
    ended(fleet(1, *kept))
    path = tmp_path / "fleet" / "fleet.jsonl"
    path.write_text(path.read_text().replace(environment["AWS_ENDPOINT_URL_SSM"], "http://127.0.0.1:1"))
    refused = run("fleet", "run", "1", *kept, **environment)
    assert refused.returncode == 1
    assert "that fleet is registered at http://127.0.0.1:1 in us-east-1, not at" in refused.stderr


def test_a_signal_ends_what_runs_as_an_agent_that_stops_does(fleet, ssm, tmp_path):
    program = fleet(4, "--delay", "1h", "--state-dir", str(tmp_path / "fleet"))
    association_id = associate(ssm)
    until(lambda: [status for status, _ in newest_targets(ssm, association_id).values()] == ["InProgress"] * 4)
    program.send(signal.SIGTERM)
    assert program.wait() == 0, program.text
    assert finished(ssm, association_id)["ResourceCountByStatus"] == "{Failed=4}"
    assert "Traceback" not in program.text


def test_too_few_open_files_are_told_before_anything_is_done(environment, ssm):
    refused = run("fleet", "run", "100", program=UNDER_120_FILES, **environment)
    assert refused.returncode == 64
    assert refused.stderr == (
        "stateward: 100 nodes need 196 open files, and this process may have 120: raise the hard limit "
        "(`ulimit -n 196` as root, or nofile in /etc/security/limits.conf), or hold at most 24 nodes\n"
    )
    assert ssm.describe_activations()["ActivationList"] == []


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--delay", "soon"), "--delay: duration 'soon': write a number and a unit"),
        (("--tag", "env"), "--tag 'env': use key=value"),
        (("--name", "a b"), "--name 'a b': use up to 200 letters, digits, dots, _ and -"),
        (("--deregister",), "--deregister is for nodes that --state-dir keeps"),
        (("--log-level", "loud"), "loud"),
        (("--script", "/nowhere/script.yaml"), "/nowhere/script.yaml: the script cannot be read"),
    ],
)
def test_wrong_options_are_told(environment, words, text):
    refused = run("fleet", "run", "1", *words, **environment)
    assert refused.returncode == 64
    assert text in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_name_in_the_script_that_no_node_has_is_told(environment, ssm, tmp_path):
    path = tmp_path / "script.yaml"
    path.write_text("- nodes: [fleet-05, mi-0123456789abcdef0]\n  silent: true\n")
    refused = run("fleet", "run", "50", "--script", str(path), **environment)
    assert refused.returncode == 64
    assert refused.stderr == (
        f"stateward: {path}: nodes: 'fleet-05' is no node of this fleet, whose nodes are fleet-001 to fleet-050; "
        "ids (mi-…) are good too\n"
    )
    assert ssm.describe_activations()["ActivationList"] == []


def test_a_server_that_is_not_there_is_told(environment):
    away = {**environment, "AWS_ENDPOINT_URL_SSM": "http://127.0.0.1:1"}
    refused = run("fleet", "run", "1", **away)
    assert refused.returncode == 5
    assert "http://127.0.0.1:1 cannot be reached" in refused.stderr


def test_there_are_as_many_activations_as_the_nodes_need(server, ssm, environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(fleet_commands, "MOST_OF_AN_ACTIVATION", 8)
    made = fleet_commands._activations(Server(Where()), 20, [])
    assert [one.limit for one in made] == [8, 8, 4]
    kept = {one["ActivationId"]: one["RegistrationLimit"] for one in ssm.describe_activations()["ActivationList"]}
    assert kept == {one.activation_id: one.limit for one in made}
