"""ec2messages: the long poll and what a node says on it (node protocol 6, spec 7.5, AGT-02)."""

import hashlib
import json

import pytest
from polling import Poller, command_of
from raw_channels import channel_of, end

from signed_requests import call
from stateward.clock import wall_ms
from stateward.commands import delivery

PENDING, RUNNING = ("Pending", "Pending", {}), ("InProgress", "InProgress", {})
DONE = ("Success", "Success", {"only": ("Success", 0)})


@pytest.fixture
def poller(server, node):
    return Poller(server, node)


@pytest.fixture
def short_holds(server):
    """Polls are held for a moment only."""
    server.thread_server.gateway.polls.hold_s = 0.05


@pytest.fixture
def quiet(server):
    """Lets the server think that no poll came for a long time."""

    async def forget():
        polls = server.thread_server.gateway.polls
        for session in polls._sessions.values():
            session.seen_wall_ms = 0
        await polls.close_quiet()

    return lambda: server._thread.run(forget())


def status_of(ssm, node):
    (row,) = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node.node_id]}])[
        "InstanceInformationList"
    ]
    return row["PingStatus"]


def test_a_command_runs_over_ec2messages_agt_02(poller, node, send, invocation):
    command_id = send(node)
    got, message = poller.one()
    assert got == command_id
    assert message["Destination"] == node.node_id
    assert message["Topic"] == "aws.ssm.sendCommand.us-east-1"
    assert message["PayloadDigest"] == hashlib.sha256(message["Payload"].encode()).hexdigest()
    payload = json.loads(message["Payload"])
    assert (payload["CommandId"], payload["DocumentName"], payload["Parameters"]) == (command_id, "one-step", {})
    assert payload["DocumentContent"]["mainSteps"][0]["name"] == "only"
    assert payload["CloudWatchOutputEnabled"] == "false"
    poller.reply(message, {"documentStatus": "InProgress", "runtimeStatus": None})
    assert invocation(command_id) == RUNNING
    poller.acknowledge(message)
    poller.reply(message, end(only="Success"))
    assert invocation(command_id) == DONE


def test_a_held_poll_returns_as_soon_as_a_message_exists(poller, node, send):
    waiting = poller.start_poll()
    command_id = send(node)
    started = wall_ms()
    (message,) = waiting()
    assert command_of(message) == command_id
    assert wall_ms() - started < 5_000


def test_a_poll_without_work_is_answered_with_nothing(poller, short_holds):
    assert poller.poll() == []


def test_the_newest_poll_gets_the_work(server, poller, node, send):
    first = poller.start_poll()
    polls = server.thread_server.gateway.polls
    while node.node_id not in polls._sessions:
        pass
    second = poller.start_poll()
    assert first() == []
    command_id = send(node)
    assert [command_of(message) for message in second()] == [command_id]


def test_a_message_is_offered_again_when_its_lease_is_over(poller, node, send, change, short_holds):
    command_id = send(node)
    assert poller.one()[0] == command_id
    assert poller.poll() == []
    change(command_id, "lease_until_wall_ms = 0")
    assert poller.one()[0] == command_id


def test_a_message_is_offered_until_an_answer_gets_through(poller, node, send, change, short_holds):
    """However many answers are lost on the way: a node that polls never comes back, since it never left."""
    command_id = send(node)
    for _ in range(10):
        assert poller.one()[0] == command_id
        change(command_id, "lease_until_wall_ms = 0")


def test_a_cancel_is_offered_until_an_answer_gets_through(ssm, poller, node, send, change, short_holds):
    command_id = send(node)
    poller.acknowledge(poller.one()[1])
    ssm.cancel_command(CommandId=command_id)
    for _ in range(10):
        assert poller.one()[1]["Topic"] == "aws.ssm.cancelCommand.us-east-1"
        change(command_id, "cancel_until_wall_ms = 0")


def test_what_polls_have_lost_comes_over_a_channel_that_opens_then(poller, node, send, change, short_holds):
    command_id = send(node)
    for _ in range(delivery.MOST_SENDS):
        assert poller.one()[0] == command_id
        change(command_id, "lease_until_wall_ms = 0")
    with channel_of(node) as channel:
        assert channel.job()[0] == command_id


