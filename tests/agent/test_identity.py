import asyncio
import json

import httpx
import pytest
from agent_stub_server import CODE, NODE_ID, stub_server

from stateward.agent import identity, machine, main
from stateward.agent.backoff import Backoff
from stateward.agent.client import checked_endpoint
from stateward.agent.identity import IdentityProblem, NotRegistered, Registration
from stateward.agent.main import RegistrationFailed, register

REGISTRATION = Registration(NODE_ID, "us-east-1", "https://stateward.test")


def test_an_identity_is_read_as_it_was_saved(tmp_path):
    state = tmp_path / "state"
    key = identity.prepare_key(state)
    identity.save(state, REGISTRATION)
    found = identity.load(state)
    assert found.registration == REGISTRATION
    assert found.key.public_key == key.public_key == identity.prepare_key(state).public_key
    assert found.key.fingerprint == key.fingerprint


def test_only_the_owner_can_read_the_state_folder(tmp_path):
    state = tmp_path / "state"
    identity.prepare_key(state)
    identity.save(state, REGISTRATION)
    assert state.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in state.iterdir()} == {0o600}


def test_a_folder_without_a_node_is_named(tmp_path):
    with pytest.raises(NotRegistered, match=r"no node is registered there"):
        identity.load(tmp_path)


@pytest.mark.parametrize("file", [identity.REGISTRATION_FILE, identity.KEY_FILE, identity.FINGERPRINT_FILE])
def test_what_cannot_be_read_is_named(tmp_path, file):
    identity.prepare_key(tmp_path)
    identity.save(tmp_path, REGISTRATION)
    (tmp_path / file).write_text("")
    with pytest.raises(IdentityProblem, match=str(tmp_path)):
        identity.load(tmp_path)


def test_a_state_folder_belongs_to_one_agent(tmp_path):
    refused = pytest.raises(IdentityProblem, match="another agent or fleet is using it")
    with identity.exclusively(tmp_path), refused, identity.exclusively(tmp_path):
        pass
    with identity.exclusively(tmp_path):
        pass


def registered(tmp_path, refusals=(), endpoint=None):
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)

    async def work():
        async with stub_server() as server:
            server.refusals["RegisterManagedInstance"] = list(refusals)
            try:
                return await register(tmp_path, endpoint or server.url, "a" * 36, CODE, pause=pause)
            finally:
                keys = {call[1]["PublicKey"] for call in server.calls}
                assert len(keys) <= 1, "every try offers the same key"

    return asyncio.run(work()), pauses


def test_registration_stores_the_node(tmp_path):
    node_id, pauses = registered(tmp_path)
    assert node_id == NODE_ID
    assert pauses == []
    assert identity.load(tmp_path).node_id == NODE_ID
    told = json.loads((tmp_path / identity.REGISTRATION_FILE).read_text())
    assert told["region"] == "us-east-1"
    assert CODE not in "".join(path.read_text() for path in tmp_path.iterdir())


def test_what_may_pass_is_tried_again(tmp_path):
    refusals = [(500, "InternalServerError"), (400, "ThrottlingException"), (400, "TooManyUpdates")]
    node_id, pauses = registered(tmp_path, refusals)
    assert node_id == NODE_ID
    assert len(pauses) == 3


@pytest.mark.parametrize(
    ("refusals", "told"),
    [
        pytest.param([(400, "InvalidActivation")], "InvalidActivation: no", id="final at once"),
        pytest.param([(503, "ServiceUnavailable")] * 4, "ServiceUnavailable: no", id="four tries"),
    ],
)
def test_a_refused_registration_says_why(tmp_path, refusals, told):
    with pytest.raises(RegistrationFailed, match=told):
        registered(tmp_path, refusals)
    assert identity.registered(tmp_path) is None


def test_an_unreachable_server_is_named(tmp_path):
    with pytest.raises(RegistrationFailed, match=r"http://127\.0\.0\.1:1"):
        registered(tmp_path, endpoint="http://127.0.0.1:1")


def test_the_region_is_the_activations_whatever_was_given(tmp_path):
    async def work():
        async with stub_server() as server:
            server.region = "eu-west-1"
            await main.register(tmp_path, server.url, "a" * 36, CODE, "moon")

    asyncio.run(work())
    assert identity.load(tmp_path).registration.region == "eu-west-1"


def test_a_registered_folder_is_not_registered_again(tmp_path):
    registered(tmp_path)
    with pytest.raises(RegistrationFailed, match=f"already registered as {NODE_ID}"):
        registered(tmp_path)


@pytest.mark.parametrize(
    "endpoint",
    [
        "stateward.test",
        "ftp://host",
        "https://a b",
        "https://host:99999",
        "https://a;b",
        "https://host/path",
        "https://host?q=1",
        "https://",
    ],
)
def test_an_endpoint_must_be_an_origin(tmp_path, endpoint):
    with pytest.raises(ValueError, match="use https://host:port"):
        checked_endpoint(endpoint)
    with pytest.raises(RegistrationFailed, match="use https://host:port"):
        asyncio.run(main.register(tmp_path, endpoint, "a" * 36, CODE))


def test_an_endpoint_loses_its_slash():
    assert checked_endpoint("https://host:8443/") == "https://host:8443"
    assert httpx.URL(checked_endpoint("http://[::1]:80")).host == "::1"


@pytest.mark.parametrize(
    ("package", "expected"),
    [("0.1.0", "0.1.0.0"), ("1.2.3rc1", "1.2.3.0"), ("1.2.3.4.5", "1.2.3.4"), ("2", "2.0.0.0")],
)
def test_versions_have_four_numbers(package, expected):
    assert machine.four_numbers(package) == expected


def test_waits_grow_to_their_cap_and_start_again():
    backoff = Backoff()
    waits = [backoff.next_s() for _ in range(40)]
    assert 0.1 <= waits[0] <= 1.0
    assert all(wait <= 30 for wait in waits)
    assert all(wait >= 15 for wait in waits[6:])
    backoff.reset()
    assert backoff.next_s() <= 1.0
