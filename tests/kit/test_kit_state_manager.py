"""The test kit from inside a test: what `state_manager` gives (D59)."""

import json
import os
import subprocess
import sys
import unittest
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from stateward.testing import KitError, StateManager, StateManagerFailed
from stateward.testing.sandbox import StateManager as TheClass

RESTART = {
    "schemaVersion": "2.2",
    "mainSteps": [
        {"action": "aws:runShellScript", "name": "fetch", "inputs": {"runCommand": ["true"]}},
        {"action": "aws:runShellScript", "name": "restart", "inputs": {"runCommand": ["true"]}},
    ],
}
EVERY_NODE = [{"Key": "InstanceIds", "Values": ["*"]}]


def deploy(targets=EVERY_NODE, **members):
    """What code under test does: it makes its own client, and knows nothing of a kit."""
    ssm = boto3.client("ssm")
    ssm.create_document(Name="nightly", DocumentType="Command", Content=json.dumps(RESTART))
    members.setdefault("ScheduleExpression", "rate(1 day)")
    created = ssm.create_association(Name="nightly", Targets=targets, **members)
    return created["AssociationDescription"]["AssociationId"]


def statuses(state_manager, association_id):
    return [one["Status"] for one in state_manager.executions(association_id)]


# Client and surroundings


def test_a_client_made_by_the_code_under_test_reaches_the_same_server(state_manager):
    association_id = deploy()
    (found,) = state_manager.client.list_associations()["Associations"]
    assert found["AssociationId"] == association_id


def test_every_test_has_a_server_of_its_own(state_manager):
    assert state_manager.client.list_associations()["Associations"] == []
    assert state_manager.fleet.nodes == []


def test_a_client_with_keys_of_its_own_is_let_in(state_manager):
    ssm = boto3.client("ssm", aws_access_key_id="testing", aws_secret_access_key="testing")
    assert ssm.list_associations()["Associations"] == []


def test_the_aws_cli_reaches_the_server(state_manager):
    state_manager.fleet.add(2)
    aws = [sys.executable, "-m", "awscli", "ssm", "describe-instance-information"]
    ran = subprocess.run([*aws, "--output", "json"], capture_output=True, text=True, check=True, timeout=60)
    assert len(json.loads(ran.stdout)["InstanceInformationList"]) == 2


def test_the_surroundings_are_as_before_afterwards(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL_SSM", raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    before, session = dict(os.environ), boto3.DEFAULT_SESSION
    with StateManager(region="eu-west-2") as state_manager:
        assert "AWS_PROFILE" not in os.environ
        assert os.environ["AWS_REGION"] == "eu-west-2"
        assert os.environ["AWS_ENDPOINT_URL_SSM"] == state_manager.url
        association_id = deploy()
    assert association_id
    assert dict(os.environ) == before
    assert boto3.DEFAULT_SESSION is session


@mock_aws
def test_moto_has_the_rest_and_stateward_state_manager(state_manager):
    boto3.client("s3").create_bucket(Bucket="reports")
    state_manager.fleet.add(1)
    association_id = deploy()
    assert [one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]] == ["reports"]
    assert statuses(state_manager, association_id) == ["Success"]


def test_moto_inside_the_test_does_not_get_in_between(state_manager):
    with mock_aws():
        association_id = deploy()
        queue = boto3.client("sqs").create_queue(QueueName="jobs")
    assert "jobs" in queue["QueueUrl"]
    assert state_manager.client.describe_association(AssociationId=association_id)


# Clock


def test_a_month_of_nights_is_in_the_history(state_manager):
    state_manager.fleet.add(20, tags={"env": "prod"})
    state_manager.fleet.script("Failed", nodes=3, step="restart", output="disk full")
    association_id = deploy([{"Key": "tag:env", "Values": ["prod"]}])
    state_manager.clock.advance(days=30)
    history = state_manager.executions(association_id)
    assert len(history) == 31
    assert {one["ResourceCountByStatus"] for one in history} == {"{Failed=3, Success=17}"}
    failed = [step for step in state_manager.steps(history[-1]) if step["Status"] == "Failed"]
    assert [step["PluginName"] for step in failed] == ["restart"] * 3
    assert {step["StandardOutputContent"] for step in failed} == {"disk full"}


def test_history_is_kept_for_ever(state_manager):
    state_manager.fleet.add(1)
    association_id = deploy()
    state_manager.clock.advance(weeks=20)
    assert len(state_manager.executions(association_id)) == 141


