"""The agent, killed at every moment of a run and started again, with a real server: never a second run (D27)."""

import pytest
from kill_house import STEPS

pytestmark = pytest.mark.slow

RESTARTED = "the agent was restarted while this step ran"
DONE = {step: ("Success", 0, f"{step} done\n", "") for step in STEPS}
INTERRUPTED = {
    "first": ("Failed", -1, "", RESTARTED),
    "second": ("Success", 0, "", ""),
    "last": ("Success", 0, "last done\n", ""),
}


def interrupted(steps):
    """Whether the first step was cut off; what it had printed is there or not, as far as it came before the kill."""
    first = steps["first"]
    told = first[0], first[1], first[3]
    return (
        told == ("Failed", -1, RESTARTED)
        and first[2] in ("", "first done\n")
        and steps | {"first": None}
        == {
            **INTERRUPTED,
            "first": None,
        }
    )


def killed_agent(house, moment, when):
    """Start one run, let the agent die at that moment, start it again; the execution at its end."""
    runs = len(house.executions()) + 1
    house.kill_agent_at(moment, when)
    assert house.start_once()
    assert house.agent.was_killed()
    house.start_agent()
    execution = house.ended(runs)
    assert len(house.executions()) == runs, "one execution for one cause"
    house.nothing_unsaid()
    return execution


@pytest.mark.parametrize(
    ("moment", "when"),
    [
        pytest.param("received", "before", id="job received, not journalled"),
        pytest.param("acknowledged", "before", id="journalled, not acknowledged"),
        pytest.param("begun", "before", id="process at its gate, not journalled"),
        pytest.param("spooled", "before", id="first step journalled, not reported"),
        pytest.param("recorded", "after", id="between two steps"),
        pytest.param("closed", "before", id="before the final report"),
        pytest.param("ended", "before", id="final report spooled, command still open"),
        pytest.param("ended", "after", id="final report spooled, not sent"),
    ],
)
def test_a_run_survives_the_kill_of_its_agent(house, moment, when):
    execution = killed_agent(house, moment, when)
    assert execution["Status"] == "Success"
    assert house.steps(execution) == DONE
    assert house.marked(house.invocation(execution)[0]) == list(STEPS)


def test_a_step_that_was_interrupted_has_failed_d27(house):
    runs = len(house.executions()) + 1
    house.fuse.touch()
    assert house.start_once()
    assert house.agent.was_killed()
    house.start_agent()
    execution = house.ended(runs)
    assert execution["Status"] == "Failed"
    assert execution["ResourceCountByStatus"] == "{Failed=1}"
    assert interrupted(house.steps(execution))
    assert house.marked(house.invocation(execution)[0]) == ["first", "last"]


@pytest.mark.parametrize(
    ("moment", "when", "marked"),
    [
        pytest.param("begun", "after", ["last"], id="journalled, gate still shut"),
        pytest.param("recorded", "before", ["first", "last"], id="step ended, not journalled"),
    ],
)
def test_a_step_of_unknown_end_is_not_run_again_d27(house, moment, when, marked):
    execution = killed_agent(house, moment, when)
    assert execution["Status"] == "Failed"
    assert interrupted(house.steps(execution))
    assert house.marked(house.invocation(execution)[0]) == marked


def test_both_killed_at_once_run_it_once(house):
    runs = len(house.executions()) + 1
    house.kill_server_at("step", "before")
    house.kill_agent_at("spooled", "after")
    house.start_once()
    assert house.agent.was_killed()
    house.start_agent()
    assert house.server.was_killed()
    house.start_server()
    execution = house.ended(runs)
    assert execution["Status"] == "Success"
    assert house.steps(execution) == DONE
    assert house.marked(house.invocation(execution)[0]) == list(STEPS)
