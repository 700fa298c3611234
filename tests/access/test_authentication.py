"""Who is believed, and what an account and a region see of each other (design 5, D17, D18)."""

import json
from urllib.parse import urlsplit

import botocore
import pytest
from botocore.exceptions import ClientError
from structlog.testing import capture_logs

from live_server import KEY_ID, REGION, SECRET, LiveServer, Refused
from refusals import refusal
from scripted_nodes import NodePark
from signed_requests import call, send, signed
from stateward.access.signing import SignedRequest, sign_hmac
from stateward.clock import wall_ms

MINUTE_MS = 60_000
BAD_TOKEN = "The security token included in the request is invalid."
ONE_STEP = {
    "schemaVersion": "2.2",
    "mainSteps": [{"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": ["true"]}}],
}


def names(ssm):
    found = ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"]
    return [document["Name"] for document in found]


def put_document(ssm, name):
    ssm.create_document(Name=name, DocumentType="Command", Content=json.dumps(ONE_STEP))


@pytest.fixture(scope="module")
def server(server_thread, model, tmp_path_factory):
    """One server for all tests here, which leave nothing behind that another would see."""
    server = LiveServer(server_thread, tmp_path_factory.mktemp("server"), model)
    yield server
    server.stop()


@pytest.fixture
def fresh(start_server):
    return start_server()


@pytest.fixture
def node_park(fresh, node_thread):
    park = NodePark(node_thread, fresh)
    yield park
    park.close()


@pytest.fixture
def open_server(start_server):
    return start_server(auth="open")


# Signatures


def test_a_right_signature_is_believed(server):
    reply = call(server)
    assert reply.status == 200
    assert len(reply.headers["x-amzn-requestid"]) == 36


def test_wrong_secret(server):
    code, text = refusal(server.client(secret="wrong").list_documents)
    assert code == "InvalidSignatureException"
    assert text.startswith("The request signature we calculated does not match the signature you provided.")


def test_unknown_key(server):
    assert refusal(server.client(key_id="AKIANOBODYNOBODYNOBO").list_documents) == (
        "UnrecognizedClientException",
        BAD_TOKEN,
    )


def test_unsigned(server):
    client = server.client(signature_version=botocore.UNSIGNED)
    assert refusal(client.list_documents) == ("MissingAuthenticationTokenException", "Missing Authentication Token")


def test_nothing_happens_without_a_signature(server, ssm):
    headers, body = signed(server, "CreateDocument", {"Name": "stolen", "Content": json.dumps(ONE_STEP)})
    assert send(server, headers, body.replace(b"stolen", b"forged")).code == "InvalidSignatureException"
    assert names(ssm) == []


def test_body_changed_after_signing(server):
    headers, body = signed(server, members={"MaxResults": 5})
    headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
    assert send(server, headers, body.replace(b"5", b"6")).code == "InvalidSignatureException"
    assert send(server, headers, body).status == 200


@pytest.mark.parametrize(
    ("shift_ms", "expected"),
    [
        pytest.param(-14 * MINUTE_MS, None, id="14 minutes old"),
        pytest.param(-16 * MINUTE_MS, "Signature expired: ", id="16 minutes old"),
        pytest.param(14 * MINUTE_MS, None, id="14 minutes early"),
        pytest.param(16 * MINUTE_MS, "Signature not yet current: ", id="16 minutes early"),
        pytest.param(-365 * 1440 * MINUTE_MS, "Signature expired: ", id="a year old"),
    ],
)
def test_date_of_a_signature(server, shift_ms, expected):
    reply = call(server, now_ms=wall_ms() + shift_ms)
    if expected is None:
        assert reply.status == 200
    else:
        assert reply.code == "InvalidSignatureException"
        assert reply.message.startswith(expected)


def test_the_virtual_clock_does_not_move_signatures(fresh):
    fresh.clock(advance="30d")
    assert call(fresh).status == 200


