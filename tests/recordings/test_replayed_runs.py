"""The official agent's associations, told by our refreshes (D53, D53a, AGT-03, AGT-04)."""

import pytest
from polling_player import PollingPlayer
from refresh_replay import RefreshReplay
from table import RUNS

OVER_POLLS = ("mds-refresh-association", "ondemand-refresh-other-while-running", "association-failing-step")


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
