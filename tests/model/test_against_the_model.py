"""The server's history is the one that the naive model writes, row by row (spec 3, 4)."""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from scenarios import Play, scenarios

from live_server import LiveServer
from read_model_checker import check_read_models

# `make soak` draws more and longer ones.
EXAMPLES = int(os.environ.get("STATEWARD_SOAK_EXAMPLES", "8"))
HOURS = int(os.environ.get("STATEWARD_SOAK_HOURS", "30"))
ACTIONS = int(os.environ.get("STATEWARD_SOAK_ACTIONS", "8"))


@pytest.mark.timeout(3600 if "STATEWARD_SOAK_EXAMPLES" in os.environ else 300)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="STATEWARD_SOAK_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
@given(scenario=scenarios(hours=HOURS, most_actions=ACTIONS))
def test_every_history_is_the_models(server_thread, model, tmp_path_factory, scenario):
    server = LiveServer(server_thread, tmp_path_factory.mktemp("model"), model, retention_days=None)
    try:
        expected, found = Play(server, scenario).run()
        for name in expected:
            assert found[name] == expected[name]
        server.reading(check_read_models)
    finally:
        server.stop()