def test_an_acknowledged_message_is_not_offered_again(poller, node, send, change, invocation, short_holds):
    command_id = send(node)
    poller.acknowledge(poller.one()[1])
    assert invocation(command_id) == RUNNING
    change(command_id, "lease_until_wall_ms = 0")
    assert poller.poll() == []


def test_a_final_reply_without_acknowledgement_removes_the_message(poller, node, send, change, short_holds):
    command_id = send(node)
    poller.reply(poller.one()[1], end("Failed", only="Failed"))
    change(command_id, "lease_until_wall_ms = 0")
    assert poller.poll() == []


def test_terminal_states_win_over_a_second_delivery(poller, node, send, invocation):
    command_id = send(node)
    message = poller.one()[1]
    poller.reply(message, end(only="Success"))
    poller.reply(message, {"documentStatus": "InProgress", "runtimeStatus": None})
    poller.acknowledge(message)
    assert invocation(command_id) == DONE


def test_a_message_that_the_node_cannot_understand_has_failed(poller, node, send, invocation):
    command_id = send(node)
    message = poller.one()[1]
    answer = poller.say("FailMessage", MessageId=message["MessageId"], FailureType="InternalHandlerException")
    assert (answer.status, answer.body) == (200, {})
    assert invocation(command_id) == ("Failed", "Failed", {})


def test_a_cancel_comes_over_ec2messages_too(ssm, poller, node, send, invocation, short_holds):
    command_id = send(node)
    message = poller.one()[1]
    poller.acknowledge(message)
    ssm.cancel_command(CommandId=command_id)
    cancel_id, cancel = poller.one()
    assert cancel_id != command_id
    assert cancel["Topic"] == "aws.ssm.cancelCommand.us-east-1"
    assert json.loads(cancel["Payload"]) == {"CancelMessageId": message["MessageId"]}
    poller.reply(cancel, {"documentStatus": "InProgress", "runtimeStatus": None})
    poller.acknowledge(cancel)
    assert poller.poll() == []
    poller.reply(message, end("Cancelled", only={"status": "Cancelled", "code": 137}))
    assert invocation(command_id) == ("Cancelled", "Cancelled", {"only": ("Cancelled", 137)})


def test_deleted_messages_are_not_offered_again(poller, node, send, change, short_holds):
    command_id = send(node)
    assert poller.say("DeleteMessage", MessageId=poller.one()[1]["MessageId"]).body == {}
    change(command_id, "lease_until_wall_ms = 0")
    assert poller.poll() == []


def test_what_cannot_be_understood_is_taken_once(poller, node, send, invocation):
    command_id = send(node)
    message = poller.one()[1]
    poller.reply(message, "no JSON")
    poller.reply({"MessageId": f"aws.ssm.{'0' * 8}.{node.node_id}"}, end(only="Success"))
    assert invocation(command_id) == PENDING


def test_a_poll_and_a_channel_at_once_hand_over_once(poller, node, send, invocation):
    """The official agent does both when it starts."""
    waiting = poller.start_poll()
    command_id = send(node)
    (message,) = waiting()
    with channel_of(node) as channel:
        assert channel.barrier() == []
        poller.reply(message, end(only="Success"))
        assert channel.barrier() == []
    assert invocation(command_id) == DONE


def test_a_poll_beside_an_open_channel_gets_nothing_twice(poller, node, send, short_holds):
    with channel_of(node) as channel:
        channel.barrier()
        command_id = send(node)
        assert channel.job()[0] == command_id
        assert poller.poll() == []
        assert channel.barrier() == []


def test_a_node_that_polls_is_online_until_it_is_quiet(server, ssm, poller, node, short_holds, quiet):
    server.clock(advance="1h")
    assert status_of(ssm, node) == "ConnectionLost"
    poller.poll()
    server.clock(advance="1h")
    assert status_of(ssm, node) == "Online"
    quiet()
    assert status_of(ssm, node) == "Online"
    server.clock(advance="11m")
    assert status_of(ssm, node) == "ConnectionLost"


