"""The script of a fleet: what may stand in its file, what is said of a mistake, and whom a rule is about."""

import json

import pytest

from stateward.agent.messages import MalformedJob, SendJob
from stateward.fleet import script
from stateward.fleet.director import Director
from stateward.fleet.script import FleetRule, ScriptProblem

WHOLE = """
# The newest rule is asked first, so that exceptions come last.
- share: 0.25
  status: Failed
  exit_code: 3
  delay: 1s..5s
- nodes: [fleet-07, mi-0123456789abcdef0]
  document: AWS-RunShellScript
  run: 2
  times: 1
  output: yes
  late: 30s
  twice: true
  drop: true
"""


def test_a_script_is_read_from_yaml_and_from_json(tmp_path):
    first, second = script.parse(WHOLE, "fleet.yaml")
    assert first == FleetRule(share=0.25, status="Failed", exit_code=3, delay="1s..5s")
    assert (second.nodes, second.run, second.times) == (["fleet-07", "mi-0123456789abcdef0"], 2, 1)
    assert (second.output, second.late, second.twice, second.drop) == ("yes", "30s", True, True)
    path = tmp_path / "fleet.json"
    path.write_text(json.dumps([{"status": "Failed"}], indent=2))
    assert script.read(path) == [FleetRule(status="Failed")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("status: Failed", "s.yaml, line 1: a script is a list of rules, such as\n- share: 0.1"),
        ("- Failed", "s.yaml, line 1: 'Failed': a rule has members, such as"),
        ("- status: Failed\n- stauts: Failed", "s.yaml, line 2: 'stauts' is no member of a rule; did you mean status?"),
        ("- wx: 1", "s.yaml, line 1: 'wx' is no member of a rule; use nodes, share, document,"),
        (
            "- share: 0.5\n  status: failed",
            "s.yaml, line 2: status: 'failed' is not right, write Success, Failed, TimedOut or Skipped",
        ),
        (
            "# ten percent\n- status: Failed\n\n  share: 10%",
            "s.yaml, line 4: share: '10%' is not right, write a number above 0 and up to 1, such as 0.1",
        ),
        ("- nodes: 0", "s.yaml, line 1: nodes: 0 is not right, write a number, for the first so many, or a list"),
        ("- status: Failed\n  delay: soon", "s.yaml, line 2: delay: duration 'soon': write a number and a unit"),
        ("- late: 5s..1s", "s.yaml, line 1: late '5s..1s': a range begins with the shorter duration"),
        ("- status: Failed\n  exit_code: 0", "s.yaml, line 2: exit_code 0 is a success: leave it out"),
        (
            "- silent: true\n  twice: true",
            "s.yaml, line 1: silent: such a node never answers, leave out twice and late",
        ),
        ("- {", "s.yaml, line 2: this is no YAML: "),
        ("- a: &x 1\n  b: *x", "s.yaml"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(text, problem):
    with pytest.raises(ScriptProblem) as caught:
        script.parse(text, "s.yaml")
    assert str(caught.value).startswith(problem)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(ScriptProblem, match="the script cannot be read"):
        script.read(tmp_path / "none.yaml")


# Whom a rule is about


def job(number, steps=("one",), name="greeting"):
    content = {
        "DocumentName": name,
        "Parameters": {},
        "DocumentContent": {
            "schemaVersion": "2.2",
            "mainSteps": [
                {"action": "aws:runShellScript", "name": step, "inputs": {"runCommand": ["true"]}} for step in steps
            ],
        },
    }
    return SendJob(f"aws.ssm.c-{number}.mi-1", f"c-{number}", json.dumps(content))


def failing(director, number, count=4, **more):
    """The numbers of the nodes that fail with a command."""
    parts = {
        node: director.part(job(number, **more), f"mi-{node}", node, f"fleet-{node}") for node in range(1, count + 1)
    }
    return [node for node, part in parts.items() if part.rule is not None and part.rule.status == "Failed"]


def director(*rules):
    return Director([FleetRule(**rule) for rule in rules], "1s", "Linux")


@pytest.mark.parametrize(
    ("rule", "nodes"),
    [
        ({}, [1, 2, 3, 4]),
        ({"nodes": 2}, [1, 2]),
        ({"nodes": ["fleet-3", "mi-4"]}, [3, 4]),
        ({"document": "greeting"}, [1, 2, 3, 4]),
        ({"document": "another"}, []),
        ({"step": "one"}, [1, 2, 3, 4]),
        ({"step": "two"}, []),
        ({"run": 2}, []),
    ],
)
def test_a_rule_holds_for_the_nodes_and_commands_that_it_names(rule, nodes):
    assert failing(director({"status": "Failed", **rule}), 1) == nodes


def test_the_last_rule_is_asked_first():
    assert failing(director({"status": "Failed"}, {"nodes": 1, "status": "Success"}), 1) == [2, 3, 4]


def test_runs_are_counted_for_each_document():
    second = director({"status": "Failed", "run": 2})
    assert [failing(second, number, name=name) for number, name in enumerate(["a", "b", "a", "b"])] == [
        [],
        [],
        [1, 2, 3, 4],
        [1, 2, 3, 4],
    ]


def test_a_rule_is_used_up_after_so_many_commands():
    once = director({"status": "Failed", "times": 1})
    assert [failing(once, 1), failing(once, 2), failing(once, 1)] == [[1, 2, 3, 4], [], [1, 2, 3, 4]]


def test_each_node_has_its_own_delay_and_lateness_out_of_a_range():
    several = director({"late": "0s..1h"})
    times = {several.part(job(1), f"mi-{node}", node, "n").late_ms for node in range(20)}
    assert len(times) > 15
    assert all(0 <= late_ms <= 3_600_000 for late_ms in times)


def test_a_job_that_is_none_is_refused():
    with pytest.raises(MalformedJob):
        director().part(SendJob("aws.ssm.c-1.mi-1", "c-1", "{}"), "mi-1", 1, "n")
