"""The official agent changes its key, replayed: whatever is lost on the way, it is never locked out (D54)."""

import base64
import json

import pytest
from player import _public_key, new_key

from recordings import load
from stateward.access import store_rotation
from stateward.clock import wall_ms

DAY_MS = 24 * 60 * 60 * 1000
BY_NODE_KEY = load("update-public-key")["request"]


@pytest.fixture
def player(new_player, activation):
    """A node that has registered and holds credentials."""
    one = new_player()
    one.register(activation)
    one.request_token()
    return one


def offer(player, key, **members):
    """The node offers the public half of `key`, signed with its present one."""
    return player.say(BY_NODE_KEY, **{"NewPublicKey": _public_key(key), **members})


def signs(player, key):
    """Whether a token request that is signed with `key` is answered."""
    player.key = key
    answer = player.say(load("role-token-after-key-rotation")["request"])
    assert answer.status_code == 200 or answer.json()["__type"] == "AccessDeniedException"
    return answer.status_code == 200


def test_a_key_is_changed_as_recorded(player):
    new = new_key()
    answer = offer(player, new)
    assert (answer.status_code, answer.json()) == (200, {})
    assert signs(player, new)


def test_both_keys_are_good_until_the_new_one_asks_for_a_token(player):
    old, new = player.key, new_key()
    offer(player, new)
    assert signs(player, old)
    assert signs(player, old)
    assert signs(player, new)
    assert not signs(player, old)
    assert signs(player, new)


def test_a_lost_answer_is_followed_by_the_same_offer_under_the_old_key(player):
    events = load("key-rotation-answer-lost")["events"]
    offers = [
        event
        for event in events
        if event.get("request", {}).get("target", "").endswith("UpdateManagedInstancePublicKey")
    ]
    assert [event["response"]["status"] for event in offers] == [None, 200]
    new = new_key()
    for _ in offers:
        assert offer(player, new).json() == {}
    assert signs(player, new)


def test_the_latest_offer_counts(player):
    old, first, second = player.key, new_key(), new_key()
    offer(player, first)
    offer(player, second)
    assert not signs(player, first)
    assert signs(player, old)
    assert signs(player, second)
    assert not signs(player, old)


def test_a_key_may_be_changed_again_before_it_has_asked_for_a_token(player):
    old, first, second = player.key, new_key(), new_key()
    offer(player, first)
    player.key = first
    assert offer(player, second).status_code == 200
    assert not signs(player, old)
    assert signs(player, second)


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"NewPublicKey": "no key at all"}, id="no key"),
        pytest.param({"NewPublicKey": ""}, id="empty"),
        pytest.param({"NewPublicKey": 5}, id="a number"),
        pytest.param({"NewPublicKey": "A" * 100_000}, id="too long"),
        pytest.param({"NewPublicKeyType": "Dsa"}, id="another type"),
        pytest.param({"NewPublicKeyType": None}, id="no type"),
    ],
)
def test_an_offer_is_never_answered_with_an_error(player, members):
    old = player.key
    answer = offer(player, new_key(), **members)
    assert (answer.status_code, answer.json()) == (200, {})
    assert signs(player, old)


def test_an_offer_of_another_type_is_kept_all_the_same(player):
    """The agent signs with it from now on, whatever it is answered."""
    new = new_key()
    offer(player, new, NewPublicKeyType="Dsa")
    assert signs(player, new)


def test_a_candidate_lapses_after_thirty_days(server, player):
    old, new = player.key, new_key()
    offer(player, new)

    async def age(tx):
        await store_rotation.offer(tx, player.node_id, _public_key(new), wall_ms() - 31 * DAY_MS)

    server.writing(age)
    assert not signs(player, new)
    assert signs(player, old)


def test_only_the_nodes_own_key_offers_another(ssm, player, new_player, activation):
    stranger = new_player()
    stranger.register(activation)
    stranger.node_id, stranger.key = player.node_id, new_key()
    answer = offer(stranger, stranger.key)
    assert (answer.status_code, answer.json()["__type"]) == (400, "AccessDeniedException")
    assert not signs(stranger, stranger.key)
    ssm.deregister_managed_instance(InstanceId=player.node_id)
    answer = offer(player, new_key())
    assert (answer.status_code, answer.json()["__type"]) == (400, "AccessDeniedException")


def test_session_keys_offer_none(player):
    recorded = json.loads(json.dumps(BY_NODE_KEY))
    name = player.credentials["AccessKeyId"]
    signature = recorded["headers"]["Authorization"].replace("mi-f3002cf09a3051cd8", name)
    recorded["headers"]["Authorization"] = signature.replace("x-amz-date;", "x-amz-date;x-amz-security-token;")
    answer = player.say(recorded, NewPublicKey=base64.b64encode(b"x").decode())
    assert (answer.status_code, answer.json()["__type"]) == (400, "AccessDeniedException")


def test_tokens_ask_for_no_rotation(player):
    assert (
        player.credentials["UpdateKeyPair"]
        is load("role-token-after-key-rotation")["response"]["body"]["UpdateKeyPair"]
    )
    assert load("role-token-with-key-rotation")["response"]["body"]["UpdateKeyPair"] is True