def test_the_clock_turns_by_words_texts_and_timedeltas(state_manager):
    start = state_manager.clock.now
    state_manager.clock.advance(days=1, hours=2)
    state_manager.clock.advance("30m")
    state_manager.clock.advance(timedelta(milliseconds=5))
    assert state_manager.clock.now - start == timedelta(days=1, hours=2, minutes=30, milliseconds=5)


def test_the_clock_turns_to_an_instant(state_manager):
    state_manager.clock.to(datetime(2031, 1, 5, 2, tzinfo=UTC))
    assert state_manager.clock.now == datetime(2031, 1, 5, 2, tzinfo=UTC)
    assert state_manager.clock.next is None
    deploy(ScheduleExpression="cron(30 2 ? * SUN *)")
    assert state_manager.clock.next == datetime(2031, 1, 5, 2, 30, tzinfo=UTC)
    state_manager.clock.to("2031-01-05T03:00:00Z")
    assert state_manager.clock.next == datetime(2031, 1, 12, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (lambda clock: clock.advance(), "by how much"),
        (lambda clock: clock.advance("1d", days=1), "not both"),
        (lambda clock: clock.advance(days=-1), "forward only"),
        (lambda clock: clock.advance("soon"), "write a number and a unit"),
        (lambda clock: clock.to(datetime(2031, 1, 1)), "no time zone"),
        (lambda clock: clock.to("2001-01-01T00:00:00Z"), "turns forward only"),
    ],
)
def test_a_turn_that_is_none_says_what_would_be_one(state_manager, turn, words):
    with pytest.raises(KitError, match=words):
        turn(state_manager.clock)


# Fleet


def test_nodes_go_and_what_they_missed_is_caught_up(state_manager):
    first, second = state_manager.fleet.add(2)
    state_manager.fleet.offline(second, duration=timedelta(hours=30))
    association_id = deploy()
    state_manager.clock.advance(hours=1)
    assert {node["id"]: node["state"] for node in state_manager.fleet.nodes} == {first: "online", second: "offline"}
    state_manager.clock.advance(days=3)
    nodes = {
        step["InstanceId"] for one in state_manager.executions(association_id) for step in state_manager.steps(one)
    }
    assert nodes == {first, second}


def test_nodes_come_back_reboot_and_leave_when_told(state_manager):
    first, second, third = state_manager.fleet.add(3)
    state_manager.fleet.offline([first, second])
    state_manager.fleet.online(2)
    state_manager.fleet.reboot(third, duration="5m")
    assert [node["state"] for node in state_manager.fleet.nodes] == ["online", "online", "offline"]
    state_manager.fleet.remove([first])
    assert [node["id"] for node in state_manager.fleet.nodes] == [second, third]


def test_a_rule_may_come_before_the_document_that_it_is_about(state_manager):
    state_manager.fleet.add(1)
    state_manager.fleet.script("Failed", document="nightly", step="fetch", run=1)
    association_id = deploy()
    state_manager.clock.advance(days=1)
    assert statuses(state_manager, association_id) == ["Failed", "Success"]


def test_a_name_that_fitted_once_is_no_mistake(state_manager):
    state_manager.fleet.add(1)
    state_manager.fleet.script("Failed", step="restart")
    association_id = deploy()
    state_manager.settle()
    state_manager.client.delete_association(AssociationId=association_id)
    state_manager.client.delete_document(Name="nightly")
    state_manager.verify()


def test_a_script_can_be_cleared(state_manager):
    state_manager.fleet.add(1)
    state_manager.fleet.script("Failed", step="a step that is not there")
    state_manager.fleet.clear_script()
    assert statuses(state_manager, deploy()) == ["Success"]


def test_a_delay_is_how_long_a_step_takes(state_manager):
    state_manager.fleet.add(1)
    state_manager.fleet.script(step="restart", delay=timedelta(minutes=10))
    association_id = deploy()
    state_manager.clock.advance(minutes=9)
    assert statuses(state_manager, association_id) == ["InProgress"]
    state_manager.clock.advance(minutes=1)
    assert statuses(state_manager, association_id) == ["Success"]


def test_contradictions_of_a_rule_are_said_at_once(state_manager):
    with pytest.raises(KitError, match="a silent node never answers"):
        state_manager.fleet.script("Failed", silent=True)
    with pytest.raises(KitError, match="no simulated node here"):
        state_manager.fleet.script("Failed", nodes=["mi-1"])
    with pytest.raises(KitError, match="a status is one of Success, Failed, TimedOut, Skipped"):
        state_manager.fleet.script("Broken")
    first, last = state_manager.fleet.add(2)
    with pytest.raises(KitError, match=f"no simulated node here; there are 2, {first} to {last}"):
        state_manager.fleet.offline("mi-nope")
    with pytest.raises(KitError, match="which nodes"):
        state_manager.fleet.offline([])


