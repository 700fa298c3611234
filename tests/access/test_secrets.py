"""Secrets, activation codes and parameters appear in no log, no listing and no file."""

import asyncio
import json
import signal
import subprocess
import sys

import httpx
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa
from structlog.testing import capture_logs

from live_server import SECRET, client_of
from programs import ADMIN, environment, run, serving, started
from signed_requests import call
from stateward.agent.client import NodeClient, RegistrationClient
from stateward.agent.identity import Identity, NodeKey, Registration
from stateward.clock import SystemClock

PARAMETER = "the-password-in-a-parameter"
CHOICE = {
    "schemaVersion": "2.2",
    "parameters": {
        "secret": {"type": "String", "allowedPattern": "^(the-password-in-a-parameter|x)$"},
        "many": {"type": "StringMap", "default": {}},
    },
    "mainSteps": [
        {
            "action": "aws:runShellScript",
            "name": "only",
            "inputs": {"runCommand": ["test '{{ secret }}' && echo ran"]},
        }
    ],
}


def code_of(call, **members):
    with pytest.raises(ClientError) as caught:
        call(**members)
    return caught.value.response["Error"]["Code"], str(caught.value)


def session_of(url, activation):
    """The session keys of a node that registers with this activation."""
    key = NodeKey(rsa.generate_private_key(public_exponent=65537, key_size=2048), "fingerprint-of-a-machine")

    async def work():
        async with httpx.AsyncClient() as http:
            register = RegistrationClient(url, http).register
            made = await register(activation["ActivationId"], activation["ActivationCode"], key)
            client = NodeClient(Identity(Registration(made.node_id, made.region, url), key), SystemClock(), http)
            keys = await client.request_role_token()
            channel = (await client.create_control_channel(keys)).token
            return keys, channel

    return asyncio.run(work())


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """What a server and an agent at log level debug say about work with every kind of secret."""
    folder = tmp_path_factory.mktemp("secrets")
    with serving(folder / "data", "--log-level", "debug", **ADMIN) as server:
        ssm = client_of(server.url)
        first, second = (ssm.create_activation(IamRole="role", RegistrationLimit=2) for _ in range(2))
        keys, channel = session_of(server.url, first)
        secrets = {
            "the administrator's secret": SECRET,
            "an activation code": first["ActivationCode"],
            "another activation code": second["ActivationCode"],
            "a node's secret": keys.secret_access_key,
            "a session token": keys.session_token,
            "a channel token": channel,
            "a parameter": PARAMETER,
        }
        said, errors, listings = work_with_secrets(server, ssm, second, folder)
        server.send(signal.SIGTERM)
        assert server.wait() == 0
        yield server.text + said, errors, listings, secrets, folder


def work_with_secrets(server, ssm, activation, folder):
    register = ("agent", "register", "--endpoint", server.url, "--activation-id", activation["ActivationId"])
    state = ("--state-dir", str(folder / "agent"), "--log-level", "debug")
    registered = run(*register, *state, STATEWARD_ACTIVATION_CODE=activation["ActivationCode"])
    node_id = registered.stdout.strip()
    with started("agent", "run", *state) as agent:
        agent.line("the control channel is open")
        ssm.create_document(Name="with-secret", DocumentType="Command", Content=json.dumps(CHOICE))
        given = {"Parameters": {"secret": [PARAMETER]}}
        command = ssm.send_command(InstanceIds=[node_id], DocumentName="with-secret", **given)["Command"]["CommandId"]
        agent.line("command ended", command)
        everywhere = [{"Key": "InstanceIds", "Values": ["*"]}]
        ssm.create_association(Name="with-secret", Targets=everywhere, **given)
        errors = refused_calls(server, ssm, activation, node_id)
        agent.send(signal.SIGTERM)
        assert agent.wait() == 0
    listings = [
        ssm.describe_activations(),
        ssm.describe_instance_information(),
        ssm.list_documents(),
        ssm.list_associations(),
        ssm.list_command_invocations(Details=True),
    ]
    return registered.stderr + agent.text, errors, listings