@pytest.mark.parametrize("name", ["host", "x-amz-target"])
def test_header_outside_the_signature(server, name):
    headers, _ = signed(server)
    reply = call(server, late={name: headers[name]})
    assert (reply.code, reply.message) == (
        "InvalidSignatureException",
        f"'{name}' must be a 'SignedHeader' in the AWS Authorization.",
    )


def test_target_changed_after_signing(server, ssm):
    headers, body = signed(server, "DescribeDocument", {"Name": "AWS-RunShellScript"})
    headers["x-amz-target"] = "AmazonSSM.DeleteDocument"
    assert send(server, headers, body).code == "InvalidSignatureException"


def test_signature_for_another_service(server):
    reply = call(server, service="ec2")
    assert (reply.code, reply.message) == (
        "InvalidSignatureException",
        "Credential should be scoped to correct service: 'ssm'.",
    )


def test_session_token_of_somebody_else(server):
    assert call(server, session_token="not-ours").code == "UnrecognizedClientException"
    headers, body = signed(server)
    headers["x-amz-security-token"] = "added-later"
    assert send(server, headers, body).code == "InvalidSignatureException"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic YWJj",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0",
        "\xff",
    ],
)
def test_authorization_that_is_none(server, header):
    headers, body = signed(server)
    headers["authorization"] = header.encode("latin-1")
    reply = send(server, headers, body)
    assert reply.status == 400
    assert reply.code in ("MissingAuthenticationTokenException", "IncompleteSignatureException")


# Where a request comes from


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("localhost:1", 200, id="localhost"),
        pytest.param("127.0.0.9", 200, id="loopback address"),
        pytest.param("[::1]:8390", 200, id="IPv6 loopback"),
        pytest.param("state.localhost", 200, id="below localhost"),
        pytest.param("ssm.us-east-1.amazonaws.com", 403, id="foreign"),
        pytest.param("127.0.0.1.evil.test", 403, id="looks like loopback"),
        pytest.param("10.0.0.1", 403, id="foreign address"),
        pytest.param("[::1", 403, id="broken"),
        pytest.param("", 403, id="empty"),
    ],
)
def test_foreign_host(server, host, status):
    reply = call(server, headers={"host": host})
    assert reply.status == status
    if status == 403:
        assert reply.code == "AccessDeniedException"
        assert reply.message == f"Host {host!r} is not served here; allow it with --allowed-hosts"


def test_allowed_hosts(start_server):
    server = start_server(allowed_hosts=("ssm.example.test",))
    assert call(server, headers={"host": "ssm.example.test:8390"}).status == 200
    assert call(server, headers={"host": "127.0.0.1"}).status == 200
    assert call(server, headers={"host": "other.example.test"}).status == 403


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://127.0.0.1", "file://", "http://[::1"])
def test_foreign_origin(server, origin):
    reply = call(server, headers={"origin": origin})
    assert (reply.status, reply.code) == (403, "AccessDeniedException")
    assert reply.message == f"Requests from the origin {origin!r} are not taken."


def test_own_origin(server):
    assert call(server, headers={"origin": server.url}).status == 200


def test_foreign_origin_of_an_open_server(open_server):
    headers = {"host": open_server.url.removeprefix("http://"), "content-type": "application/x-amz-json-1.1"}
    target = {"x-amz-target": "AmazonSSM.ListDocuments"}
    assert send(open_server, headers | target, b"{}").status == 200
    assert send(open_server, headers | target | {"origin": "http://evil.test"}, b"{}").status == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data", ""])
def test_what_a_web_form_can_send_is_refused(open_server, kind):
    headers = {"host": "localhost", "content-type": kind, "x-amz-target": "AmazonSSM.ListDocuments"}
    assert send(open_server, headers, b"{}").code == "UnknownOperationException"


def test_a_web_form_reaches_no_operation_of_ssm(open_server):
    headers = {"host": "localhost", "content-type": "application/x-www-form-urlencoded"}
    target = {"x-amz-target": "AmazonSSM.CreateActivation"}
    assert send(open_server, headers | target, b'{"IamRole": "role"}').status == 400
    assert open_server.client().describe_activations()["ActivationList"] == []
    assert send(open_server, headers, b"a=1&" * 60).status == 400
    assert send(open_server, headers | {"origin": "http://evil.test"}, b"Action=GetCallerIdentity").status == 403


