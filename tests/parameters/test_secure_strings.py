"""SecureString values are shown on request and nowhere else (D32, D41)."""

import base64
import hashlib
import json

import pytest
from structlog.testing import capture_logs

from live_server import ACCOUNT, KEY_ID, REGION
from refusals import refusal
from stateward.access.principals import Scope, administrator
from stateward.access.sealing import MasterKey
from stateward.parameters import store
from stateward.parameters.vault import Vault
from stateward.wire.errors import AwsError

SECRET = "the-secret-in-a-secure-string"
HERE = Scope(ACCOUNT, REGION)


@pytest.fixture
def secret(ssm):
    ssm.put_parameter(Name="/app/secret", Value=SECRET, Type="SecureString")
    return "/app/secret"


def values(ssm, name, *, decrypt):
    """The value as each operation shows it."""
    return {
        ssm.get_parameter(Name=name, WithDecryption=decrypt)["Parameter"]["Value"],
        ssm.get_parameters(Names=[name], WithDecryption=decrypt)["Parameters"][0]["Value"],
        ssm.get_parameters_by_path(Path="/app", WithDecryption=decrypt)["Parameters"][0]["Value"],
        ssm.get_parameter_history(Name=name, WithDecryption=decrypt)["Parameters"][0]["Value"],
    }


def test_with_decryption_the_value_is_shown(ssm, secret):
    assert values(ssm, secret, decrypt=True) == {SECRET}


def test_without_it_the_cipher_text_is(ssm, secret):
    (shown,) = values(ssm, secret, decrypt=False)
    assert len(base64.b64decode(shown, validate=True)) > len(SECRET)
    assert SECRET not in json.dumps(ssm.describe_parameters()["Parameters"], default=str)


def test_equal_values_have_different_cipher_texts(ssm, secret):
    ssm.put_parameter(Name=secret, Value=SECRET, Overwrite=True)
    past = ssm.get_parameter_history(Name=secret)["Parameters"]
    assert len({one["Value"] for one in past}) == 2


def files_of(server):
    return {path.name: path.read_bytes() for path in server.config.data_dir.iterdir()}


def test_no_file_holds_it_in_clear(server, secret, ssm):
    ssm.put_parameter(Name="open", Value="a-value-in-clear", Type="String")
    server.thread_server.db._checkpoint()
    contents = files_of(server)
    assert any(b"a-value-in-clear" in content for content in contents.values()), "the files are the right ones"
    for trace in (SECRET, SECRET[:8], base64.b64encode(SECRET.encode()).decode()[:12]):
        assert [name for name, content in contents.items() if trace.encode() in content] == []


def test_no_file_holds_a_hash_of_the_request(server, server_thread):
    """Else whoever reads the database could guess at a short secret."""
    body = json.dumps({"Name": "pin", "Value": "1234", "Type": "SecureString"}).encode()
    performer = server.thread_server.performer
    principal = administrator(KEY_ID, HERE)
    for _ in range(2):
        answer = server_thread.run(performer.perform(principal, "PutParameter", body, "request", "invocation"))
        assert answer.body == {"Version": 1, "Tier": "Standard"}
    server.thread_server.db._checkpoint()
    digest = hashlib.sha256(b"PutParameter\n" + body).hexdigest().encode()
    assert [name for name, content in files_of(server).items() if digest in content] == []


def test_a_retry_of_an_sdk_makes_no_second_version(server, server_thread):
    principal = administrator(KEY_ID, HERE)
    body = json.dumps({"Name": "again", "Value": "x", "Type": "String"}).encode()

    def put(invocation):
        performer = server.thread_server.performer
        return server_thread.run(performer.perform(principal, "PutParameter", body, "request", invocation)).body

    assert put("first") == put("first") == {"Version": 1, "Tier": "Standard"}
    kept = server.reading(lambda tx: tx.column("SELECT answer_sealed FROM answered_calls"))
    assert kept
    assert not [answer for answer in kept if "Tier" in answer or "Standard" in answer]


def test_a_cipher_text_belongs_to_its_version(server, ssm, secret, scope):
    """Moved to another name, version or Region it does not open, even under the same master key."""
    row = server.reading(lambda tx: store.latest(tx, scope, secret))
    vault = Vault(server.thread_server.master)
    assert vault.shown(scope, row, decrypt=True) == SECRET
    for other_scope, members in (
        (scope, {"name": "/app/other"}),
        (scope, {"version": 2}),
        (Scope(ACCOUNT, "elsewhere"), {}),
        (Scope("210987654321", scope.region), {}),
    ):
        moved = type(row)(**{name: getattr(row, name) for name in row.__struct_fields__} | members)
        assert _code(lambda moved=moved, where=other_scope: vault.shown(where, moved, decrypt=True)) == "InvalidKeyId"


def test_under_another_master_key_it_is_lost_but_can_be_replaced(server, ssm, secret, scope, monkeypatch):
    operations = server.thread_server.performer._operations
    for operation in ("GetParameter", "PutParameter"):
        monkeypatch.setattr(operations[operation].__self__._vault, "_master", MasterKey(b"x" * 32))
    assert refusal(ssm.get_parameter, Name=secret, WithDecryption=True) == (
        "InvalidKeyId",
        "Version 1 of /app/secret cannot be decrypted: it was encrypted under another master key.",
    )
    ssm.put_parameter(Name=secret, Value="new", Overwrite=True)
    assert ssm.get_parameter(Name=secret, WithDecryption=True)["Parameter"]["Value"] == "new"


@pytest.mark.parametrize(
    "members",
    [
        {"AllowedPattern": "[0-9]+"},
        {"Value": SECRET + "{{ x }}"},
        {"Value": SECRET * 200},
        {"Overwrite": True, "Type": "String"},
        {"Type": "Nothing"},
        {"Name": "aws"},
        {"Value": [SECRET]},
    ],
)
def test_no_error_and_no_log_shows_it(server, server_thread, secret, scope, members):
    body = json.dumps({"Name": secret, "Value": SECRET, "Type": "SecureString", **members}).encode()
    call = server.thread_server.performer.perform(administrator(KEY_ID, scope), "PutParameter", body, "request")
    with capture_logs() as logs, pytest.raises(AwsError) as caught:
        server_thread.run(call)
    assert [entry["event"] for entry in logs] == ["refused"]
    assert SECRET not in json.dumps(logs, default=str) + str(caught.value) + caught.value.message


def _code(call):
    with pytest.raises(AwsError) as caught:
        call()
    return caught.value.code