def refused_calls(server, ssm, activation, node_id):
    """Texts of errors about requests that carry secrets."""
    code = activation["ActivationCode"]
    register = {
        "ActivationId": activation["ActivationId"],
        "Fingerprint": "f",
        "PublicKey": "k",
        "PublicKeyType": "Rsa",
    }
    return [
        code_of(
            ssm.send_command, InstanceIds=["nonsense"], DocumentName="with-secret", Parameters={"secret": [PARAMETER]}
        )[1],
        call(
            server, "SendCommand", {"InstanceIds": [node_id], "DocumentName": "x", "Parameters": {"a": PARAMETER}}
        ).message,
        call(server, "SendCommand", {"DocumentName": "with-secret", "Parameters": PARAMETER}).message,
        call(server, "RegisterManagedInstance", {**register, "ActivationCode": code * 20}).message,
        call(server, "RegisterManagedInstance", {**register, "ActivationCode": [code]}).message,
        call(server, "RegisterManagedInstance", {**register, "ActivationCode": code}).message,
        call(server, "ListDocuments", secret_access_key="wrong").message,
        code_of(
            ssm.send_command,
            InstanceIds=[node_id],
            DocumentName="with-secret",
            Parameters={"secret": ["x"], "unknown": [PARAMETER]},
        )[1],
    ]


def test_the_work_was_done(busy):
    said, errors, _, _, _ = busy
    assert said.count("refused") >= len(errors)
    assert "command ended" in said
    assert "failed" not in said.replace("failed to satisfy constraint", "")
    assert all(errors)


@pytest.mark.parametrize(
    "kind",
    [
        "the administrator's secret",
        "an activation code",
        "another activation code",
        "a node's secret",
        "a session token",
        "a channel token",
        "a parameter",
    ],
)
def test_no_log_and_no_error_shows(busy, kind):
    said, errors, _, secrets, _ = busy
    assert secrets[kind] not in said
    assert not [error for error in errors if secrets[kind] in error]


def test_no_listing_shows_a_secret(busy):
    _, _, listings, secrets, _ = busy
    text = json.dumps(listings, default=str)
    assert not [kind for kind, secret in secrets.items() if secret in text]


def test_no_file_holds_a_secret_in_clear(busy):
    _, _, _, secrets, folder = busy
    found = {
        kind: path.name
        for path in (folder / "data").iterdir()
        for kind, secret in secrets.items()
        if secret.encode() in path.read_bytes() and kind != "a parameter"
    }
    assert found == {}


def test_values_of_parameters_are_in_the_error_but_not_in_the_log(server, ssm, document):
    name = document("with-secret", CHOICE)
    with capture_logs() as logs:
        given = {"Targets": [{"Key": "InstanceIds", "Values": ["*"]}], "Parameters": {"secret": ['not "this" one']}}
        code, text = code_of(ssm.send_command, DocumentName=name, **given)
    assert code == "InvalidParameters"
    assert 'has value "not "this" one" that does not match' in text
    (entry,) = [entry for entry in logs if entry["event"] == "refused"]
    assert entry["reason"].startswith('Parameter "secret" has value "***"')
    assert "this" not in json.dumps(entry)


@pytest.mark.parametrize("form", ["text", "json"])
def test_tracebacks_show_no_variables(form):
    code = f"""
import structlog
from stateward.cli.logs import configure_logs
configure_logs("debug", {form!r})
def fail(body):
    copy = body.lower()
    raise ValueError("the reason")
try:
    fail("THE-" + "SECRET")
except ValueError:
    structlog.get_logger("x").exception("failed", operation="SendCommand")
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True, timeout=30
    )
    assert "the reason" in ended.stderr
    assert "SendCommand" in ended.stderr
    assert "in fail" in ended.stderr or '"fail"' in ended.stderr, "the traceback is there"
    assert "the-secret" not in ended.stderr.lower()


def test_an_unforeseen_error_says_only_its_request_id(server, monkeypatch):
    async def broken(call, request):
        raise RuntimeError(f"about {request['Name']}")

    monkeypatch.setitem(server.thread_server.performer._operations, "GetDocument", broken)
    with capture_logs() as logs:
        reply = call(server, "GetDocument", {"Name": "secret-name"})
    assert (reply.status, reply.code) == (500, "InternalServerError")
    request_id = reply.headers["x-amzn-requestid"]
    assert reply.message == f"The request {request_id} could not be carried out."
    (entry,) = [entry for entry in logs if entry["event"] == "failed"]
    assert entry["request_id"] == request_id
    assert entry["exc_info"]
