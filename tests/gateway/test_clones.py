"""Two machines that pass for one node are caught, said, and settled by a person (D56); keys are changed on request."""

import asyncio
import base64
import json
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from node_keys import answer_of, asked_for_key
from websockets.asyncio.client import connect

from live_server import Refused
from stateward.access.signing import SignedRequest
from stateward.agent.client import CallRefused, NodeClient
from stateward.agent.identity import Identity, NodeKey
from stateward.clock import SystemClock

OTHER = "another-machine"


def copy_of(node, fingerprint=None, key=None):
    """A client with a node's identity, on other hardware or with another key."""
    own = node._client._identity
    fresh = NodeKey(key or own.key.private_key, fingerprint or own.key.fingerprint)
    return NodeClient(Identity(own.registration, fresh), SystemClock(), node._client._caller._http)


def token(node, client):
    return node.call(client.request_role_token())


def refusal(node, client):
    with pytest.raises(CallRefused) as caught:
        token(node, client)
    return caught.value.code, caught.value.message


def page(server, node):
    return server.http(f"/_stateward/nodes/{node.node_id}")


def accept(server, node, fingerprint=OTHER):
    body = json.dumps({"fingerprint": fingerprint}).encode()
    return server.http(f"/_stateward/nodes/{node.node_id}/accept-fingerprint", body)


def events_of(server, node):
    found = server.http("/_stateward/events?limit=1000")["events"]
    events = [one["event"] for one in found]
    return [
        event for event in events if event["detail"].get("instance-id") == node.node_id and "reason" in event["detail"]
    ]


def test_another_fingerprint_is_another_machine(server, node):
    assert page(server, node)["clones"] == []
    for _ in range(3):
        assert refusal(node, copy_of(node, OTHER)) == (
            "MachineFingerprintDoesNotMatch",
            "The fingerprint is not that of the registered machine.",
        )
    (clone,) = page(server, node)["clones"]
    assert (clone["kind"], clone["addresses"], clone["times"]) == ("fingerprint", ["127.0.0.1"], 3)
    assert clone["fingerprint"] == OTHER
    assert clone["first"] <= clone["last"]
    assert token(node, copy_of(node))


def test_a_clone_is_an_event_once_a_day(server, node):
    for _ in range(3):
        refusal(node, copy_of(node, OTHER))
    (event,) = events_of(server, node)
    assert event["detail-type"] == "Stateward Node Clone Suspected"
    assert event["source"] == "stateward"
    assert event["detail"] == {
        "instance-id": node.node_id,
        "reason": "fingerprint",
        "addresses": '["127.0.0.1"]',
    }
    assert event["resources"] == [f"arn:aws:ssm:us-east-1:123456789012:managed-instance/{node.node_id}"]
    server.clock(advance="23h")
    refusal(node, copy_of(node, OTHER))
    assert len(events_of(server, node)) == 1
    server.clock(advance="2h")
    refusal(node, copy_of(node, OTHER))
    assert len(events_of(server, node)) == 2
    refusal(node, copy_of(node, "a third machine"))
    assert len(events_of(server, node)) == 3
    assert page(server, node)["clones"][0]["times"] == 1


def test_the_accepted_machine_is_the_node_and_the_other_is_not(server, nodes):
    node = nodes.one()
    refusal(node, copy_of(node, OTHER))
    assert accept(server, node) == {"node": node.node_id}
    node.wait_for_closing()
    assert token(node, copy_of(node, OTHER))
    assert refusal(node, copy_of(node))[0] == "MachineFingerprintDoesNotMatch"
    old = node.request("UpdateInstanceInformation", InstanceId=node.node_id)
    assert old.json()["__type"] == "InvalidInstanceId", "credentials that the other machine holds are out"


def test_only_what_was_shown_is_accepted(server, node):
    with pytest.raises(Refused) as nothing:
        accept(server, node)
    assert (nothing.value.status, "no other machine has asked" in nothing.value.body) == (409, True)
    refusal(node, copy_of(node, "a third machine"))
    with pytest.raises(Refused) as third:
        accept(server, node)
    assert (third.value.status, "is another one by now" in third.value.body) == (409, True)
    with pytest.raises(Refused) as unread:
        server.http(f"/_stateward/nodes/{node.node_id}/accept-fingerprint", b'{"finger": 1}')
    assert unread.value.status == 400


def test_an_unknown_node_has_no_page(server):
    with pytest.raises(Refused) as caught:
        server.http("/_stateward/nodes/mi-00000000000000000")
    assert caught.value.status == 404
    assert "does not exist in this account and region" in caught.value.body


