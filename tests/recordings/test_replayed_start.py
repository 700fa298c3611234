"""The official agent's first calls, replayed: the server's answers beside the recorded ones (NOD-02, NOD-03)."""

import re

import pytest
from player import new_key

from recordings import load


def shape(value):
    """Names and types of an answer's members; what differs from run to run is left out."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


def assert_like(answer, recorded):
    """Status, content type, request id, and the body's members are as recorded."""
    assert answer.status_code == recorded["status"]
    assert answer.headers["content-type"] == recorded["headers"]["Content-Type"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.headers["x-amzn-requestid"])
    assert shape(answer.json()) == shape(recorded["body"])


def test_registration_and_token_as_recorded_nod_02(new_player, activation):
    player = new_player()
    assert_like(player.register(activation), load("register-ok")["response"])
    assert re.fullmatch(r"mi-[0-9a-f]{17}", player.node_id)
    assert_like(player.request_token(), load("role-token")["response"])
    assert player.credentials["UpdateKeyPair"] is False


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("register-wrong-code", "InvalidActivation"),
        ("register-unknown-id", "InvalidActivation"),
        # The recording's server said InvalidActivation here too; AWS says this (spec 7.1), and both are final.
        ("register-expired", "ActivationExpired"),
        ("register-limit", "RegistrationLimitExceeded"),
    ],
)
def test_registration_refused_as_recorded_nod_03(server, ssm, new_player, name, code):
    made = ssm.create_activation(IamRole="role")
    if name == "register-limit":
        assert new_player().register(made).status_code == 200
    if name == "register-expired":
        server.clock(advance="25h")
    if name == "register-wrong-code":
        made = {**made, "ActivationCode": "x" * 20}
    if name == "register-unknown-id":
        made = {**made, "ActivationId": "00000000-0000-4000-8000-000000000000"}
    player = new_player()
    player.key = new_key()
    answer = player.register(made, load(name)["request"])
    assert answer.status_code == load(name)["response"]["status"] == 400
    assert answer.json()["__type"] == code
    assert {member.lower() for member in answer.json()} == {"__type", "message"}


def test_wrong_code_and_unknown_id_say_the_same(ssm, new_player):
    made = ssm.create_activation(IamRole="role")
    wrong_code = new_player().register({**made, "ActivationCode": "x" * 20})
    unknown_id = new_player().register({**made, "ActivationId": "00000000-0000-4000-8000-000000000000"})
    assert wrong_code.json() == unknown_id.json()


def test_registering_again_with_a_new_key_makes_another_node(new_player, activation):
    player = new_player()
    player.register(activation)
    first, player.key = player.node_id, new_key()
    again = load("register-again")
    assert_like(player.register(activation, again["request"]), again["response"])
    assert player.node_id != first


def test_registering_again_after_a_lost_answer_makes_no_other_node(new_player, activation):
    player = new_player()
    player.register(activation)
    first = player.node_id
    player.register(activation)
    assert player.node_id == first


def test_pings_as_recorded(ssm, new_player, activation):
    player = new_player()
    player.register(activation)
    player.request_token()

    def view():
        (node,) = ssm.describe_instance_information()["InstanceInformationList"]
        names = ("PingStatus", "AgentVersion", "PlatformType", "PlatformName", "PlatformVersion", "ComputerName")
        return {name: node.get(name) for name in (*names, "IPAddress")}

    full = {
        "PingStatus": "Online",
        "AgentVersion": "3.3.0.0",
        "PlatformType": "Linux",
        "PlatformName": "Debian GNU/Linux",
        "PlatformVersion": "12",
        "ComputerName": "web-1.example.com",
        "IPAddress": "127.0.0.1",
    }
    short = dict.fromkeys(("PlatformName", "PlatformVersion", "ComputerName", "IPAddress"))
    for name, expected in (
        ("ping-startup", full | short),
        ("ping-full", full),
        ("ping-periodic-mgs", full),
        ("ping-startup", full),  # the short form erases nothing
    ):
        assert_like(player.say(load(name)["request"]), load(name)["response"])
        assert view() == expected, name


@pytest.mark.parametrize("name", ["list-associations-empty", "put-compliance-items"])
def test_other_calls_as_recorded(player, name):
    recorded = load(name)
    answer = player.say(recorded["request"])
    assert_like(answer, recorded["response"])
    assert answer.json() == recorded["response"]["body"]


def test_control_channel_as_recorded(new_player, activation):
    player = new_player()
    player.register(activation)
    player.request_token()
    recorded = load("mgs-create-channel")["response"]
    answer = player.create_channel()
    assert answer.status_code == recorded["status"] == 201
    assert answer.headers["content-type"] == recorded["headers"]["Content-Type"]
    # One element more, which a reader of XML that does not know it passes over (D58).
    told = answer.text.replace(player.token, "SCRUBBED-CHANNEL-TOKEN").replace("<LiveOutput>524288</LiveOutput>", "")
    assert told == recorded["body"]
    response = player.open_socket()
    assert response.status_code == load("mgs-websocket-open")["response"]["status"] == 101
    assert "sec-websocket-extensions" not in response.headers
    assert "sec-websocket-protocol" not in response.headers
