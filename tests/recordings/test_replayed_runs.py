"""The official agent's associations, told by our refreshes (D53, D53a, AGT-03, AGT-04)."""

import pytest
from fault_proxy import REACHES, FaultProxy
from player import Player
from polling_player import PollingPlayer
from refresh_replay import RefreshReplay
from table import RUNS, SPOILED_RUNS

HANDLED_THERE = ("errors-report-answer-lost",)
OVER_POLLS = ("mds-refresh-association", "ondemand-refresh-other-while-running", "association-failing-step")


@pytest.fixture
def new_player_behind(server, activation):
    """A node whose channel is open, and the proxy in front of the server."""
    proxy = FaultProxy(server.url)
    player = Player(proxy.url).start(activation)
    yield player, proxy
    proxy.cut()
    player.close()
    proxy.close()


@pytest.mark.parametrize("name", RUNS)
def test_recorded_runs_end_as_the_table_says(ssm, player, name):
    assert RefreshReplay(ssm, player, name).play() == RUNS[name]


@pytest.mark.parametrize("name", ["association-multi-step", "association-in-progress-unblocked", "reboot-association"])
def test_every_report_twice_ends_the_same_d53a(ssm, player, name):
    assert RefreshReplay(ssm, player, name, times=2).play() == RUNS[name]


@pytest.mark.parametrize("name", OVER_POLLS)
def test_runs_are_told_over_ec2messages_too_agt_04(server, ssm, activation, name):
    polling = PollingPlayer(server.url).start(activation)
    try:
        assert RefreshReplay(ssm, polling, name).play() == RUNS[name]
    finally:
        polling.close()


@pytest.mark.parametrize("reaches", REACHES)
@pytest.mark.parametrize("name", SPOILED_RUNS)
def test_runs_behind_a_proxy_that_answers_end_as_the_table_says(server, ssm, new_player_behind, name, reaches):
    player, proxy = new_player_behind
    ends = SPOILED_RUNS[name] if reaches else RUNS[name]
    assert RefreshReplay(ssm, player, name, proxy=proxy, reaches=reaches).play() == ends
    assert proxy.is_spent
    assert proxy.came.total() > 0
    assert bool(proxy.lost) == (reaches or name in HANDLED_THERE)
