"""Who may open a control channel, and what ends one (node protocol 5.1, 5.2, design 5)."""

import json
import urllib.error
import urllib.request

import pytest
from raw_channels import channel_of, refusal, socket_of, token_of

from stateward.agent.client import CallRefused, NodeClient
from stateward.agent.identity import Identity, Registration
from stateward.clock import SystemClock
from stateward.gateway import channels

POLICY, REPLACED = 1008, 1000
DONE = ("Success", "Success", {"only": ("Success", 0)})


def online(ssm, node):
    found = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node.node_id]}])
    return found["InstanceInformationList"][0]["PingStatus"] == "Online"


def path_of(server, node_id):
    return f"{server.url}/v1/control-channel/{node_id}"


def test_a_node_gets_its_commands_over_its_channel(node, send, invocation):
    command_id = send(node)
    with channel_of(node) as channel:
        got, payload = channel.job()
        assert got == command_id
        assert payload["JobId"] == f"aws.ssm.{command_id}.{node.node_id}"
        channel.acknowledge(command_id)
        channel.finish(command_id, only="Success")
    assert invocation(command_id) == DONE


def test_the_channel_of_another_node_is_refused(server, nodes, node):
    other = nodes.one(online=False)
    address = path_of(server, other.node_id).replace("http", "ws") + "?role=subscribe&stream=input"
    impostor = Impostor(node, other)
    assert refusal(impostor, address) == 403
    assert server.thread_server.gateway.open_channels == 0
    with pytest.raises(CallRefused) as refused:
        token_of(impostor)
    assert refused.value.status == 403


def test_an_unsigned_channel_is_refused(server, node):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(path_of(server, node.node_id), b"{}"), timeout=10)
    with refused.value as answer:
        assert answer.status in (400, 403)
        assert b"TokenValue" not in answer.read()


def test_a_channel_needs_a_token_of_its_own_node(nodes, node):
    other = nodes.one(online=False)
    with channel_of(node, token_of(other)) as channel:
        assert channel.closed() == POLICY


def test_a_channel_token_expires(monkeypatch, node):
    monkeypatch.setattr(channels, "TOKEN_LIFE_MS", 0)
    with channel_of(node) as channel:
        assert channel.closed() == POLICY


def test_a_session_token_opens_no_channel(node):
    session = node.call(node._keys()).session_token
    with channel_of(node, session) as channel:
        assert channel.closed() == POLICY


@pytest.mark.parametrize("first", [b"\x00" * 200, "no JSON", "[]", "{}", '{"TokenValue": 1}', '{"TokenValue": "x"}'])
def test_a_channel_whose_first_frame_is_wrong_is_closed(server, node, first):
    with socket_of(node) as channel:
        channel.say(first)
        assert channel.closed() == POLICY
    assert server.thread_server.gateway.open_channels == 0


def test_a_channel_whose_first_frame_never_comes_is_closed(monkeypatch, server, node):
    monkeypatch.setattr(channels, "FIRST_FRAME_S", 0.1)
    with socket_of(node) as channel:
        assert channel.closed() == POLICY
    assert server.thread_server.gateway.open_channels == 0


def test_a_second_channel_takes_over_the_first(server, ssm, node, send, invocation):
    with channel_of(node) as first, channel_of(node) as second:
        assert first.closed() == REPLACED
        assert first.told == "another agent took this channel"
        command_id = send(node)
        assert second.job()[0] == command_id
        second.acknowledge(command_id)
        second.finish(command_id, only="Success")
        assert server.thread_server.gateway.open_channels == 1
        assert online(ssm, node)
    assert invocation(command_id) == DONE


def test_the_end_of_a_replaced_channel_leaves_the_newer_one_alone(server, node, send):
    with channel_of(node) as second_last, channel_of(node) as last:
        assert second_last.closed() == REPLACED
        last.barrier()
        server.thread_server.gateway.hint([node.node_id])
        command_id = send(node)
        assert last.job()[0] == command_id


def test_a_frame_that_is_too_large_ends_that_channel_only(nodes, node, send, invocation):
    other = nodes.one(online=False)
    with channel_of(node) as channel, channel_of(other) as others:
        channel.say(b"x" * (256 * 1024 + 1))
        assert channel.closed() == 1009
        command_id = send(other)
        assert others.job()[0] == command_id
        others.acknowledge(command_id)
        others.finish(command_id, only="Success")
    assert invocation(command_id) == DONE


def test_the_credentials_of_another_node_are_of_no_use(nodes, node):
    other = nodes.one(online=False)
    answer = node.request("UpdateInstanceInformation", InstanceId=other.node_id, ComputerName="taken-over")
    assert answer.status_code == 400
    assert answer.json()["__type"] == "AccessDeniedException"
    mine, theirs = node.call(node._keys()), other.call(other._keys())
    node._credentials = type(mine)(
        mine.access_key_id, mine.secret_access_key, theirs.session_token, mine.obtained_ms, mine.expires_ms
    )
    answer = node.request("UpdateInstanceInformation", InstanceId=other.node_id)
    assert answer.json()["__type"] == "UnrecognizedClientException"


def test_a_deregistered_node_may_call_nothing_more(server, ssm, node):
    own_address = path_of(server, node.node_id).replace("http", "ws") + "?role=subscribe&stream=input"
    assert node.request("UpdateInstanceInformation", InstanceId=node.node_id).status_code == 200
    ssm.deregister_managed_instance(InstanceId=node.node_id)
    answer = node.request("UpdateInstanceInformation", InstanceId=node.node_id)
    assert answer.json()["__type"] == "InvalidInstanceId"
    assert refusal(node, own_address) == 403
    with pytest.raises(CallRefused):
        token_of(node)
    node._credentials = None
    with pytest.raises(CallRefused) as refused:
        node.call(node._keys())
    assert refused.value.code == "AccessDeniedException"


def test_a_node_that_is_deregistered_before_its_first_frame_gets_no_channel(server, ssm, node):
    token = token_of(node)
    with socket_of(node) as channel:
        ssm.deregister_managed_instance(InstanceId=node.node_id)
        channel.say(json.dumps({"TokenValue": token}))
        assert channel.closed() == POLICY


def test_the_channel_of_a_deregistered_node_is_closed_at_once(server, ssm, node, send):
    with channel_of(node) as channel:
        command_id = send(node)
        channel.job()
        channel.acknowledge(command_id)
        channel.barrier()
        ssm.deregister_managed_instance(InstanceId=node.node_id)
        assert channel.closed(within_s=3) == POLICY
        assert channel.told == "the node was deregistered"
    (row,) = ssm.list_command_invocations(CommandId=command_id)["CommandInvocations"]
    assert (row["Status"], row["StatusDetails"]) == ("Failed", "Undeliverable")


class Impostor:
    """A node that asks for another one's channel, signed with its own credentials."""

    def __init__(self, node, other):
        own = node._client._identity
        there = Registration(other.node_id, own.registration.region, own.registration.endpoint)
        self.node_id = node.node_id
        self.call = node.call
        self._keys = node._keys
        self._client = NodeClient(Identity(there, own.key), SystemClock(), node._client._caller._http)
