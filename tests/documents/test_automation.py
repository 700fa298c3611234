from typing import Any

import pytest

from stateward.documents import automation
from stateward.documents.problems import InvalidDocumentContent, InvalidDocumentSchemaVersion

RUN: dict[str, Any] = {"name": "run", "action": "aws:runCommand", "inputs": {"DocumentName": "AWS-RunShellScript"}}
WAIT: dict[str, Any] = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1M"}}


def runbook(*steps: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"schemaVersion": "0.3", "mainSteps": list(steps or (RUN, WAIT)), **members}


def step(**members: Any) -> dict[str, Any]:
    return runbook({**RUN, **members}, WAIT)


def branch(**inputs: Any) -> dict[str, Any]:
    return runbook({"name": "fork", "action": "aws:branch", "inputs": inputs}, RUN, WAIT)


def loop(*steps: dict[str, Any]) -> dict[str, Any]:
    return runbook({"name": "again", "action": "aws:loop", "inputs": {"Iterators": [1], "Steps": list(steps)}}, WAIT)


def test_a_runbook_is_read_into_steps() -> None:
    raw = {
        "schemaVersion": "0.3",
        "description": "Runs and waits.",
        "assumeRole": "{{ AutomationAssumeRole }}",
        "parameters": {
            "AutomationAssumeRole": {"type": "AWS::IAM::Role::Arn", "default": ""},
            "Ids": {"type": "List<AWS::EC2::Instance::Id>"},
            "Count": {"type": "Integer", "default": 3},
            "Sure": {"type": "Boolean", "default": False},
            "Maps": {"type": "MapList", "default": [{"a": 1}]},
            "Map": {"type": "StringMap", "default": {}},
        },
        "variables": {"seen": {"type": "String", "default": "no"}},
        "mainSteps": [
            {
                **RUN,
                "description": "Runs.",
                "onFailure": "step:wait",
                "onCancel": "Abort",
                "nextStep": "wait",
                "isCritical": False,
                "maxAttempts": 3,
                "timeoutSeconds": "{{ Count }}",
                "inputs": {"InstanceIds": "{{ Ids }}", "Parameters": {"a": ["{{ global:DATE }} {{ Map.key }}"]}},
                "outputs": [{"Name": "First", "Selector": "$.Output", "Type": "StringList"}],
            },
            {**WAIT, "isEnd": True, "inputs": {"Duration": "{{ run.First }}"}},
        ],
        "outputs": ["run.First", "{{ wait.Output }}"],
        "files": {"attachment.zip": {"checksums": {"sha256": "0"}}},
    }
    read = automation.parse(raw)
    assert (read.schema_version, read.description, read.assume_role) == (
        "0.3",
        "Runs and waits.",
        "{{ AutomationAssumeRole }}",
    )
    assert {name: declared.kind for name, declared in read.parameters.items()} == {
        "AutomationAssumeRole": "String",
        "Ids": "StringList",
        "Count": "Integer",
        "Sure": "Boolean",
        "Maps": "MapList",
        "Map": "StringMap",
    }
    assert read.outputs == ("run.First", "{{ wait.Output }}")
    run, wait = read.steps
    assert (run.name, run.action, run.on_failure, run.on_cancel, run.next_step) == (
        "run",
        "aws:runCommand",
        "step:wait",
        "Abort",
        "wait",
    )
    assert (run.is_critical, run.is_end, wait.is_critical, wait.is_end, wait.on_failure) == (
        False,
        False,
        True,
        True,
        "Abort",
    )


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(step(onFailure="Continue"), id="continue"),
        pytest.param(step(isEnd="true"), id="a flag as text"),
        pytest.param(branch(Choices=[{"NextStep": "run"}], Default="wait"), id="branch"),
        pytest.param(branch(Choices=[{"NextStep": "{{ fork.Choice }}"}]), id="branch by a reference"),
        pytest.param(loop(RUN), id="loop"),
        pytest.param(loop({**RUN, "inputs": {"DocumentName": "{{ again.CurrentIteratorValue }}"}}), id="iterator"),
        pytest.param(
            step(action="aws:executeScript", inputs={"Runtime": "python3.11", "Script": "f'{{ x }} {{anything}}'"}),
            id="braces of a script",
        ),
        pytest.param(runbook({"name": "stop", "action": "aws:pause"}), id="no inputs"),
    ],
)
def test_runbooks_that_hang_together_pass(raw: dict[str, Any]) -> None:
    assert automation.parse(raw).raw == raw


