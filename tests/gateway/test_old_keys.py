"""Nodes whose key is old are asked for another one, gently (`--rotate-node-keys`, D54)."""

from contextlib import ExitStack

import pytest
from node_keys import asked_for_key, change_key

from programs import run
from scripted_nodes import NodePark
from stateward.clock import wall_ms
from stateward.gateway import old_keys
from waiting import until

DAY_MS = old_keys.DAY_MS


@pytest.fixture
def park(start_server, node_thread, monkeypatch):
    """A server that asks every ninety days, looks all the time and needs no quiet; and official nodes of it."""
    with ExitStack() as stack:

        def start(quiet_ms=0, days=90):
            monkeypatch.setattr("stateward.gateway.operations.QUIET_MS", quiet_ms)
            monkeypatch.setattr("stateward.engine.upkeep.PAUSE_S", 0.01)
            server = start_server(rotate_node_keys_days=days)
            nodes = NodePark(node_thread, server)
            stack.callback(nodes.close)
            nodes.server = server
            return nodes

        yield start


def official(park, count):
    nodes = park.add(count)
    for node in nodes:
        node.agent_name = "amazon-ssm-agent"
        told = {"AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.0.0", "PlatformType": "Linux"}
        assert node.request("UpdateInstanceInformation", InstanceId=node.node_id, **told).status_code == 200
    return nodes


def make_old(server, *nodes, days=90):
    """The nodes have had their keys for that long; later nodes of the list for a little less."""

    async def work(tx):
        for number, node in enumerate(nodes):
            since_ms = wall_ms() - days * DAY_MS + number
            await tx.execute("UPDATE node_keys SET key_since_ms = $2 WHERE node_id = $1", node.node_id, since_ms)

    server.writing(work)


def marked(server):
    """The nodes that are asked with their next token."""

    async def look(tx):
        return await tx.column("SELECT node_id FROM node_keys WHERE key_to_replace = public_key")

    return set(server.reading(look))


def looked(server):
    """Wait until the server has looked at all keys once more."""
    server._thread.run(server.thread_server._old_keys.ask())


def test_a_node_with_an_old_key_is_asked_until_it_signs_with_another(park):
    nodes = park()
    old, young = official(nodes, 2)
    make_old(nodes.server, old)
    until(lambda: marked(nodes.server) == {old.node_id})
    assert [asked_for_key(old), asked_for_key(young)] == [True, False]
    change_key(old)
    assert asked_for_key(old) is False
    looked(nodes.server)
    assert marked(nodes.server) == set(), "the new key is young"
    make_old(nodes.server, old)
    until(lambda: marked(nodes.server) == {old.node_id})


def test_a_key_that_is_a_day_too_young_is_left_alone(park):
    nodes = park()
    (node,) = official(nodes, 1)
    make_old(nodes.server, node, days=89)
    looked(nodes.server)
    assert marked(nodes.server) == set()


def test_a_node_without_channel_waits_until_it_has_one(park):
    nodes = park()
    (node,) = official(nodes, 1)
    node.disconnect()
    ssm = nodes.server.client()
    until(lambda: ssm.get_connection_status(Target=node.node_id)["Status"] == "notconnected")
    make_old(nodes.server, node)
    looked(nodes.server)
    assert marked(nodes.server) == set()
    node.connect()
    until(lambda: marked(nodes.server) == {node.node_id})


def test_only_a_few_are_asked_at_a_time_and_the_oldest_first(park, monkeypatch):
    monkeypatch.setattr(old_keys, "AT_ONCE", 2)
    nodes = park()
    first, second, third, fourth = official(nodes, 4)
    make_old(nodes.server, third, fourth, second, first)
    until(lambda: marked(nodes.server) == {third.node_id, fourth.node_id})
    looked(nodes.server)
    assert marked(nodes.server) == {third.node_id, fourth.node_id}
    assert asked_for_key(fourth)
    change_key(fourth)
    assert asked_for_key(fourth) is False
    until(lambda: marked(nodes.server) == {third.node_id, second.node_id})


def test_who_does_not_answer_for_a_day_keeps_nobody_waiting(park, monkeypatch):
    monkeypatch.setattr(old_keys, "AT_ONCE", 1)
    nodes = park()
    first, second = official(nodes, 2)
    make_old(nodes.server, first, second)
    until(lambda: marked(nodes.server) == {first.node_id})

    async def yesterday(tx):
        await tx.execute("UPDATE node_keys SET asked_ms = asked_ms - $1", DAY_MS + 60_000)

    nodes.server.writing(yesterday)
    until(lambda: marked(nodes.server) == {first.node_id, second.node_id})
    assert asked_for_key(first), "it is asked still"


def test_nobody_is_asked_in_the_first_minutes_of_a_server(park):
    nodes = park(quiet_ms=600_000)
    (node,) = official(nodes, 1)
    make_old(nodes.server, node)
    looked(nodes.server)
    assert marked(nodes.server) == set()


def test_the_built_in_agent_is_never_asked(park):
    nodes = park()
    node = nodes.one()
    make_old(nodes.server, node)
    looked(nodes.server)
    assert marked(nodes.server) == set()


def test_time_that_is_turned_makes_no_key_old(park):
    nodes = park()
    official(nodes, 1)
    nodes.server.clock(advance="400d")
    looked(nodes.server)
    assert marked(nodes.server) == set()


def test_without_the_option_nobody_is_asked(server):
    assert server.thread_server._old_keys is None


def test_an_age_that_is_none_is_told(tmp_path):
    refused = run("serve", "--port", "0", "--data-dir", str(tmp_path), "--rotate-node-keys", "soon")
    assert refused.returncode == 1
    assert "--rotate-node-keys 'soon': write a number of days such as 30d, or never" in refused.stderr
