"""`stateward nodes` against a running server, as its users type it."""

import json
import re
import subprocess

import pytest
from typer.testing import CliRunner

from live_server import KEY_ID, REGION, SECRET
from programs import ISOLATED, KEYS, run, serving
from stateward.cli.main import app
from stateward.joining import Joining, built_in_agent, official_agent_linux, official_agent_windows

PEM = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"


@pytest.fixture
def stateward(server, tmp_path):
    """Runs `stateward nodes …` with a server and its keys in the environment."""

    def invoke(*words, **env):
        known = {"AWS_ENDPOINT_URL_SSM": server.url, "STATEWARD_DATA_DIR": str(tmp_path), **KEYS, **ISOLATED, **env}
        return CliRunner().invoke(app, ["nodes", *words], env=known)

    return invoke


def answered(result):
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refused(result):
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.exit_code, result.stderr.removeprefix("stateward: ").rstrip("\n")


# activate


def test_activate_prints_commands_that_use_the_activation(stateward, server, ssm):
    shown = answered(stateward("activate", "--name", "web", "--tag", "role=web", "--tag", "a=b", "--limit", "3"))
    (made,) = ssm.describe_activations()["ActivationList"]
    assert made["DefaultInstanceName"] == "web"
    assert made["RegistrationLimit"] == 3
    assert made["IamRole"] == "stateward"
    assert {tag["Key"]: tag["Value"] for tag in made["Tags"]} == {"role": "web", "a": "b"}
    assert f"# Activation {made['ActivationId']}, for 3 machines, until " in shown
    assert shown.count(made["ActivationId"]) == 4
    assert f"--endpoint {server.url} " in shown
    assert f'"Endpoint": "{server.url}"' in shown
    assert "takes https only" in shown


def test_activate_says_where_it_writes(stateward, server):
    told = stateward("activate").stderr
    assert f"→ {server.url} · {REGION} · key {KEY_ID}\n" in told
    assert "leads nowhere from other machines" in told
    assert SECRET not in told


@pytest.mark.parametrize(("text", "hours"), [("90m", 1.5), ("24h", 24), ("7d", 168)])
def test_activations_end_when_they_are_told_to(stateward, ssm, text, hours):
    told = json.loads(answered(stateward("activate", "--expires", text, "-o", "json")))
    (made,) = ssm.describe_activations()["ActivationList"]
    lasts = made["ExpirationDate"] - made["CreatedDate"]
    assert abs(lasts.total_seconds() / 3600 - hours) < 0.02
    assert told["ActivationId"] == made["ActivationId"]


def test_activate_as_json_for_programs(stateward, server):
    told = json.loads(answered(stateward("activate", "-o", "json", "--node-endpoint", "https://proxy.test/")))
    assert (told["Endpoint"], told["Region"], told["CA"]) == ("https://proxy.test", REGION, None)
    assert set(told["Commands"]) == {"stateward", "official", "windows"}
    assert len(told["ActivationCode"]) == 20


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--tag", "role"], 64, "--tag 'role': use key=value"),
        (["--agent", "mine"], 64, "--agent 'mine': use one of all, stateward, official, windows"),
        (["-o", "xml"], 64, "--output 'xml': use one of table, wide, json, jsonl, yaml, name"),
        (
            ["--expires", "1w"],
            64,
            "--expires '1w': write minutes, hours or days, such as 90m, 24h or 7d, at most 30d",
        ),
        (
            ["--expires", "31d"],
            64,
            "--expires '31d': write minutes, hours or days, such as 90m, 24h or 7d, at most 30d",
        ),
        (
            ["--node-endpoint", "ftp://x"],
            64,
            "--node-endpoint 'ftp://x': use https://host:port, without a path",
        ),
        (
            ["--node-endpoint", "https://a b"],
            64,
            "--node-endpoint 'https://a b': use https://host:port, without a path",
        ),
    ],
)
def test_what_activate_cannot_do(stateward, ssm, words, code, text):
    assert refused(stateward("activate", *words)) == (code, text)
    assert ssm.describe_activations()["ActivationList"] == []


@pytest.mark.parametrize(
    ("agent", "has", "lacks"),
    [
        ("stateward", "agent register", "amazon-ssm-agent"),
        ("official", "amazon-ssm-agent -register", "PowerShell"),
        ("windows", "Restart-Service AmazonSSMAgent", "systemctl"),
    ],
)
def test_one_agent_only(stateward, agent, has, lacks):
    shown = answered(stateward("activate", "--agent", agent))
    assert has in shown
    assert lacks not in shown


# list, show, deregister


