"""What simulated nodes do with a document, and when they say what: decisions without a server (D45, D46, D27)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.documents import schema
from stateward.scripted import outcomes, rules
from stateward.scripted.outcomes import Task
from stateward.scripted.rules import Numbered, Rule, Run


def document(*names, **inputs):
    """A document of shell steps; `inputs` by step name."""
    steps = [
        {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": ["true"], **inputs.get(name, {})}}
        for name in names
    ]
    return schema.parse_command({"schemaVersion": "2.2", "mainSteps": steps})


def task(rule=None, names=("one", "two", "three"), platform="Linux", **inputs):
    return Task(document(*names, **inputs), {}, platform, rule)


def shown(course):
    """Each step as (status, code, started, ended), and the document's status."""
    return [(step.status, step.code, step.started_ms, step.ended_ms) for step in course.steps], course.status


@pytest.mark.parametrize(
    ("rule", "inputs", "steps", "status"),
    [
        pytest.param(None, {}, [("Success", 0, 0, 1000), ("Success", 0, 1000, 2000)], "Success", id="no rule"),
        pytest.param(
            Rule(status="Failed"),
            {},
            [("Success", 0, 0, 1000), ("Failed", 1, 1000, 2000)],
            "Failed",
            id="the last step",
        ),
        pytest.param(
            Rule(status="TimedOut", step="one", delay="1m"),
            {},
            [("TimedOut", 137, 0, 60_000), ("Success", 0, 60_000, 61_000)],
            "TimedOut",
            id="a step by name, with its time",
        ),
        pytest.param(
            Rule(exit_code=7, step="one"),
            {"one": {"onFailure": "exit"}},
            [("Failed", 7, 0, 1000), ("Skipped", 0, 1000, 1000)],
            "Failed",
            id="DOC-13 onFailure exit",
        ),
        pytest.param(
            Rule(status="Failed", step="one"),
            {"one": {"onFailure": "successAndExit"}},
            [("Success", 168, 0, 1000), ("Skipped", 0, 1000, 1000)],
            "Success",
            id="DOC-13 onFailure successAndExit",
        ),
        pytest.param(
            Rule(status="Failed", step="one"),
            {"one": {"onFailure": "exit"}, "two": {"finallyStep": True}},
            [("Failed", 1, 0, 1000), ("Success", 0, 1000, 2000)],
            "Failed",
            id="DOC-13 a finallyStep runs",
        ),
        pytest.param(
            Rule(status="Skipped"), {}, [("Success", 0, 0, 1000), ("Skipped", 0, 1000, 2000)], "Skipped", id="D65"
        ),
        pytest.param(
            Rule(status="Skipped"),
            {"one": {"onSuccess": "exit"}},
            [("Success", 0, 0, 1000), ("Skipped", 0, 1000, 1000)],
            "Skipped",
            id="skipped by the document itself",
        ),
        pytest.param(
            Rule(exit_code=194), {}, [("Success", 0, 0, 1000), ("Failed", 194, 1000, 2000)], "Failed", id="no reboot"
        ),
    ],
)
def test_the_course_of_a_document(rule, inputs, steps, status):
    assert shown(outcomes.course(task(rule, ("one", "two"), **inputs), 0)) == (steps, status)


def test_a_plugin_of_another_platform_is_skipped():
    course = outcomes.course(task(platform="Windows", names=("one",)), 5)
    assert shown(course) == ([("Skipped", 0, 5, 5)], "Success")
    assert "does not run on Windows" in course.steps[0].output


def test_a_cancel_kills_what_runs_and_the_rest_never_begins():
    work = task(Rule(step="two", delay="1h"))
    course = outcomes.cancelled(work, outcomes.course(work, 0), 30_000)
    assert shown(course) == (
        [("Success", 0, 0, 1000), ("Cancelled", 137, 1000, 30_000), ("Cancelled", 1, 30_000, 30_000)],
        "Cancelled",
    )


def test_a_reboot_fails_what_runs_d27():
    work = task(Rule(step="two", delay="1h"), three={"finallyStep": True})
    course = outcomes.interrupted(work, outcomes.course(work, 0), 30_000, 90_000)
    assert shown(course) == (
        [("Success", 0, 0, 1000), ("Failed", -1, 1000, 90_000), ("Success", 0, 90_000, 91_000)],
        "Failed",
    )
    assert course.steps[1].standard_error == "the agent was restarted while this step ran"


def test_what_has_ended_is_neither_cancelled_nor_interrupted():
    work = task()
    course = outcomes.course(work, 0)
    assert outcomes.cancelled(work, course, 3000) is course
    assert outcomes.interrupted(work, course, 3000, 9000) is course


def test_each_step_is_reported_when_it_ends_and_all_of_them_at_the_end():
    said = outcomes.words(outcomes.course(task(), 0))
    assert [(at_ms, word.document_status, [step.name for step in word.steps]) for at_ms, word in said] == [
        (1000, "InProgress", ["one"]),
        (2000, "InProgress", ["two"]),
        (3000, "Success", ["one", "two", "three"]),
    ]
    assert said[-1][1].is_final
    assert len(outcomes.words(outcomes.course(task(names=("one",)), 0))) == 1


