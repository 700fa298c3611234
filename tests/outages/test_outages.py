"""Nodes lose the server for a while and come back: every result is in the history exactly once (node protocol 5.7)."""

import signal

import pytest
from outage_house import DONE, STEPS

from waiting import until

pytestmark = pytest.mark.slow


def in_the_history_once(network, runs):
    """The newest of so many executions is there, ended, told as it was, and everything ran once."""
    house, node = network.house, network.node
    execution = house.execution_ended(network.association_id, runs)
    assert execution["Status"] == "Success"
    assert execution["ResourceCountByStatus"] == "{Success=1}"
    command_id, status = house.invocation(network.association_id, execution)
    assert status == "Success"
    assert house.told(command_id, node) == ("Success", DONE)
    assert node.marked(command_id) == list(STEPS)
    node.nothing_unsaid()
    rows = house.executions(network.association_id)
    assert len(rows) == runs
    assert len({row["ExecutionId"] for row in rows}) == runs
    until(lambda: house.final_events(network.association_id) == ["Success"] * runs)


@pytest.fixture
def runs(network):
    """How many executions there will be with the one of this test."""
    network.node.pause(0)
    return len(network.house.executions(network.association_id)) + 1


def begun(network, runs):
    """Start a run whose first step is held; it runs when this returns."""
    network.node.hold()
    network.house.start_once(network.association_id)
    until(lambda: len(network.node.marked()) == (runs - 1) * len(STEPS) + 1)


def test_what_ended_while_the_server_was_away_is_handed_in(network, runs):
    begun(network, runs)
    network.lost()
    network.node.let_go()
    until(lambda: not network.node.open_commands)
    assert network.node.spooled >= len(STEPS)
    assert network.house.executions(network.association_id)[0]["Status"] == "InProgress"
    network.find()
    in_the_history_once(network, runs)


def test_what_was_begun_while_the_node_was_away_reaches_it(network, runs):
    network.lost()
    network.house.start_once(network.association_id)
    rows = until(lambda: [row for row in network.house.executions(network.association_id)[: -(runs - 1)] if row])
    assert rows[0]["Status"] in ("Pending", "InProgress")
    network.find()
    in_the_history_once(network, runs)


def test_a_loss_that_is_over_before_anybody_knows_changes_nothing(network, runs):
    begun(network, runs)
    network.lose()
    network.node.let_go()
    network.find()
    in_the_history_once(network, runs)


def test_loss_after_loss_in_one_run(network, runs):
    begun(network, runs)
    for _ in range(2):
        network.lost()
        network.found()
    network.lost()
    network.node.let_go()
    network.found()
    network.lose()
    network.find()
    in_the_history_once(network, runs)


def test_the_server_is_killed_while_the_node_is_away(network, runs):
    begun(network, runs)
    network.lost()
    network.node.let_go()
    network.house.kill_server()
    assert network.house.server.wait() == -signal.SIGKILL
    network.house.revive_server()
    network.find()
    in_the_history_once(network, runs)


def test_the_agent_is_killed_while_the_server_is_away(network, runs):
    begun(network, runs)
    network.lost()
    network.node.let_go()
    until(lambda: not network.node.open_commands)
    network.node.kill()
    until(lambda: not network.node.agent.lives)
    network.node.revive()
    network.find()
    in_the_history_once(network, runs)


def test_a_server_that_ends_says_so_and_finds_its_nodes_again(network, runs):
    begun(network, runs)
    network.house.server.send(signal.SIGTERM)
    assert network.house.server.wait() == 0
    if network.node.way == "ssmmessages":
        network.node.agent.line("the server closed the control channel", "the server stops")
    network.node.let_go()
    network.house.restart_server()
    in_the_history_once(network, runs)