def test_a_refusal_of_the_api_comes_without_the_frames_of_botocore(state_manager):
    with pytest.raises(ClientError) as refused:
        state_manager.executions("00000000-0000-0000-0000-000000000000")
    assert [one.path.name for one in refused.traceback if "botocore" in str(one.path)] == []


def test_alarms_are_set_by_name(state_manager):
    state_manager.fleet.add(1)
    state_manager.alarms.set("disk", "ALARM")
    association_id = deploy(AlarmConfiguration={"Alarms": [{"Name": "disk"}]})
    assert state_manager.alarms.states == {"disk": "ALARM"}
    assert statuses(state_manager, association_id) == ["Failed"]
    state_manager.alarms.set("disk", None)
    assert state_manager.alarms.states == {}


# Real nodes


@pytest.fixture
def real_node(state_manager):
    return state_manager.fleet.add_real(tags={"env": "dev"}, name="this machine")


def test_a_real_node_runs_real_shell_steps(state_manager, real_node):
    commands = ["echo out $((6 * 7))", "echo err >&2", "exit 3"]
    created = boto3.client("ssm").create_association(
        Name="AWS-RunShellScript",
        Targets=[{"Key": "tag:env", "Values": ["dev"]}],
        Parameters={"commands": commands},
    )
    (execution,) = state_manager.executions(created["AssociationDescription"]["AssociationId"])
    (step,) = state_manager.steps(execution)
    assert (step["InstanceId"], step["Status"], step["ResponseCode"]) == (real_node, "Failed", 3)
    assert (step["StandardOutputContent"], step["StandardErrorContent"].splitlines()[0]) == ("out 42\n", "err")


def test_with_a_real_node_only_the_key_in_the_environment_counts(state_manager, real_node):
    stranger = boto3.client("ssm", aws_access_key_id="testing", aws_secret_access_key="testing")
    with pytest.raises(ClientError) as refused:
        stranger.send_command(DocumentName="AWS-RunShellScript", InstanceIds=[real_node])
    assert refused.value.response["Error"]["Code"] == "UnrecognizedClientException"
    assert boto3.client("ssm").list_commands()["Commands"] == []


def test_what_a_real_node_has_started_ends_with_it(tmp_path):
    state_manager = StateManager().start()
    try:
        node = state_manager.fleet.add_real()
        sleepers = tmp_path / "sleepers"
        commands = [f"setsid sleep 600 & echo $! > {sleepers}", f"sleep 600 & echo $! >> {sleepers}", "exit 0"]
        state_manager.client.send_command(
            DocumentName="AWS-RunShellScript", InstanceIds=[node], Parameters={"commands": commands}
        )
        state_manager.settle()
        processes = [int(line) for line in sleepers.read_text().split()]
        assert [is_alive(process) for process in processes] == [True, True]
    finally:
        state_manager.stop()
    assert [is_alive(process) for process in processes] == [False, False]


def is_alive(process_id):
    """A zombie, whose parent has not looked yet, is not."""
    try:
        with open(f"/proc/{process_id}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


# Without pytest


def test_the_class_is_what_the_package_names():
    assert StateManager is TheClass


def test_a_with_block_is_a_test_too():
    with StateManager(account_id="210987654321") as state_manager:
        state_manager.fleet.add(1)
        document = state_manager.client.describe_document(Name="AWS-RunShellScript")
        assert document["Document"]["Name"] == "AWS-RunShellScript"
        with pytest.raises(KitError, match="runs already"):
            state_manager.start()


def with_a_wrong_name(after=lambda: None):
    with StateManager() as state_manager:
        deploy()
        state_manager.fleet.script("Failed", step="restrat")
        after()


def test_a_with_block_ends_with_what_is_wrong():
    with pytest.raises(StateManagerFailed, match="your documents have fetch, restart"):
        with_a_wrong_name()


def test_a_with_block_lets_the_first_mistake_speak():
    with pytest.raises(ZeroDivisionError):
        with_a_wrong_name(after=lambda: 1 / 0)


class WithUnittest(unittest.TestCase):
    def setUp(self):
        self.state_manager = self.enterContext(StateManager())

    def test_unittest_has_it_by_the_context_manager(self):
        self.state_manager.fleet.add(1)
        assert statuses(self.state_manager, deploy()) == ["Success"]