def test_nodes_do_not_look_at_nodes(server, node):
    http, path = node._client._caller._http, f"/_stateward/nodes/{node.node_id}"
    assert node.call(http.get(f"{server.url}{path}")).status_code == 401
    request = SignedRequest("GET", path, "", {"host": urlsplit(server.url).netloc}, b"")
    signed = node._client._signed(request, node.call(node._keys()), "stateward")
    answer = node.call(http.get(f"{server.url}{path}", headers=signed))
    told = f"{node.node_id} (a node) is not authorized to perform: looking at a node; "
    assert (answer.status_code, answer.json()["message"].startswith(told)) == (403, True)


def test_a_removed_node_is_forgotten(server, ssm, node):
    refusal(node, copy_of(node, OTHER))
    ssm.deregister_managed_instance(InstanceId=node.node_id)

    async def rows(tx):
        return await tx.value("SELECT COUNT(*) FROM node_clones")

    assert server.reading(rows) == 0


async def open_from(node, address):
    """The node's channel, opened from one of this machine's addresses."""
    credentials = await node._keys()
    opening = await node._client.create_control_channel(credentials)
    url, headers = node._client.channel_address(credentials)
    socket = await connect(url, additional_headers=headers, compression=None, local_addr=(address, 0))
    await socket.send(json.dumps({"TokenValue": getattr(opening, "token", opening)}))
    return socket


async def fight(node, addresses):
    """Each takes the channel from the one before; the newest socket."""
    socket = await open_from(node, addresses[0])
    for address in addresses[1:]:
        newer = await open_from(node, address)
        await asyncio.wait_for(socket.wait_closed(), 10)
        socket = newer
    return socket


@pytest.mark.parametrize(
    ("addresses", "clones"),
    [
        pytest.param(["127.0.0.1", "127.0.0.2"] * 2, [], id="three take-overs"),
        pytest.param(["127.0.0.1"] * 6, [], id="one address"),
        pytest.param(
            ["127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2", "127.0.0.1"],
            [["127.0.0.1", "127.0.0.2"]],
            id="four take-overs from two",
        ),
    ],
)
def test_who_takes_the_channel_again_and_again_is_said(server, node, addresses, clones):
    node.call(node.ping())
    socket = node.call(fight(node, addresses))
    shown = page(server, node)
    assert [(one["kind"], one["addresses"]) for one in shown["clones"]] == [("channels", one) for one in clones]
    assert len(events_of(server, node)) == len(clones)
    assert shown["connection"] == "channel", "the newest wins"
    node.call(socket.close())


def test_a_node_without_channel_is_not_offline(server, node):
    assert page(server, node)["connection"] == "offline"
    node.call(node.ping())
    assert page(server, node)["connection"] == "no-channel"
    server.clock(advance="11m")
    assert page(server, node)["connection"] == "offline"


# Another key (D54)


def rotate(server, node):
    return server.http(f"/_stateward/nodes/{node.node_id}/rotate-key", b"{}")


def test_a_node_is_asked_for_another_key_until_it_offers_one(start_server, node_thread, monkeypatch):
    from scripted_nodes import NodePark

    monkeypatch.setattr("stateward.gateway.operations.QUIET_MS", 0)
    server = start_server()
    park = NodePark(node_thread, server)
    try:
        node, other = park.add(2)
        official = {"AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.0.0", "PlatformType": "Linux"}
        assert node.request("UpdateInstanceInformation", InstanceId=node.node_id, **official).status_code == 200
        assert asked_for_key(node) is False
        rotate(server, node)
        assert [asked_for_key(node), asked_for_key(node), asked_for_key(other)] == [True, True, False]
        fresh = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
        der = fresh.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        offer = {"NewPublicKey": base64.b64encode(der).decode(), "NewPublicKeyType": "Rsa"}
        node.call(answer_of(node, "UpdateManagedInstancePublicKey", offer))
        assert asked_for_key(node) is False
        node.disconnect()
    finally:
        park.close()


def test_a_node_without_channel_or_of_a_young_server_is_not_asked(server, node, nodes):
    official = {"AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.0.0", "PlatformType": "Linux"}
    assert node.request("UpdateInstanceInformation", InstanceId=node.node_id, **official).status_code == 200
    rotate(server, node)
    assert asked_for_key(node) is False
    node.connect()
    assert asked_for_key(node) is False, "the server has just started"


def test_the_built_in_agent_keeps_its_key(server, node):
    built_in = {"AgentName": "stateward-agent", "AgentVersion": "0.1.0.0", "PlatformType": "Linux"}
    assert node.request("UpdateInstanceInformation", InstanceId=node.node_id, **built_in).status_code == 200
    with pytest.raises(Refused) as caught:
        rotate(server, node)
    assert (caught.value.status, "keeps its key" in caught.value.body) == (409, True)
