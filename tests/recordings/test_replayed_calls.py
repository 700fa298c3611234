"""Single calls of the official agent, and its words on what this server never sends."""

import json

import pytest
from polling_player import PollingPlayer
from refresh_replay import REFRESH_FRAME, whole
from table import NEVER_SENT, REPORTS
from test_replayed_start import assert_like

from live_server import ACCOUNT
from recordings import load

POLICY = {
    "schemaVersion": "2.2",
    "mainSteps": [{"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": ["true"]}}],
}
FRAMES = [name for name in NEVER_SENT if not name.startswith("mds-")]
MESSAGES = [name for name in NEVER_SENT if name.startswith("mds-")]
TARGET = "EC2WindowsMessageDeliveryService."


@pytest.fixture
def applied(ssm, player):
    """An association that the player's agent was told to apply; its id."""
    ssm.create_document(Name="lab-shell", Content=json.dumps(POLICY), DocumentType="Policy")
    made = ssm.create_association(Name="lab-shell", Targets=[{"Key": "InstanceIds", "Values": [player.node_id]}])
    association_id = made["AssociationDescription"]["AssociationId"]
    assert player.job(REFRESH_FRAME)["Content"]["Parameters"] == {"associationIds": [association_id]}
    return association_id


def shown(ssm, player):
    (row,) = ssm.describe_instance_associations_status(InstanceId=player.node_id)["InstanceAssociationStatusInfos"]
    return row


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_shown_as_the_table_says(ssm, player, applied, name):
    recorded = load(name)
    assert_like(player.say(recorded["request"], AssociationId=applied), recorded["response"])
    row = shown(ssm, player)
    assert (row["Status"], row.get("ErrorCode", "")) == REPORTS[name]
    assert row["ExecutionSummary"] == recorded["request"]["body"]["ExecutionResult"]["ExecutionSummary"]


@pytest.mark.parametrize("name", FRAMES)
def test_words_on_a_job_that_never_was_are_taken(ssm, player, name):
    seen = set()
    for event in load(name)["events"]:
        frame = event.get("frame", {})
        if frame.get("messageType") == "agent_job_ack":
            player.send(frame)
        if frame.get("messageType") == "agent_job_reply":
            player.reply(frame, again=frame["messageId"] in seen)
            seen.add(frame["messageId"])
    player.barrier()
    assert ssm.list_commands()["Commands"] == []


@pytest.mark.parametrize("name", MESSAGES)
def test_words_on_a_message_that_never_was_are_taken(ssm, polling, name):
    for event in load(name)["events"]:
        operation = (event.get("request", {}).get("target") or "").removeprefix(TARGET)
        if operation not in ("AcknowledgeMessage", "SendReply", "FailMessage"):
            continue
        told = polling.rebound(event["request"]["body"])
        if "Payload" in told:
            told["Payload"] = json.dumps(told["Payload"])
        answer = polling.call(operation, told)
        assert (answer.status_code, answer.json()) == (200, polling.rebound(event["response"]["body"]))
    assert ssm.list_commands()["Commands"] == []


@pytest.mark.parametrize(
    "name",
    [
        "mds-acknowledge-message",
        "mds-fail-message",
        "mds-send-reply-1-accepted",
        "mds-send-reply-2-step",
        "mds-send-reply-3-final",
        "ping-periodic-mds",
        "put-compliance-items-non-compliant",
    ],
)
def test_calls_are_answered_as_recorded(polling, name):
    recorded = load(name)
    answer = polling.say(recorded["request"])
    assert_like(answer, recorded["response"])
    assert answer.json() == polling.rebound(recorded["response"]["body"])


def test_inventory_as_recorded(polling):
    recorded = load("put-inventory")
    items = [whole(item) for item in recorded["request"]["body"]["Items"]]
    answer = polling.say(recorded["request"], Items=items)
    assert_like(answer, recorded["response"])


def test_an_empty_poll_as_recorded(server, polling):
    server.thread_server.gateway.polls.hold_s = 0.05
    recorded = load("mds-get-messages-empty")
    answer = polling.say(recorded["request"])
    assert_like(answer, recorded["response"])
    assert answer.json() == polling.rebound(recorded["response"]["body"])


def test_messages_as_recorded(ssm, polling):
    """A job, a cancel and a refresh: names and types of every member, and what is said in the payload."""
    ssm.create_document(Name="lab-command", Content=json.dumps(POLICY), DocumentType="Command")
    sent = ssm.send_command(DocumentName="lab-command", InstanceIds=[polling.node_id])
    (job,) = said(polling, "mds-get-messages-send-command")
    polling.send_reply(job["MessageId"], {"documentStatus": "InProgress", "runtimeStatus": None})
    ssm.cancel_command(CommandId=sent["Command"]["CommandId"])
    (cancel,) = said(polling, "mds-get-messages-cancel-command")
    assert json.loads(cancel["Payload"]) == {"CancelMessageId": job["MessageId"]}
    ssm.create_document(Name="lab-shell", Content=json.dumps(POLICY), DocumentType="Policy")
    made = ssm.create_association(Name="lab-shell", Targets=[{"Key": "InstanceIds", "Values": [polling.node_id]}])
    (refresh,) = said(polling, "mds-get-messages-refresh-association")
    named = [made["AssociationDescription"]["AssociationId"]]
    recorded = json.loads(load("mds-get-messages-refresh-association")["response"]["body"]["Messages"][0]["Payload"])
    told = json.loads(refresh["Payload"])
    assert told == {**recorded, "CommandId": told["CommandId"], "Parameters": {"associationIds": named}}


