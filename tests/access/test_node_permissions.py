"""What a node's own key may do (D55): every operation of the model is tried with it."""

import json
from functools import partial

import pytest

from live_server import LiveServer
from signed_requests import call, send, signed
from stateward.access.permissions import NODE_CALLS, NODE_CALLS_BY_ROWS, NODE_ONLY
from stateward.access.signing import SignedRequest, sign_rsa
from stateward.clock import wall_ms
from stateward.ids import new_uuid
from waiting import until

OTHER = "mi-0123456789abcdef0"
SUMMARY = {"ExecutionTime": 1700000000}
ABOUT_ITSELF = {
    "UpdateInstanceInformation": ("InstanceId", {"AgentStatus": "Active", "AgentVersion": "3.3.0.0"}),
    "ListInstanceAssociations": ("InstanceId", {}),
    "PutInventory": (
        "InstanceId",
        {
            "Items": [
                {
                    "TypeName": "AWS:Network",
                    "SchemaVersion": "1.0",
                    "CaptureTime": "2026-11-24T10:00:00Z",
                    "Content": [],
                }
            ]
        },
    ),
    "PutComplianceItems": (
        "ResourceId",
        {"ResourceType": "ManagedInstance", "ComplianceType": "Association", "ExecutionSummary": SUMMARY, "Items": []},
    ),
}
ABOUT_DOCUMENTS = {
    "GetDocument": {"Name": "AWS-RunShellScript"},
    "DescribeDocument": {"Name": "AWS-RunShellScript"},
}
REPORT = {
    "AssociationId": "0" * 8 + "-0000-0000-0000-" + "0" * 12,
    "ExecutionResult": {"Status": "Success", "ExecutionDate": 1700000000, "ExecutionSummary": "done"},
}
PARAMETERS = {"GetParameter": {"Name": "some-name"}, "GetParameters": {"Names": ["some-name"]}}
OTHER_PATHS = {
    "UpdateInstanceAssociationStatus",
    "RequestManagedInstanceRoleToken",
    "UpdateManagedInstancePublicKey",
    "RegisterManagedInstance",
    "UpdateAssociationStatus",
}


@pytest.fixture(scope="module")
def server(server_thread, model, tmp_path_factory):
    """One server for all tests here, which leave nothing behind that another would see."""
    server = LiveServer(server_thread, tmp_path_factory.mktemp("server"), model)
    yield server
    server.stop()


@pytest.fixture
def node(nodes):
    return nodes.one(online=False)


def answer(node, operation, **members):
    """Status, and code and text of a refusal."""
    response = node.request(operation, **members)
    told = response.json()
    return response.status_code, told.get("__type"), told.get("message")


def test_every_other_operation_of_the_model_is_denied(server, node):
    allowed = {*ABOUT_ITSELF, *ABOUT_DOCUMENTS, *NODE_CALLS_BY_ROWS, *OTHER_PATHS}
    denied = sorted(server.model.operations - allowed)
    assert len(denied) > 130, "the model has far more operations than a node needs"
    for operation in denied:
        assert answer(node, operation, InstanceId=node.node_id) == (
            400,
            "AccessDeniedException",
            f"{node.node_id} is not authorized to perform: ssm:{operation}",
        )


def test_what_rows_decide_is_denied_without_such_rows(server, node):
    assert not NODE_CALLS_BY_ROWS & NODE_CALLS.keys()
    for operation in NODE_CALLS_BY_ROWS:
        assert answer(node, operation, **PARAMETERS[operation])[:2] == (400, "AccessDeniedException")


ITS_OWN = {
    "UpdateInstanceInformation",
    "ListInstanceAssociations",
    "UpdateInstanceAssociationStatus",
    "UpdateAssociationStatus",
    "PutComplianceItems",
    "PutInventory",
    "GetDocument",
    "DescribeDocument",
}
"""D55: what a node may do for its own work. Its keys are asked for with another key, and nothing that this work refers
to is in the store; everything else of the model is denied."""

REFUSED = {"RegisterManagedInstance": "ValidationException"}
"""Whoever asks needs an activation."""


@pytest.fixture
def at_work(server, nodes, document):
    """Two nodes, each with a command and an association's run in hand: node → ids of its work."""
    ssm, found = server.client(), {}
    command = document(f"command-{new_uuid()}", STEPS)
    for node in nodes.add(2, holds=True):
        policy = document(f"policy-{new_uuid()}", STEPS, DocumentType="Policy")
        sent = ssm.send_command(DocumentName=command, InstanceIds=[node.node_id])["Command"]["CommandId"]
        made = ssm.create_association(Name=policy, Targets=[{"Key": "InstanceIds", "Values": [node.node_id]}])
        node.wait_for_jobs(2)
        association_id = made["AssociationDescription"]["AssociationId"]
        until(partial(taken, ssm, node, sent, association_id))
        found[node] = (sent, association_id, policy)
    return found