@pytest.mark.parametrize("version", ["0.2", "2.2", "1.2", ""])
def test_other_schema_versions_are_refused(version: str) -> None:
    with pytest.raises(InvalidDocumentSchemaVersion) as caught:
        automation.parse({**runbook(), "schemaVersion": version})
    assert str(caught.value) == f"schemaVersion '{version}' is not supported for Automation documents: use 0.3"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (runbook(runtimeConfig={}), "runtimeConfig: unknown member in schema 0.3, use assumeRole, description"),
        ({"schemaVersion": "0.3"}, "mainSteps: missing, use a list"),
        ({"schemaVersion": "0.3", "mainSteps": []}, "mainSteps: empty, a document has at least one step"),
        ({"schemaVersion": "0.3", "mainSteps": ["run"]}, "mainSteps[0]: a step is an object with name, action"),
        (step(name="a step"), "mainSteps[0].name 'a step': use up to 128 letters, digits, _ and -"),
        (step(action="runCommand"), "mainSteps[0].action 'runCommand': use an action's name, as in aws:runCommand"),
        (step(inputs=[]), "mainSteps[0].inputs: use an object"),
        (step(precondition={}), "mainSteps[0].precondition: unknown member in a step, use action, description"),
        (step(maxAttempts=0), "mainSteps[0].maxAttempts '0': use a whole number from 1 to 10"),
        (step(maxAttempts=11), "mainSteps[0].maxAttempts '11': use a whole number from 1 to 10"),
        (step(timeoutSeconds="soon"), "mainSteps[0].timeoutSeconds 'soon': use a whole number from 1 on"),
        (step(timeoutSeconds=True), "mainSteps[0].timeoutSeconds 'True': use a whole number from 1 on"),
        (step(isEnd="maybe"), "mainSteps[0].isEnd 'maybe': use true or false"),
        (step(name="wait"), "mainSteps: the name wait stands on more than one step"),
        (loop(WAIT), "mainSteps: the name wait stands on more than one step"),
        (loop(), "mainSteps[0].inputs.Steps: empty, a document has at least one step"),
        (loop({**RUN, "nextStep": "wait"}), "mainSteps[0].inputs.Steps.run.nextStep 'wait': there is no step of"),
        (step(nextStep="nowhere"), "mainSteps.run.nextStep 'nowhere': there is no step of this name"),
        (step(onFailure="nowhere"), "mainSteps.run.onFailure 'nowhere': use Abort, Continue or step:<name>"),
        (step(onFailure="step:nowhere"), "mainSteps.run.onFailure 'nowhere': there is no step of this name"),
        (step(onCancel="Continue"), "mainSteps.run.onCancel 'Continue': use Abort or step:<name>"),
        (branch(), "mainSteps.fork.inputs.Choices: missing, use a list"),
        (branch(Choices=["run"]), "mainSteps.fork.inputs.Choices[0]: a choice is an object with NextStep"),
        (branch(Choices=[{"NextStep": "x"}]), "mainSteps.fork.inputs.Choices[0].NextStep 'x': there is no step"),
        (branch(Choices=[], Default="x"), "mainSteps.fork.inputs.Default 'x': there is no step of this name"),
        (step(inputs={"a": ["{{ who }}"]}), "mainSteps.run.inputs.a[0]: {{ who }} is no parameter and no step's"),
        (step(inputs={"a": "{{ who.Output }}"}), "mainSteps.run.inputs.a: {{ who.Output }} is no parameter and"),
        (runbook(assumeRole="{{ Role }}"), "assumeRole: {{ Role }} is no parameter and no step's output"),
        (runbook(assumeRole=7), "assumeRole: use text (in quotes)"),
        (runbook(outputs=["run"]), "outputs[0] 'run': use stepName.OutputName of a step"),
        (runbook(outputs=["who.Output"]), "outputs[0] 'who.Output': use stepName.OutputName of a step"),
        (runbook(outputs=[7]), "outputs[0]: use text, as in stepName.OutputName"),
        (step(outputs=["x"]), "mainSteps[0].outputs[0]: an output is an object with Name, Selector and Type"),
        (step(outputs=[{"Name": "x"}]), "mainSteps[0].outputs[0].Selector: missing, use text (in quotes)"),
        (
            step(outputs=[{"Name": "x", "Selector": "$", "Type": "Date"}]),
            "mainSteps[0].outputs[0].Type 'Date': use one of String, StringList",
        ),
        (
            runbook(parameters={"p": {"type": "AWS::Nothing"}}),
            "parameters.p.type 'AWS::Nothing': use one of String, StringList, Boolean, Integer, MapList, StringMap, a "
            "resource type such as AWS::EC2::Instance::Id, or a List<> of one",
        ),
        (runbook(parameters={"p": {"type": "List<String>"}}), "parameters.p.type 'List<String>': use one of"),
        (
            runbook(parameters={"p": {"type": "List<AWS::EC2::Instance::Id>", "default": "i-1"}}),
            "parameters.p.default: not of type List<AWS::EC2::Instance::Id>",
        ),
        (
            runbook(parameters={"p": {"type": "String", "interpolationType": "ENV_VAR"}}),
            "parameters.p.interpolationType: needs schema 2.2, not 0.3",
        ),
    ],
)
def test_what_does_not_hang_together_is_refused_with_its_path(raw: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidDocumentContent) as caught:
        automation.parse(raw)
    assert str(caught.value).startswith(reason)
    assert len(str(caught.value)) < 500