def test_refusals_before_the_operation_are_logged(server):
    with capture_logs() as logs:
        call(server, "DeleteDocument", {"Name": "x"}, secret_access_key="wrong")
    (entry,) = [entry for entry in logs if entry["event"] == "refused"]
    assert entry["log_level"] == "warning"
    assert entry["operation"] == "DeleteDocument"
    assert entry["code"] == "InvalidSignatureException"
    assert "wrong" not in json.dumps(entry)


# Regions and accounts (D17)


def test_regions_see_nothing_of_each_other(fresh, node_park):
    here, there = fresh.client(), fresh.client(region="mars-north-1")
    node = node_park.one()
    put_document(here, "local-only")
    created = here.create_association(Name="local-only", Targets=[{"Key": "InstanceIds", "Values": [node.node_id]}])
    association_id = created["AssociationDescription"]["AssociationId"]
    fresh.settle()
    sent = here.send_command(InstanceIds=[node.node_id], DocumentName="local-only")["Command"]["CommandId"]
    assert names(there) == []
    assert there.list_associations()["Associations"] == []
    assert there.describe_instance_information()["InstanceInformationList"] == []
    assert there.describe_activations()["ActivationList"] == []
    assert there.list_commands()["Commands"] == []
    assert there.list_command_invocations()["CommandInvocations"] == []
    for call_there, members, code in (
        (there.describe_association, {"AssociationId": association_id}, "AssociationDoesNotExist"),
        (there.describe_association_executions, {"AssociationId": association_id}, "AssociationDoesNotExist"),
        (there.delete_association, {"AssociationId": association_id}, "AssociationDoesNotExist"),
        (there.start_associations_once, {"AssociationIds": [association_id]}, "AssociationDoesNotExist"),
        (there.get_document, {"Name": "local-only"}, "InvalidDocument"),
        (there.get_command_invocation, {"CommandId": sent, "InstanceId": node.node_id}, "InvocationDoesNotExist"),
        (there.cancel_command, {"CommandId": sent}, "InvalidCommandId"),
        (
            there.send_command,
            {"InstanceIds": [node.node_id], "DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["x"]}},
            "InvalidInstanceId",
        ),
        (there.deregister_managed_instance, {"InstanceId": node.node_id}, "InvalidInstanceId"),
    ):
        assert refusal(call_there, **members)[0] == code
    put_document(there, "local-only")
    assert names(there) == names(here) == ["local-only"]


def test_a_page_token_holds_in_its_region_only(fresh):
    here, there = fresh.client(), fresh.client(region="eu-west-1")
    for name in ("one-document", "two-document"):
        put_document(here, name)
    token = here.list_documents(MaxResults=1)["NextToken"]
    assert here.list_documents(MaxResults=1, NextToken=token)["DocumentIdentifiers"]
    assert refusal(there.list_documents, MaxResults=1, NextToken=token)[0] == "InvalidNextToken"


def test_a_node_belongs_to_the_region_of_its_activation(fresh, node_park):
    there = fresh.client(region="eu-west-1")
    made = there.create_activation(IamRole="role")
    (node,) = node_park._thread.run(node_park._register(made, 1, None, False))
    node.connect()
    node_park.nodes.append(node)
    (found,) = there.describe_instance_information()["InstanceInformationList"]
    assert found["InstanceId"] == node.node_id
    assert fresh.client().describe_instance_information()["InstanceInformationList"] == []
    put_document(there, "only-there")
    assert node.request("GetDocument", Name="only-there").status_code == 200


def test_first_call_in_another_region_gives_one_hint(fresh):
    with capture_logs() as logs:
        for region in (REGION, "eu-west-1", "eu-west-2", REGION):
            fresh.client(region=region).list_documents()
    hints = [entry for entry in logs if "another region" in entry["event"]]
    assert [(entry["region"], entry["default_region"]) for entry in hints] == [("eu-west-1", REGION)]


# --auth open (D18)


def test_open_takes_no_signature(open_server):
    client = open_server.client(signature_version=botocore.UNSIGNED)
    put_document(client, "by-nobody")
    assert names(open_server.client()) == ["by-nobody"], "nobody works in the default account and region"


def test_open_takes_unknown_keys_in_the_region_that_they_sign_for(open_server):
    put_document(open_server.client("test", "test", region="eu-west-1"), "signed-there")
    assert names(open_server.client("other", "key", region="eu-west-1")) == ["signed-there"]
    assert names(open_server.client("other", "key")) == []


def test_open_takes_twelve_digits_for_the_account(open_server):
    one, two = open_server.client("111122223333", "x"), open_server.client("444455556666", "x")
    put_document(one, "of-one")
    assert one.describe_document(Name="of-one")["Document"]["Owner"] == "111122223333"
    assert names(two) == []
    assert names(open_server.client()) == []


def test_open_verifies_a_known_key(open_server):
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        open_server.client(KEY_ID, "wrong").list_documents()
    assert names(open_server.client(KEY_ID, SECRET)) == []


def test_open_verifies_nodes_all_the_same(start_server, node_thread):
    server = start_server(auth="open")
    park = NodePark(node_thread, server)
    try:
        node = park.one(online=False)
        keys = node.call(node._keys())
        own = {"access_key_id": keys.access_key_id, "session_token": keys.session_token}
        about = {"InstanceId": node.node_id, "AgentStatus": "Active", "AgentVersion": "3.3.0.0"}
        right = call(server, "UpdateInstanceInformation", about, secret_access_key=keys.secret_access_key, **own)
        assert right.status == 200
        wrong = call(server, "UpdateInstanceInformation", about, secret_access_key="wrong", **own)
        assert wrong.code == "InvalidSignatureException"
        anybody = call(server, "UpdateInstanceInformation", about, access_key_id="any", secret_access_key="any")
        assert anybody.code == "AccessDeniedException"
        forged = call(server, "RequestManagedInstanceRoleToken", {"Fingerprint": "f"}, access_key_id=node.node_id)
        assert forged.code == "AccessDeniedException"
    finally:
        park.close()


# What must not happen


def spoil_the_key(server):
    async def spoil(tx):
        await tx.execute(
            "UPDATE access_keys SET secret_sealed = $1", "bm90IHNlYWxlZCBoZXJlIGF0IGFsbCwgbm90IGV2ZW4gYSBiaXQ="
        )

    server.writing(spoil)


def test_a_key_that_cannot_be_opened_is_an_answer_and_a_log_entry(fresh):
    spoil_the_key(fresh)
    with capture_logs() as logs:
        reply = call(fresh)
    assert (reply.status, reply.code) == (500, "InternalServerError")
    assert "x-amzn-requestid" in reply.headers
    (entry,) = [entry for entry in logs if entry["event"] == "authentication failed"]
    assert entry["log_level"] == "error"
    assert entry["exc_info"]


def test_the_other_doors_answer_in_their_own_words(fresh):
    spoil_the_key(fresh)
    form = {"host": urlsplit(fresh.url).netloc, "content-type": "application/x-www-form-urlencoded"}
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    sign = sign_hmac(
        SignedRequest("POST", "/", "", form, body),
        access_key_id=KEY_ID,
        secret_access_key=SECRET,
        session_token=None,
        region=REGION,
        service="sts",
        now_ms=wall_ms(),
    )
    reply = send(fresh, {**form, **sign}, body)
    assert reply.status == 500
    assert "<Type>Receiver</Type><Code>InternalFailure</Code>" in reply.message
    with pytest.raises(Refused) as caught:
        fresh.clock()
    assert caught.value.status == 500
    assert json.loads(caught.value.body)["error"] == "InternalServerError"