def taken(ssm, node, command_id, association_id):
    """Whether the server has heard that the node has both in hand; until then their state changes by itself."""
    (row,) = ssm.list_command_invocations(CommandId=command_id)["CommandInvocations"]
    (run,) = ssm.describe_instance_associations_status(InstanceId=node.node_id)["InstanceAssociationStatusInfos"]
    overview = ssm.describe_association(AssociationId=association_id)["AssociationDescription"]["Overview"]
    counts = overview.get("AssociationStatusAggregatedCount")
    return (row["Status"], run["Status"], counts) == ("InProgress", "InProgress", {"InProgress": 1})


def asked_about(model, operation, node, command_id, association_id, name):
    """The members of an operation's input that name a node's work."""
    named = {
        "InstanceId": node.node_id,
        "ResourceId": node.node_id,
        "Target": node.node_id,
        "InstanceIds": [node.node_id],
        "CommandId": command_id,
        "AssociationId": association_id,
        "AssociationIds": [association_id],
        "Name": name,
        "Names": [name],
        "DocumentName": name,
        "ExecutionResult": REPORT["ExecutionResult"],
        "AssociationStatus": {"Date": 1700000000, "Name": "Success", "Message": "done"},
        **ABOUT_ITSELF.get(operation, ("", {}))[1],
    }
    return {member: named[member] for member in model.input_members(operation) & named.keys()}


def state_of(ssm, node, command_id, association_id, _):
    """Everything of a node's work that a call could change."""
    (row,) = ssm.list_command_invocations(CommandId=command_id, Details=True)["CommandInvocations"]
    runs = ssm.describe_instance_associations_status(InstanceId=node.node_id)["InstanceAssociationStatusInfos"]
    association = ssm.describe_association(AssociationId=association_id)["AssociationDescription"]
    inventory = ssm.list_inventory_entries(InstanceId=node.node_id, TypeName="AWS:Network")["Entries"]
    compliance = ssm.list_compliance_items(ResourceIds=[node.node_id])["ComplianceItems"]
    (about,) = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node.node_id]}])[
        "InstanceInformationList"
    ]
    return row, runs, association, inventory, compliance, about["AgentVersion"]


def test_every_operation_for_its_own_and_for_another_node_s_work(server, ssm, at_work):
    (node, own), (other, others) = at_work.items()
    before = state_of(ssm, other, *others)
    for operation in sorted(server.model.operations):
        status, code, _ = answer(node, operation, **asked_about(server.model, operation, other, *others))
        expected = (
            (200, None) if operation in ABOUT_DOCUMENTS else (400, REFUSED.get(operation, "AccessDeniedException"))
        )
        assert (status, code) == expected, operation
    assert state_of(ssm, other, *others) == before
    for operation in sorted(server.model.operations):
        status, code, _ = answer(node, operation, **asked_about(server.model, operation, node, *own))
        expected = (200, None) if operation in ITS_OWN else (400, REFUSED.get(operation, "AccessDeniedException"))
        assert (status, code) == expected, operation
    assert state_of(ssm, other, *others) == before


@pytest.mark.parametrize("operation", ABOUT_ITSELF)
def test_a_node_speaks_about_itself_only(nodes, operation):
    node, other = nodes.add(2, online=False)
    member, rest = ABOUT_ITSELF[operation]
    assert answer(node, operation, **{member: node.node_id}, **rest)[0] == 200
    for somebody in (other.node_id, OTHER):
        assert answer(node, operation, **{member: somebody}, **rest) == (
            400,
            "AccessDeniedException",
            f"{node.node_id} is not authorized to perform: ssm:{operation} on another resource",
        )


def test_a_report_of_a_run_that_nobody_ordered(node):
    operation = "UpdateInstanceAssociationStatus"
    assert answer(node, operation, InstanceId=node.node_id, **REPORT)[:2] == (400, "AssociationDoesNotExist")
    assert answer(node, operation, InstanceId=OTHER, **REPORT)[:2] == (400, "AccessDeniedException")


@pytest.mark.parametrize("operation", ABOUT_DOCUMENTS)
def test_a_node_reads_documents_of_its_account(server, node, document, operation):
    assert answer(node, operation, **ABOUT_DOCUMENTS[operation])[0] == 200
    assert answer(node, operation, Name=document(f"own-{operation}"))[0] == 200
    there = server.client(region="eu-west-1")
    there.create_document(Name=f"elsewhere-{operation}", DocumentType="Command", Content=json.dumps(STEPS))
    assert answer(node, operation, Name=f"elsewhere-{operation}")[:2] == (400, "InvalidDocument")