def test_list_for_programs_and_pipes(stateward, nodes):
    first, second = nodes.add(2, name="web")
    assert answered(stateward("list", "-o", "name")).split() == [first.node_id, second.node_id]
    header, *rows = [line.split("\t") for line in answered(stateward("list")).splitlines()]
    assert header[:3] == ["NODE", "NAME", "PING"]
    assert [row[:3] for row in rows] == [[first.node_id, "web", "Online"], [second.node_id, "web", "Online"]]
    told = json.loads(answered(stateward("list", "-o", "json")))
    assert [node["InstanceId"] for node in told] == [first.node_id, second.node_id]
    assert told[0]["PlatformName"] == "Debian GNU/Linux"


def test_list_has_every_page(stateward, nodes):
    made = nodes.add(60, online=False)
    assert len(answered(stateward("list", "-o", "name")).split()) == len(made)


def shown(stateward, node):
    lines = answered(stateward("show", node.node_id)).splitlines()
    return {match[1]: match[2] for line in lines if (match := re.match(r"(\S[\w ]*?)  +(.*)", line))}


def test_show_tells_no_channel_from_offline(stateward, server, nodes):
    node = nodes.one(online=False, name="web", tags={"role": "web"})
    assert shown(stateward, node)["Connection"] == "offline, never heard of"
    node.call(node.ping())
    page = shown(stateward, node)
    assert page["Connection"] == (
        "no channel, next try within an hour: its heartbeats come, commands wait until it is back"
    )
    assert (page["Name"], page["Tags"], page["Role"]) == ("web", "role=web", "role")
    assert "Debian GNU/Linux 12" in page["Machine"]
    node.connect()
    assert shown(stateward, node)["Connection"] == "connected"
    node.disconnect()
    assert re.fullmatch(
        r"channel closed at 20.* UTC, not heard of since; commands wait until it is back",
        shown(stateward, node)["Connection"],
    )
    server.clock(advance="1s")
    node.call(node.ping())
    assert shown(stateward, node)["Connection"].startswith("no channel, next try within an hour: its heartbeats come")
    server.clock(advance="11m")
    assert shown(stateward, node)["Connection"].startswith("offline, last heard of 20")


def test_aws_two_words_stay(ssm, nodes):
    node = nodes.one(online=False)
    node.call(node.ping())
    assert ssm.get_connection_status(Target=node.node_id)["Status"] == "notconnected"


def test_show_as_json(stateward, nodes):
    node = nodes.one()
    told = json.loads(answered(stateward("show", node.node_id, "-o", "json")))
    assert told["Node"]["InstanceId"] == node.node_id
    assert told["ConnectionStatus"] == "connected"
    assert told["Stateward"]["connection"] == "channel"


def test_a_clone_is_shown_and_accepted(stateward, nodes):
    from stateward.agent.client import CallRefused, NodeClient
    from stateward.agent.identity import Identity, NodeKey
    from stateward.clock import SystemClock

    node = nodes.one(online=False)
    assert refused(stateward("accept-fingerprint", node.node_id)) == (
        3,
        f"no other machine has asked for the credentials of {node.node_id}",
    )
    own = node._client._identity
    other = Identity(own.registration, NodeKey(own.key.private_key, "another-machine"))
    copy = NodeClient(other, SystemClock(), node._client._caller._http)
    with pytest.raises(CallRefused):
        node.call(copy.request_role_token())
    page = answered(stateward("show", node.node_id))
    assert "Attention" in page
    assert "Another machine asked for its credentials and was refused, once since 20" in page
    assert "from 127.0.0.1: a clone, or the node on other hardware" in page
    assert f"stateward nodes accept-fingerprint {node.node_id}" in page
    accepted = answered(stateward("accept-fingerprint", node.node_id))
    assert accepted == f"the machine at 127.0.0.1 is {node.node_id} now; no other one is\n"
    assert "Attention" not in answered(stateward("show", node.node_id))
    assert node.call(copy.request_role_token())


def test_deregister_asks_unless_told_not_to(stateward, ssm, nodes):
    node = nodes.one(online=False)
    assert refused(stateward("deregister", node.node_id)) == (
        64,
        "deregister asks before it removes a node, and there is no terminal: give --yes",
    )
    assert answered(stateward("deregister", node.node_id, "--yes")) == f"{node.node_id} is removed\n"
    assert ssm.describe_instance_information()["InstanceInformationList"] == []


def test_rotate_key_of_an_official_agent(stateward, nodes):
    node = nodes.one(online=False)
    told = answered(stateward("rotate-key", node.node_id))
    assert told == f"{node.node_id} is asked with its next token, within half an hour, while its channel is open\n"


# Where the server is


