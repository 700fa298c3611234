"""The official agent's associations, told by our refreshes (D53, D53a, AGT-03, AGT-04)."""

import pytest
from refresh_replay import RefreshReplay
from table import RUNS


@pytest.mark.parametrize("name", RUNS)
def test_recorded_runs_end_as_the_table_says(ssm, player, name):
    assert RefreshReplay(ssm, player, name).play() == RUNS[name]