def test_registration_needs_an_activation_whoever_asks(node):
    key = {"Fingerprint": "f", "PublicKey": "k", "PublicKeyType": "Rsa"}
    status, code, _ = answer(node, "RegisterManagedInstance", **key)
    assert (status, code) == (400, "ValidationException")
    activation = {"ActivationId": REPORT["AssociationId"], "ActivationCode": "A" * 20}
    status, code, _ = answer(
        node, "RegisterManagedInstance", **{**key, **activation, "PublicKey": node._client._identity.key.public_key}
    )
    assert (status, code) == (400, "InvalidActivation")


def test_session_keys_do_not_ask_for_new_ones(node):
    status, code, _ = answer(node, "RequestManagedInstanceRoleToken", Fingerprint="f")
    assert (status, code) == (400, "AccessDeniedException")


def test_an_unknown_operation_is_unknown_to_nodes_too(node):
    assert answer(node, "StealEverything") == (
        400,
        "UnknownOperationException",
        "The operation StealEverything does not exist",
    )


def test_a_deregistered_node_is_out_at_once(ssm, node):
    about = {"InstanceId": node.node_id, "AgentStatus": "Active", "AgentVersion": "3.3.0.0"}
    assert answer(node, "UpdateInstanceInformation", **about)[0] == 200
    ssm.deregister_managed_instance(InstanceId=node.node_id)
    for operation in ("UpdateInstanceInformation", "ListInstanceAssociations", "GetDocument", "SendCommand"):
        assert answer(node, operation, **about)[:2] == (400, "InvalidInstanceId")


def token_request(server, node, **changes):
    """A request for session keys, signed with the node's own key."""
    identity = node._client._identity
    headers, body = signed(server, "RequestManagedInstanceRoleToken", {"Fingerprint": identity.key.fingerprint})
    own = {name: headers[name] for name in ("host", "content-type", "x-amz-target")}
    how = {"node_id": node.node_id, "region": "us-east-1", "service": "ssm", "now_ms": wall_ms(), **changes}
    return {
        **own,
        **sign_rsa(SignedRequest("POST", "/", "", own, body), private_key=identity.key.private_key, **how),
    }, body


def test_a_token_request_counts_once(server, node):
    headers, body = token_request(server, node)
    assert send(server, headers, body).status == 200
    again = send(server, headers, body)
    assert (again.code, again.message) == ("InvalidSignatureException", "this signature was used before")


def test_token_requests_that_are_refused(server, ssm, node):
    headers, body = token_request(server, node)
    assert send(server, headers, body.replace(b"-", b"_")).code == "AccessDeniedException"
    assert send(server, *token_request(server, node, node_id=OTHER)).code == "AccessDeniedException"
    assert send(server, *token_request(server, node, service="ec2")).code == "InvalidSignatureException"
    late = wall_ms() - 16 * 60_000
    assert send(server, *token_request(server, node, now_ms=late)).code == "InvalidSignatureException"
    ssm.deregister_managed_instance(InstanceId=node.node_id)
    assert send(server, *token_request(server, node)).message == f"node {node.node_id} was deregistered"


def test_a_node_s_own_key_signs_nothing_else(server, node):
    headers, body = token_request(server, node)
    headers["x-amz-target"] = "AmazonSSM.SendCommand"
    reply = send(server, headers, body)
    assert (reply.code, reply.message) == (
        "AccessDeniedException",
        "a node's key signs its token requests only; use the token's keys",
    )


def keys_of(node):
    keys = node.call(node._keys())
    return {
        "access_key_id": keys.access_key_id,
        "secret_access_key": keys.secret_access_key,
        "session_token": keys.session_token,
    }


def test_a_node_does_not_turn_the_clock(server, node):
    path = "/_stateward/clock"
    headers = {"content-type": "application/json"}
    turn = b'{"advance": "30d"}'
    how = {"service": "stateward", "path": path, "headers": headers}
    denied = send(server, *signed(server, members=turn, **how, **keys_of(node)), path=path)
    assert (denied.status, denied.body["error"]) == (403, "AccessDeniedException")
    assert send(server, *signed(server, members=turn, **how), path=path).status == 200


def test_the_channel_of_another_node_is_closed_to_it(server, nodes):
    node, other = nodes.add(2, online=False)
    members = {"MessageSchemaVersion": "1.0", "RequestId": new_uuid()}
    how = {"service": "ssmmessages", "headers": {"content-type": "application/json"}}

    def open_channel(node_id, keys):
        path = f"/v1/control-channel/{node_id}"
        return send(server, *signed(server, members=members, path=path, **how, **keys), path=path).status

    assert open_channel(node.node_id, keys_of(node)) == 201
    assert open_channel(other.node_id, keys_of(node)) == 403
    assert open_channel(node.node_id, {}) == 403, "an administrator's key opens no channel"


@pytest.mark.parametrize("operation", sorted(NODE_ONLY))
def test_only_nodes_call_what_is_for_nodes(server, operation):
    assert call(server, operation, {"InstanceId": OTHER}).code == "AccessDeniedException"


STEPS = {
    "schemaVersion": "2.2",
    "mainSteps": [{"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": ["true"]}}],
}