@pytest.mark.parametrize(
    ("words", "env", "code", "text"),
    [
        pytest.param(["show", "mi-00000000000000000"], {}, 3, "managed node mi-00000000000000000 does not", id="none"),
        pytest.param(
            ["deregister", "mi-00000000000000000", "--yes"], {}, 3, "InvalidInstanceId: ", id="none to remove"
        ),
        pytest.param(
            ["list"], {"AWS_SECRET_ACCESS_KEY": "wrong"}, 4, "InvalidSignatureException: ", id="a wrong secret"
        ),
        pytest.param(
            ["list"], {"AWS_ACCESS_KEY_ID": "AKIAOTHER"}, 4, "UnrecognizedClientException: ", id="a wrong key"
        ),
        pytest.param(
            ["list"], {"AWS_ENDPOINT_URL_SSM": "http://127.0.0.1:1"}, 5, "http://127.0.0.1:1 cannot", id="nobody there"
        ),
    ],
)
def test_exit_codes(stateward, words, env, code, text):
    result = stateward(*words, **env)
    told = result.stderr.splitlines()[-1]
    assert (result.exit_code, told.startswith(f"stateward: {text}")) == (code, True), result.stderr


def test_no_server_at_all_is_not_aws(stateward, tmp_path):
    told = refused(stateward("list", AWS_ENDPOINT_URL_SSM=""))
    assert told == (
        5,
        "which server? Give --endpoint-url, set AWS_ENDPOINT_URL_SSM, or run this where the server's data are "
        f"({tmp_path} has none; --data-dir names another)",
    )


def test_aws_itself_is_never_asked_by_accident(stateward, tmp_path):
    profile = tmp_path / "config"
    profile.write_text("[default]\nregion = eu-west-1\n")
    assert refused(stateward("list", AWS_ENDPOINT_URL_SSM="", AWS_CONFIG_FILE=str(profile)))[0] == 5


def test_a_profile_of_aws_configuration(stateward, server, nodes, tmp_path):
    node = nodes.one(online=False)
    profile = tmp_path / "config"
    profile.write_text(
        f"[profile mine]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\nregion = {REGION}\n"
        f"services = mine\n\n[services mine]\nssm =\n  endpoint_url = {server.url}\n"
    )
    env = {"AWS_ENDPOINT_URL_SSM": "", "AWS_CONFIG_FILE": str(profile), "AWS_ACCESS_KEY_ID": ""}
    assert answered(stateward("list", "-o", "name", "--profile", "mine", **env)).split() == [node.node_id]


@pytest.mark.slow
def test_this_machines_server_needs_no_settings(tmp_path):
    folder = tmp_path / "data"
    with serving(folder):
        made = run("nodes", "activate", "--data-dir", str(folder), "-o", "name", **ISOLATED)
        assert made.returncode == 0, made.stderr
        assert re.fullmatch(r"[0-9a-f-]{36}\n", made.stdout)
        key = json.loads(run("credentials", "--data-dir", str(folder), "--format", "json").stdout)
        assert f"key {key['AWS_ACCESS_KEY_ID']}" in made.stderr
        listed = run("nodes", "list", "--data-dir", str(folder), **ISOLATED)
        assert listed.stdout.startswith("NODE\tNAME\tPING")


def test_a_wrong_option_is_64_and_not_2():
    ended = run("nodes", "list", "--bogus")
    assert ended.returncode == 64
    assert "No such option" in ended.stderr


# The commands


def joining(**members):
    """What commands are made of."""
    defaults = {
        "endpoint": "https://ssm.example.test:8443",
        "region": "eu-west-1",
        "activation_id": "aaaaaaaa-1111-4111-8111-111111111111",
        "activation_code": "CODECODECODECODECODE",
        "ca_pem": PEM,
        "wheel": "stateward-0.1.0-py3-none-any.whl",
        "zipapp": "stateward-agent.pyz",
        "zipapp_for": ("cpython-312", "linux-x86_64"),
    }
    return Joining(**{**defaults, **members})


@pytest.mark.parametrize("ca", [PEM, None], ids=["own CA", "public certificate"])
@pytest.mark.parametrize("block", [built_in_agent, official_agent_linux])
def test_commands_are_shell(block, ca):
    text = block(joining(ca_pem=ca, region="it's"))
    checked = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert ("BEGIN CERTIFICATE" in text) == (ca is not None)
    assert ("ca.pem" in text) == (ca is not None)


def test_the_code_is_no_argument_of_our_agent():
    (line,) = [line for line in built_in_agent(joining()).splitlines() if "CODECODE" in line]
    assert "STATEWARD_ACTIVATION_CODE=CODECODECODECODECODE python3.12 " in line
    assert line.endswith("agent register \\")


@pytest.mark.parametrize("block", [official_agent_linux, official_agent_windows])
def test_the_official_agents_configuration(block):
    text = block(joining())
    configuration = json.loads(text[text.index("{\n") : text.rindex("\n}") + 2])
    assert configuration == {
        "Identity": {"ConsumptionOrder": ["OnPrem"]},
        "Ssm": {"Endpoint": "https://ssm.example.test:8443"},
        "Mds": {"Endpoint": "https://ssm.example.test:8443"},
        "Mgs": {"Endpoint": "https://ssm.example.test:8443", "Region": "eu-west-1"},
    }
    assert "-register -y -code CODECODECODECODECODE -id aaaaaaaa-1111-4111-8111-111111111111 -region eu-west-1" in text