rule_members = st.fixed_dictionaries(
    {},
    optional={
        "step": st.sampled_from(["one", "two", "three"]),
        "status": st.sampled_from(["Success", "Failed", "TimedOut", "Skipped"]),
        "delay": st.sampled_from(["0s", "1ms", "90s"]),
    },
)
flow = st.fixed_dictionaries({}, optional={"onFailure": st.sampled_from(["exit", "successAndExit"])})


@given(rule_members, st.dictionaries(st.sampled_from(["one", "two", "three"]), flow), st.integers(0, 100_000))
def test_a_course_has_every_step_one_after_the_other(members, inputs, cut_ms):
    work = task(Rule(**members), **inputs)
    planned = outcomes.course(work, 0)
    for course in (
        planned,
        outcomes.cancelled(work, planned, cut_ms),
        outcomes.interrupted(work, planned, cut_ms, cut_ms + 10),
    ):
        assert [step.name for step in course.steps] == ["one", "two", "three"]
        times = [instant for step in course.steps for instant in (step.started_ms, step.ended_ms)]
        assert times == sorted(times)
        *before, last = outcomes.words(course)
        assert last[1].is_final
        assert not any(word.is_final for _, word in before)
        assert [at_ms for at_ms, _ in before] == sorted({at_ms for at_ms, _ in before if at_ms < last[0]})


RUN = Run("c-2", "doc", ("one", "two"), 4, {1: frozenset({"mi-1"}), 3: frozenset({"mi-1", "mi-2", "mi-3"})})


@pytest.mark.parametrize(
    ("rule", "used_by", "holds"),
    [
        (Rule(), (), True),
        (Rule(nodes=1), (), False),
        (Rule(nodes=3), (), True),
        (Rule(nodes=["mi-2"]), (), True),
        (Rule(nodes=["mi-1"]), (), False),
        (Rule(document="doc"), (), True),
        (Rule(document="arn:aws:ssm:us-east-1:123456789012:document/doc"), (), True),
        (Rule(document="docs"), (), False),
        (Rule(step="two"), (), True),
        (Rule(step="three"), (), False),
        (Rule(run=4), (), True),
        (Rule(run=3), (), False),
        (Rule(times=1), (), True),
        (Rule(times=1), ("c-1",), False),
        (Rule(times=2), ("c-1",), True),
        (Rule(times=1), ("c-2",), True),
        (Rule(nodes=3, run=4, document="doc", step="one", times=9), ("c-1",), True),
        (Rule(nodes=3, run=4, document="doc", step="six"), (), False),
    ],
)
def test_when_a_rule_holds(rule, used_by, holds):
    found = rules.decide([Numbered(1, rule, frozenset(used_by))], RUN, "mi-2")
    assert (found is not None) is holds


def test_the_newest_rule_that_matches_decides():
    script = [Numbered(1, Rule(status="Failed")), Numbered(2, Rule(status="TimedOut")), Numbered(3, Rule(run=9))]
    assert rules.decide(script, RUN, "mi-1").number == 2
    assert rules.counts([Numbered(1, Rule(nodes=3)), Numbered(2, Rule(nodes=["mi-1"]))]) == {3}


@pytest.mark.parametrize(
    ("text", "chance", "picked"),
    [("90s", 0.7, 90_000), ("1s..5s", 0.0, 1000), ("1s..5s", 0.5, 3000), ("2s..2s", 1, 2000)],
)
def test_a_delay_is_a_duration_or_one_out_of_a_range(text, chance, picked):
    assert rules.range_problem("delay", text) is None
    assert rules.picked_ms(text, chance) == picked


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("soon", "delay: duration 'soon': write a number and a unit"),
        ("1s..", "delay: duration '': write a number and a unit"),
        ("5s..1s", "delay '5s..1s': a range begins with the shorter duration"),
        ("400d", "delay '400d': at most 366d"),
    ],
)
def test_a_delay_that_is_neither_is_told_with_what_would_be_right(text, problem):
    assert rules.problem_with(Rule(delay=text)).startswith(problem)


@given(st.floats(0.05, 1), st.integers(1, 50))
def test_a_share_takes_about_that_many_nodes_others_in_each_run_and_the_same_again_in_the_same_run(share, number):
    def chosen(execution_number):
        run = Run("c-1", "doc", ("one",), execution_number, {})
        return {node for node in map(str, range(400)) if rules.decide([Numbered(7, Rule(share=share))], run, node)}

    first = chosen(number)
    assert abs(len(first) - share * 400) < 60
    assert first == chosen(number)
    assert share > 0.99 or first != chosen(number + 1)


def test_steps_that_no_rule_is_about_take_their_usual_time():
    work = Task(document("one", "two"), {}, "Linux", Rule(delay="0s"), usual="2s..4s", chance=0.5)
    assert shown(outcomes.course(work, 0)) == ([("Success", 0, 0, 3000), ("Success", 0, 3000, 3000)], "Success")
