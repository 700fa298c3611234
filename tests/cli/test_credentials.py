"""`stateward credentials`: what it prints is what boto3 and the AWS CLI need, and nothing else."""

import json
import os
import signal
import subprocess

import boto3
import pytest
from botocore.exceptions import ClientError

from live_server import ACCOUNT, KEY_ID, SECRET
from programs import ADMIN, BIN, run, serving

AWS = (str(BIN / "aws"),)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that made its own key."""
    folder = tmp_path_factory.mktemp("credentials") / "data"
    with serving(folder, "--region", "eu-central-1") as program:
        program.folder = folder
        yield program


def printed(server, *arguments, **env):
    ended = run("credentials", "--data-dir", str(server.folder), *arguments, **env)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def printed_json(server, *arguments, **env):
    return json.loads(printed(server, "--format", "json", *arguments, **env))


def client(url, key_id, secret):
    return boto3.client(
        "ssm", endpoint_url=url, region_name="us-east-1", aws_access_key_id=key_id, aws_secret_access_key=secret
    )


def test_json_names_key_region_and_the_server_s_own_address(server):
    values = printed_json(server)
    assert values.keys() == {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL_SSM",
        "AWS_ENDPOINT_URL_STS",
    }
    assert len(values["AWS_ACCESS_KEY_ID"]) == 20
    assert len(values["AWS_SECRET_ACCESS_KEY"]) == 40
    assert values["AWS_REGION"] == values["AWS_DEFAULT_REGION"] == "eu-central-1"
    assert values["AWS_ENDPOINT_URL_SSM"] == server.url


def test_json_is_enough_for_boto3(server, monkeypatch):
    for name, value in printed_json(server).items():
        monkeypatch.setenv(name, value)
    ssm = boto3.session.Session().client("ssm")
    assert ssm.meta.endpoint_url == server.url
    assert ssm.list_associations()["Associations"] == []


def test_shell_is_enough_for_the_aws_cli(server):
    lines = printed(server)
    assert all(line.startswith("export AWS_") for line in lines.splitlines()[1:])
    ended = run("-c", f"{lines}\naws ssm list-associations", program=("/bin/sh",))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == {"Associations": []}


def test_profile_is_enough_for_the_aws_cli(server, tmp_path):
    config = tmp_path / "config"
    config.write_text(printed(server, "--format", "profile"))
    arguments = ("--profile", "stateward", "ssm", "list-associations")
    ended = run(*arguments, program=AWS, AWS_CONFIG_FILE=str(config))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == {"Associations": []}


def test_format_address_region_and_folder_as_variables(server):
    told = run(
        "credentials",
        STATEWARD_DATA_DIR=str(server.folder),
        STATEWARD_CREDENTIALS_FORMAT="json",
        STATEWARD_ENDPOINT="https://ssm.example.test",
        STATEWARD_REGION="eu-west-3",
    )
    values = json.loads(told.stdout)
    assert values["AWS_ENDPOINT_URL_SSM"] == "https://ssm.example.test"
    assert values["AWS_REGION"] == "eu-west-3"
    flagged = printed_json(server, "--endpoint", "http://other.test", STATEWARD_ENDPOINT="https://ssm.example.test")
    assert flagged["AWS_ENDPOINT_URL_SSM"] == "http://other.test"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["--format", "xml"], "--format 'xml': unknown, use shell, profile or json", id="format"),
        pytest.param(
            ["--account-id", "999999999999"], "has no administrator's access key of account 999999999999", id="account"
        ),
        pytest.param(["--data-dir", "/nowhere"], "/nowhere holds no Stateward data: start `stateward serve` once"),
    ],
)
def test_nothing_to_print(server, arguments, told):
    ended = run("credentials", "--data-dir", str(server.folder), *arguments)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert told in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_the_key_is_still_printed_when_the_server_has_ended(tmp_path):
    with serving(tmp_path) as server:
        server.folder = tmp_path
        running = printed_json(server)
    assert printed_json(server) == running


def test_administrator_from_the_environment_at_every_start(tmp_path):
    with serving(tmp_path, **ADMIN) as server:
        server.folder = tmp_path
        assert printed_json(server)["AWS_ACCESS_KEY_ID"] == KEY_ID
        assert printed_json(server)["AWS_SECRET_ACCESS_KEY"] == SECRET
        client(server.url, KEY_ID, SECRET).create_activation(IamRole="role")
        server.send(signal.SIGTERM)
        assert server.wait() == 0
    with serving(tmp_path, **{**ADMIN, "STATEWARD_ADMIN_SECRET_ACCESS_KEY": "a-new-secret"}) as server:
        with pytest.raises(ClientError, match="InvalidSignatureException"):
            client(server.url, KEY_ID, SECRET).list_associations()
        assert client(server.url, KEY_ID, "a-new-secret").describe_activations()["ActivationList"]
    with serving(tmp_path) as server:
        assert client(server.url, KEY_ID, "a-new-secret").describe_activations()["ActivationList"]


def test_account_of_the_server_is_remembered(tmp_path):
    assert ACCOUNT != "111122223333"
    with serving(tmp_path, "--account-id", "111122223333") as server:
        server.folder = tmp_path
        values = printed_json(server)
        ssm = client(server.url, values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"])
        ssm.create_document(Name="seen", DocumentType="Command", Content=DOCUMENT)
        assert ssm.describe_document(Name="seen")["Document"]["Owner"] == "111122223333"


DOCUMENT = json.dumps(
    {
        "schemaVersion": "2.2",
        "mainSteps": [{"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": ["true"]}}],
    }
)


OF_ANOTHER = ("create", "--role", "administrator", "--account", "210987654321", "--format", "json")


def test_a_key_of_a_second_account_is_made_listed_and_revoked_d50(server):
    made = json.loads(run_ok(server, *OF_ANOTHER))
    ssm = client(server.url, made["AWS_ACCESS_KEY_ID"], made["AWS_SECRET_ACCESS_KEY"])
    activation = ssm.create_activation(IamRole="role")
    assert activation["ActivationId"] not in str(
        client(server.url, *first_key(server)).describe_activations()["ActivationList"]
    )
    listed = run_ok(server, "list")
    assert f"{made['AWS_ACCESS_KEY_ID']}\tadministrator\t210987654321\t" in listed
    assert made["AWS_SECRET_ACCESS_KEY"] not in listed
    assert run_ok(server, "revoke", made["AWS_ACCESS_KEY_ID"]) == f"revoked {made['AWS_ACCESS_KEY_ID']}\n"
    with pytest.raises(ClientError) as caught:
        ssm.describe_activations()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("create", "--role", "reader", "--account", "12"), "an account id has twelve digits"),
        (("create", "--role", "root"), "a role is reader, operator or administrator"),
        (("revoke", "AKIANOTTHERE00000000"), "has no access key AKIANOTTHERE00000000"),
    ],
)
def test_what_cannot_be_done_with_keys_is_said(server, arguments, text):
    ended = run("credentials", *arguments, "--data-dir", str(server.folder))
    assert ended.returncode == 1
    assert text in ended.stderr


def test_a_role_must_be_named(server):
    ended = run("credentials", "create", "--data-dir", str(server.folder))
    assert (ended.returncode, ended.stdout) == (64, "")
    assert "--role" in ended.stderr


def test_keys_are_handled_from_afar_by_administrators(server):
    key_id, secret = first_key(server)
    remote = {"AWS_ENDPOINT_URL_SSM": server.url, "AWS_REGION": "eu-central-1"}
    chief = {**remote, "AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret}
    ended = run("credentials", "create", "--role", "operator", "--format", "json", **chief)
    assert (ended.returncode, server.url in ended.stderr) == (0, True)
    made = json.loads(ended.stdout)
    operator = {name: made[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    client(server.url, *operator.values()).list_documents()
    listed = run("credentials", "list", "-o", "json", **chief)
    (row,) = [key for key in json.loads(listed.stdout) if key["access_key"] == made["AWS_ACCESS_KEY_ID"]]
    assert (row["role"], row["last_used"] is None) == ("operator", False)
    refused = run("credentials", "list", **remote, **operator)
    assert (refused.returncode, "only an administrator may" in refused.stderr) == (4, True)
    ended = run("credentials", "revoke", made["AWS_ACCESS_KEY_ID"], **chief)
    assert ended.stdout == f"revoked {made['AWS_ACCESS_KEY_ID']}\n"
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        client(server.url, *operator.values()).list_documents()


def run_ok(server, *arguments):
    ended = run("credentials", *arguments, "--data-dir", str(server.folder))
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def first_key(server):
    values = printed_json(server)
    return values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"]


def test_the_shell_form_puts_another_sessions_token_out_of_the_way(server):
    lines = printed(server, "--format", "shell").splitlines()
    assert lines[0] == "unset AWS_SESSION_TOKEN AWS_SECURITY_TOKEN"
    assert all(line.startswith("export AWS_") for line in lines[1:])


def test_the_cli_asks_who_it_is_with_what_was_printed(server):
    script = f'eval "$({BIN / "stateward"} credentials --data-dir {server.folder})" && {AWS[0]} sts get-caller-identity'
    environment = {"PATH": os.environ["PATH"], "AWS_SESSION_TOKEN": "of another session", "HOME": str(server.folder)}
    ended = subprocess.run(["/bin/sh", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["Account"] == ACCOUNT
