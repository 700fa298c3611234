"""How long steps of simulated nodes take when no rule says so: `--simulated-step` (D45)."""

import pytest
from typer.testing import CliRunner

from stateward import serving
from stateward.cli import logs
from stateward.cli.main import app


@pytest.mark.parametrize(("step", "status"), [("0s", "Success"), ("1s", "InProgress")])
def test_after_a_turn_by_nothing_steps_that_take_no_time_have_ended(start_server, step, status):
    server = start_server(simulated_step=step, auth="open")
    ssm = server.client()
    server.http("/_stateward/fleet", b'{"add": 2}')
    created = ssm.create_association(
        Name="AWS-RunShellScript",
        Parameters={"commands": ["true"]},
        Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
    )
    server.clock(advance="0s")
    association_id = created["AssociationDescription"]["AssociationId"]
    (execution,) = ssm.describe_association_executions(AssociationId=association_id)["AssociationExecutions"]
    assert execution["Status"] == status


@pytest.fixture
def serve(monkeypatch):
    """`stateward serve` up to where it would serve: (what it takes from its options, the result)."""

    def run(*arguments):
        seen = []

        async def note(config, on_ready):
            seen.append(config.simulated_step)

        monkeypatch.setattr(serving, "serve", note)
        monkeypatch.setattr(logs, "configure_logs", lambda *_: None)  # else it would hold the runner's standard error
        result = CliRunner().invoke(app, ["serve", "--clock", "virtual", *arguments])
        return seen, result

    return run


def test_serve_says_how_long_simulated_steps_take(serve):
    assert serve()[0] == ["1s"]
    assert serve("--simulated-step", "0s")[0] == ["0s"]
    assert serve("--simulated-step", "1s..5s")[0] == ["1s..5s"]


@pytest.mark.parametrize(("text", "words"), [("soon", "or a range"), ("5s..1s", "begins with the shorter")])
def test_a_duration_that_is_none_is_refused_at_the_start(serve, text, words):
    seen, result = serve("--simulated-step", text)
    assert (seen, result.exit_code) == ([], 1)
    assert "--simulated-step" in result.stderr
    assert words in result.stderr