def said(polling, name):
    recorded = load(name)
    answer = polling.say(recorded["request"])
    assert_like(answer, recorded["response"])
    return answer.json()["Messages"]


def test_a_document_of_schema_1_2_as_recorded(ssm, player):
    recorded = load("get-document-schema-1.2")
    content = recorded["response"]["body"]["Content"]
    ssm.create_document(Name="lab-old", Content=content, DocumentType="Command")
    answer = player.say(recorded["request"], Name="lab-old")
    assert answer.status_code == 200
    assert json.loads(answer.json()["Content"]) == json.loads(content)
    assert recorded["response"]["body"].keys() <= answer.json().keys()


def test_another_fingerprint_as_recorded_d56(player):
    (refusal, *_) = refusals("errors-role-token-fingerprint")
    answer = player.say(load("role-token")["request"], Fingerprint="11111111-2222-4333-8444-555555555555")
    assert (answer.status_code, answer.json()["__type"]) == refusal == (400, "MachineFingerprintDoesNotMatch")


def test_a_removed_node_as_recorded(ssm, player, polling):
    """Its token is refused, its calls name an instance that is not there, its channel does not open."""
    (token, *_) = refusals("errors-role-token-access-denied")
    assert token in refusals("deregistered-node")
    assert (400, "InvalidInstanceId") in refusals("deregistered-node")
    for one in (player, polling):
        ssm.deregister_managed_instance(InstanceId=one.node_id)
        answer = one.say(load("role-token")["request"])
        assert (answer.status_code, answer.json()["__type"]) == token == (400, "AccessDeniedException")
        for name in ("ping-full", "list-associations-empty", "mds-get-messages-empty"):
            answer = one.say(load(name)["request"])
            assert (answer.status_code, answer.json()["__type"]) == (400, "InvalidInstanceId"), name
        assert one.say(load("mgs-create-channel")["request"]).status_code == 400


def refusals(name):
    """(status, code) of every answer with an error in a recording."""
    answers = [event["response"] for event in load(name)["events"] if event.get("response")]
    return [(one["status"], one["body"]["__type"]) for one in answers if "__type" in (one.get("body") or {})]


def test_a_missing_document_as_recorded(player):
    recorded = load("get-document-missing")
    answer = player.say(recorded["request"])
    assert answer.status_code == recorded["response"]["status"] == 400
    assert answer.json()["__type"] == recorded["response"]["body"]["__type"] == "InvalidDocument"


@pytest.mark.parametrize("name", ["legacy-list-associations", "legacy-describe-association"])
def test_the_calls_of_ten_years_ago_are_denied_d55(player, name):
    """So the agent keeps its schedule: a list that is empty would wipe it (node protocol 7.1)."""
    answer = player.say(load(name)["request"])
    assert (answer.status_code, answer.json()["__type"]) == (400, "AccessDeniedException")


def test_the_oldest_report_as_recorded(ssm, player, applied):
    recorded = load("legacy-update-association-status")
    answer = player.say(recorded["request"])
    assert (answer.status_code, answer.json()) == (200, {})
    row = shown(ssm, player)
    assert (row["Status"], row["ExecutionSummary"]) == ("Pending", "Association is pending")


@pytest.mark.parametrize("operation", ["GetManifest", "PutConfigurePackageResult"])
def test_what_is_not_built_is_unknown_to_nodes_too(player, operation):
    template = load("ping-full")["request"]
    headers = {**template["headers"], "X-Amz-Target": f"AmazonSSM.{operation}"}
    answer = player.say({**template, "headers": headers, "body": {"packageName": "AWSPVDriver"}})
    assert (answer.status_code, answer.json()["__type"]) == (400, "UnknownOperationException")


def test_parameters_as_recorded(start_server):
    """Which of them a node is shown is D55's; what it is told of them is the recorded answer."""
    server = start_server(node_parameters=("/",))
    ssm = server.client()
    recorded = load("get-parameters")
    for one in recorded["response"]["body"]["Parameters"]:
        ssm.put_parameter(Name=one["Name"], Value=one["Value"], Type=one["Type"])
    node = PollingPlayer(server.url).start(ssm.create_activation(IamRole="role"))
    try:
        answer = node.say(recorded["request"])
    finally:
        node.close()
    assert_like(answer, recorded["response"])
    told = answer.json()
    assert told["InvalidParameters"] == recorded["response"]["body"]["InvalidParameters"] == []
    expected = recorded["response"]["body"]["Parameters"]
    for mine, theirs in zip(told["Parameters"], expected, strict=True):
        own = {"ARN": f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/{theirs['Name'].lstrip('/')}"}
        assert mine == {**theirs, **own, "LastModifiedDate": mine["LastModifiedDate"]}
