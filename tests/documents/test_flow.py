"""Step flow, against what the official agent was seen to do and for what could not be recorded."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.documents import flow, parameters, schema
from stateward.documents.schema import Step

RECORDED = json.loads((Path(__file__).parent / "recorded_flow.json").read_text())
# These are refused when the document comes, so their steps are made by hand.
REFUSED = {"command-precondition-unknown-operator", "command-finallystep-not-last"}


def step(**members: Any) -> Step:
    inputs = members.pop("inputs", {})
    return Step(**{"name": "one", "action": "aws:runShellScript", "inputs": inputs, "input_sets": (inputs,)} | members)


def steps_of(document: dict[str, Any], recording: str) -> tuple[Step, ...]:
    if recording not in REFUSED:
        return schema.parse_command(document).steps
    return tuple(
        step(
            name=entry["name"],
            inputs=entry["inputs"],
            precondition=entry.get("precondition"),
            on_failure=entry["inputs"].get("onFailure", ""),
            finally_step=bool(entry["inputs"].get("finallyStep")),
        )
        for entry in document["mainSteps"]
    )


def script_result(one: Step) -> tuple[str, int]:
    script = " ".join(one.inputs["runCommand"])
    if "sleep 60" in script:
        return "TimedOut", 137
    found = re.search(r"exit (\d+)", script)
    code = int(found[1]) if found else 0
    return ("Failed" if code else "Success"), code


def run(document: dict[str, Any], steps: tuple[Step, ...], given_values: dict[str, Any]) -> dict[str, list[Any]]:
    declared = schema.parse_command({**document, "mainSteps": [PLAIN]}).parameters
    values = parameters.effective_values(declared, given_values)
    results: dict[str, list[Any]] = {}

    def run_one(one: Step) -> flow.Outcome:
        match flow.should_run(one, document["schemaVersion"], "Linux", values):
            case flow.Skip():
                outcome = flow.after_step(one, "Skipped", 0)
            case flow.Fail():
                outcome = flow.after_step(one, "Failed", 1)
            case _:
                outcome = flow.after_step(one, *script_result(one))
        results[one.name] = [outcome.step_status, outcome.exit_code]
        return outcome

    for ended, one in enumerate(steps, 1):
        if run_one(one).next == "exit":
            for remaining in flow.remaining_steps(steps, ended, "exit"):
                if remaining.runs:
                    run_one(remaining.step)
                else:
                    results[remaining.step.name] = [remaining.status, remaining.exit_code]
            break
    return results


PLAIN = {"name": "plain", "action": "aws:runShellScript", "inputs": {"runCommand": ["true"]}}


@pytest.mark.parametrize("case", [pytest.param(one, id=f"DOC-13 {one['recording']}") for one in RECORDED])
def test_flow_is_that_of_the_official_agent(case: dict[str, Any]) -> None:
    steps = steps_of(case["document"], case["recording"])
    results = run(case["document"], steps, case["parameters"])
    assert results == case["steps"]
    assert flow.document_status(status for status, _ in results.values()) == case["document_status"]


@pytest.mark.parametrize("recording", sorted(REFUSED))
def test_documents_whose_flow_would_be_ignored_are_refused(recording: str) -> None:
    case = next(one for one in RECORDED if one["recording"] == recording)
    with pytest.raises(schema.InvalidDocumentContent, match=r"StringEquals|finallyStep"):
        schema.parse_command(case["document"])


@pytest.mark.parametrize(
    ("version", "members", "platform", "expected"),
    [
        pytest.param("2.2", {}, "Linux", flow.Run, id="DOC-12 fits"),
        pytest.param("2.2", {}, "Windows", flow.Skip, id="DOC-12 other platform is skipped in 2.2"),
        pytest.param("2.0", {}, "Windows", flow.Fail, id="DOC-12 other platform fails in 2.0"),
        pytest.param("1.2", {}, "Windows", flow.Fail, id="DOC-12 other platform fails in 1.2"),
        pytest.param("2.2", {"action": "aws:nothing"}, "Linux", flow.Fail, id="D51 unknown plugin fails"),
        pytest.param("2.0", {"action": "aws:nothing"}, "Linux", flow.Fail, id="D51 unknown plugin fails in 2.0"),
        pytest.param("2.2", {"action": "aws:runDocument"}, "Linux", flow.Fail, id="D51 plugin that the node lacks"),
        pytest.param(
            "2.2", {"precondition": {"StringEquals": ["platformType", "Linux"]}}, "Linux", flow.Run, id="DOC-12 met"
        ),
        pytest.param(
            "2.2",
            {"precondition": {"StringEquals": ["Linux", "{{ platformType }}"]}},
            "Linux",
            flow.Run,
            id="DOC-12 as a reference",
        ),
        pytest.param(
            "2.2", {"precondition": {"StringEquals": ["platformType", "MacOS"]}}, "Linux", flow.Skip, id="DOC-12 unmet"
        ),
        pytest.param(
            "2.2", {"precondition": {"StringEquals": ["{{ n }}", "7"]}}, "Linux", flow.Run, id="DOC-12 number as text"
        ),
        pytest.param(
            "2.2", {"precondition": {"StringEquals": ["platformType"]}}, "Linux", flow.Fail, id="one operand fails"
        ),
    ],
)
def test_should_run(version: str, members: dict[str, Any], platform: str, expected: type) -> None:
    decided = flow.should_run(step(**members), version, platform, {"n": 7}, available={"aws:runShellScript"})
    assert type(decided) is expected


def test_missing_plugin_is_named() -> None:
    decided = flow.should_run(step(action="aws:runDocument"), "2.2", "Linux", {}, available=())
    assert decided == flow.Fail("aws:runDocument is not available on this node")


@pytest.mark.parametrize(
    ("members", "ended", "expected"),
    [
        pytest.param({}, ("Failed", 3), ("Failed", 3, "continue", None), id="a failure goes on"),
        pytest.param({}, ("Failed", 194), ("SuccessAndReboot", 194, "exit", "SuccessAndReboot"), id="DOC-14 reboot"),
        pytest.param({}, ("Failed", 3010), ("SuccessAndReboot", 3010, "exit", "SuccessAndReboot"), id="reboot, 3010"),
        pytest.param({}, ("Failed", 168), ("Success", 168, "exit", None), id="168 leaves with success"),
        pytest.param({}, ("Failed", 169), ("Failed", 169, "exit", None), id="169 leaves with failure"),
        pytest.param(
            {"on_failure": "exit"}, ("TimedOut", 137), ("TimedOut", 137, "exit", None), id="DOC-13 exit on a time-out"
        ),
        pytest.param(
            {"on_failure": "successAndExit"}, ("Failed", 5), ("Success", 168, "exit", None), id="DOC-13 successAndExit"
        ),
        pytest.param({"on_success": "exit"}, ("Success", 0), ("Success", 0, "exit", None), id="DOC-13 onSuccess"),
        pytest.param({"on_success": "exit"}, ("Skipped", 0), ("Skipped", 0, "continue", None), id="skipped goes on"),
        pytest.param(
            {"on_failure": "successAndExit"}, ("Cancelled", 137), ("Cancelled", 137, "exit", None), id="cancel stays"
        ),
    ],
)
def test_after_step(members: dict[str, Any], ended: tuple[str, int], expected: tuple[Any, ...]) -> None:
    outcome = flow.after_step(step(**members), *ended)
    assert (outcome.step_status, outcome.exit_code, outcome.next, outcome.document_override) == expected


def test_cancel_leaves_no_step_running() -> None:
    steps = (step(name="a"), step(name="b"), step(name="c", finally_step=True))
    rest = flow.remaining_steps(steps, 1, "cancel")
    assert [(one.step.name, one.runs, one.status, one.exit_code) for one in rest] == [
        ("b", False, "Cancelled", 1),
        ("c", False, "Cancelled", 1),
    ]


def test_finally_step_that_left_the_document_does_not_run_again() -> None:
    assert flow.remaining_steps((step(), step(finally_step=True)), 2, "exit") == ()


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["Success", "Skipped"], "Success"),
        (["Skipped", "Skipped"], "Success"),
        (["Success", "Cancelled"], "Cancelled"),
        (["Cancelled", "TimedOut"], "TimedOut"),
        (["TimedOut", "Failed"], "Failed"),
        (["Failed", "SuccessAndReboot"], "SuccessAndReboot"),
        (["Success", "Pending"], "InProgress"),
        ([], "InProgress"),
    ],
)
def test_worst_step_decides_the_document(statuses: list[str], expected: str) -> None:
    assert flow.document_status(statuses) == expected


STATUSES = st.sampled_from(["Success", "Skipped", "Failed", "TimedOut", "Cancelled", "SuccessAndReboot", "Pending"])


@given(st.lists(STATUSES))
def test_order_of_steps_does_not_matter_to_the_status(statuses: list[str]) -> None:
    assert flow.document_status(statuses) == flow.document_status(reversed(statuses))
