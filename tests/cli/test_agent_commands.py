"""`stateward agent` against a real server: register, run, join."""

import json
import signal

import boto3
import pytest

from live_server import KEY_ID, SECRET
from programs import ADMIN, run, serving, started

AWS = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "eu-west-1"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("agents") / "data", **ADMIN) as program:
        yield program


def ssm_of(server, region):
    return boto3.client(
        "ssm", endpoint_url=server.url, region_name=region, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET
    )


@pytest.fixture
def ssm(server):
    return ssm_of(server, "us-east-1")


@pytest.fixture
def activation(ssm):
    return ssm.create_activation(IamRole="role", DefaultInstanceName="by-hand")


def register(server, activation, folder, *arguments, **env):
    return run(
        *("agent", "register", "--endpoint", server.url, "--activation-id", activation["ActivationId"]),
        *("--state-dir", str(folder), *arguments),
        **env,
    )


def node(ssm, node_id):
    filters = [{"Key": "InstanceIds", "Values": [node_id]}]
    (found,) = ssm.describe_instance_information(Filters=filters)["InstanceInformationList"]
    return found


def output_of(ssm, agent, node_id, script):
    """What a script prints on the node, by way of SendCommand."""
    sent = ssm.send_command(
        InstanceIds=[node_id], DocumentName="AWS-RunShellScript", Parameters={"commands": [script]}
    )["Command"]
    agent.line("command ended", sent["CommandId"])
    return sent["CommandId"]


def test_register_prints_the_node_id_and_takes_the_code_from_its_variable(server, ssm, activation, tmp_path):
    ended = register(server, activation, tmp_path / "agent", STATEWARD_ACTIVATION_CODE=activation["ActivationCode"])
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("mi-")
    assert ended.stdout.count("\n") == 1
    filters = [{"FilterKey": "ActivationIds", "FilterValues": [activation["ActivationId"]]}]
    (used,) = ssm.describe_activations(Filters=filters)["ActivationList"]
    assert used["RegistrationsCount"] == 1


def test_register_takes_the_code_as_an_option(server, activation, tmp_path):
    ended = register(server, activation, tmp_path / "agent", "--activation-code", activation["ActivationCode"])
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_wrong_code_is_refused_and_not_shown(server, activation, tmp_path):
    ended = register(server, activation, tmp_path / "agent", STATEWARD_ACTIVATION_CODE="WRONGWRONGWRONGWRONG")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "InvalidActivation" in ended.stderr
    assert "WRONGWRONGWRONGWRONG" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_server_that_is_not_there(server, activation, tmp_path):
    ended = run(
        *("agent", "join", "--endpoint", "http://127.0.0.1:1", "--state-dir", str(tmp_path)),
        **AWS,
        AWS_MAX_ATTEMPTS="1",
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("stateward: no activation could be created at http://127.0.0.1:1: ")
    assert len(ended.stderr.splitlines()) == 1


def test_run_takes_commands_until_sigterm(server, ssm, activation, tmp_path):
    folder = tmp_path / "agent"
    node_id = register(
        server, activation, folder, STATEWARD_ACTIVATION_CODE=activation["ActivationCode"]
    ).stdout.strip()
    with started("agent", "run", STATEWARD_AGENT_STATE_DIR=str(folder)) as agent:
        agent.line("the control channel is open")
        agent.line("online", node_id)
        assert node(ssm, node_id)["PingStatus"] == "Online"
        assert node(ssm, node_id)["Name"] == "by-hand"
        command_id = output_of(ssm, agent, node_id, "echo from $AWS_SSM_INSTANCE_ID")
        agent.send(signal.SIGTERM)
        assert agent.wait() == 0
    found = ssm.get_command_invocation(CommandId=command_id, InstanceId=node_id)
    assert found["StandardOutputContent"] == f"from {node_id}\n"


def test_join_needs_nothing_but_aws_credentials(server, tmp_path):
    join = ("agent", "join", "--endpoint", server.url, "--state-dir", str(tmp_path / "agent"))
    with started(*join, "--name", "joined", "--tag", "stage=test", **AWS) as agent:
        line = agent.line("online", "node=")
        node_id = next(word.removeprefix("node=") for word in line.split() if word.startswith("node="))
        agent.send(signal.SIGTERM)
        assert agent.wait() == 0
    ssm = ssm_of(server, "eu-west-1")
    assert node(ssm, node_id)["Name"] == "joined"
    tags = ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=node_id)["TagList"]
    assert tags == [{"Key": "stage", "Value": "test"}]
    with started(*join, **AWS) as again:
        again.line("online", node_id)
    assert len(ssm.describe_activations()["ActivationList"]) == 1, "a second join registers nothing"
    assert SECRET not in agent.text + again.text


def test_state_of_a_node_belongs_to_its_user_alone(server, activation, tmp_path):
    folder = tmp_path / "agent"
    register(server, activation, folder, STATEWARD_ACTIVATION_CODE=activation["ActivationCode"])
    modes = {path.relative_to(folder).as_posix(): path.stat().st_mode & 0o077 for path in folder.rglob("*")}
    assert modes
    assert not any(modes.values()), modes
    assert folder.stat().st_mode & 0o077 == 0
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    assert not any(activation["ActivationCode"] in text for text in texts)
    assert any(json.loads(text) for text in texts if text.startswith("{"))