def test_a_channel_ends_the_polling_and_outlives_it(server, ssm, poller, node, short_holds, quiet):
    poller.poll()
    with channel_of(node) as channel:
        channel.barrier()
        quiet()
        server.clock(advance="1h")
        assert status_of(ssm, node) == "Online"


def test_a_missed_run_is_caught_up_when_a_node_polls_d33(server, ssm, nodes, one_step):
    node = nodes.one()
    node.disconnect()
    association_id = ssm.create_association(Name=one_step, Targets=[{"Key": "InstanceIds", "Values": ["*"]}])[
        "AssociationDescription"
    ]["AssociationId"]
    server.clock(advance="3h")
    poller = Poller(server, node)
    (message,) = poller.start_poll()()  # not settled before: that would wait for what the node has in hand
    assert json.loads(message["Payload"])["DocumentName"] == one_step
    poller.reply(message, end(only="Success"))
    assert ssm.describe_association(AssociationId=association_id)["AssociationDescription"]["Overview"] == {
        "Status": "Success",
        "DetailedStatus": "Success",
        "AssociationStatusAggregatedCount": {"Success": 1},
    }


def test_a_deregistered_node_gets_no_answer_any_more(ssm, poller, node, send):
    waiting = poller.start_poll()
    send(node)
    waiting()
    ssm.deregister_managed_instance(InstanceId=node.node_id)
    asked = {"Destination": node.node_id, "MessagesRequestId": "again"}
    answer = poller.say("GetMessages", **asked)
    assert (answer.status, answer.code) == (400, "InvalidInstanceId")
    assert answer.message == f"Not existing InstanceId {node.node_id}"


def test_get_endpoint_names_the_server_itself(server, poller):
    answer = poller.say("GetEndpoint", Destination=poller.node_id, Protocol="https")
    assert answer.body == {"Endpoint": {"Protocol": "https", "Endpoint": server.url.removeprefix("http://")}}


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("GetMessages", {"Destination": "mi-0123456789abcdef0", "MessagesRequestId": "x"}),
        ("GetEndpoint", {"Destination": "mi-0123456789abcdef0"}),
        ("AcknowledgeMessage", {"MessageId": "aws.ssm.a.mi-0123456789abcdef0"}),
        ("DeleteMessage", {"MessageId": "aws.ssm.a.mi-0123456789abcdef0"}),
        ("SendReply", {"MessageId": "aws.ssm.a.mi-0123456789abcdef0", "Payload": "{}", "ReplyId": "x"}),
        ("FailMessage", {"MessageId": "not-an-id", "FailureType": "NoHandlerExists"}),
    ],
)
def test_a_node_reaches_its_own_messages_only_d55(poller, operation, members):
    answer = poller.say(operation, **members)
    assert (answer.status, answer.code) == (400, "AccessDeniedException")
    assert "belong to that node alone" in answer.message or f"is not one of {poller.node_id}" in answer.message


def test_administrators_have_no_messages(server, node):
    answer = call(
        server,
        members={"Destination": node.node_id, "MessagesRequestId": "x"},
        headers={"x-amz-target": "EC2WindowsMessageDeliveryService.GetMessages"},
        service="ec2messages",
    )
    assert (answer.status, answer.code) == (400, "AccessDeniedException")
    assert answer.message.endswith("is not authorized to perform: ec2messages:GetMessages")


@pytest.mark.parametrize(
    ("operation", "service", "members", "code", "text"),
    [
        ("GetMessages", "ssm", {}, "InvalidSignatureException", "correct service: 'ec2messages'"),
        ("GetMessages", "ec2messages", {}, "SerializationException", "required field `Destination`"),
        ("SendReply", "ec2messages", {"MessageId": 5}, "SerializationException", "`$.MessageId`"),
        ("DropTables", "ec2messages", {}, "UnknownOperationException", "Service.DropTables is not implemented"),
    ],
)
def test_wrong_calls_are_refused(poller, operation, service, members, code, text):
    answer = poller.say(operation, service, **members)
    assert (answer.status, answer.code) == (400, code)
    assert text in answer.message
