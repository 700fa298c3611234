"""Associations of Automation documents: which targets they take, what they answer (spec 1.2, 2.2, D44)."""

import pytest

from association_calls import TAGGED, create, describe, executions, refusal, statuses

NO_OP = [{"Key": "aws:NoOpAutomationTag", "Values": ["AWS-NoOpAutomationTarget-Value"]}]
BOTH = ("ValidationException", "Must specify both Automation Target Parameter Name and Targets")
ROLE = {"AutomationAssumeRole": ["arn:aws:iam::123456789012:role/automation"]}
RUNBOOK = {
    "schemaVersion": "0.3",
    "parameters": {"InstanceId": {"type": "String"}, "Word": {"type": "String", "default": "hello"}},
    "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}],
}
SIMPLE = {**RUNBOOK, "parameters": {}}
LOCATION = {"Accounts": ["123456789012"], "Regions": ["us-east-1"], "ExecutionRoleName": "Role"}


@pytest.fixture
def runbook(document):
    return document("runbook", RUNBOOK, DocumentType="Automation")


@pytest.fixture
def simple(document):
    return document("simple", SIMPLE, DocumentType="Automation")


def make(ssm, name, **members):
    return ssm.create_association(Name=name, **members)["AssociationDescription"]


def test_the_role_is_taken_although_undeclared_cre_17(ssm, simple):
    assert make(ssm, simple, Parameters=ROLE)["Parameters"] == ROLE
    refused = refusal(make, ssm, simple, Parameters={"Other": ["x"]})
    assert refused == ("InvalidParameters", 'Parameter "Other" is not defined in document')


def test_targets_and_their_parameter_go_together_cre_18(ssm, runbook):
    assert refusal(make, ssm, runbook, Targets=TAGGED) == BOTH
    assert refusal(make, ssm, runbook, AutomationTargetParameterName="InstanceId") == BOTH


def test_the_target_parameter_needs_no_value_cre_19(ssm, runbook):
    made = make(ssm, runbook, Targets=TAGGED, AutomationTargetParameterName="InstanceId")
    assert made["AutomationTargetParameterName"] == "InstanceId"
    assert made["Targets"] == TAGGED
    assert "Parameters" not in made


@pytest.mark.parametrize("given", [{"Targets": NO_OP}, {}])
def test_one_run_without_branches_is_a_target_cre_20(ssm, simple, given):
    made = make(ssm, simple, **given)
    assert made["Targets"] == NO_OP
    assert describe(ssm, made["AssociationId"])["Targets"] == NO_OP


def test_the_shown_target_cannot_be_sent_back_upd_13(ssm, simple):
    association_id = make(ssm, simple)["AssociationId"]
    assert refusal(ssm.update_association, AssociationId=association_id, Targets=NO_OP) == BOTH
    changed = ssm.update_association(AssociationId=association_id, Parameters=ROLE)["AssociationDescription"]
    assert changed["Targets"] == NO_OP


@pytest.mark.parametrize(
    "members",
    [
        {"Targets": [{"Key": "ParameterValues", "Values": ["a", "b"]}], "AutomationTargetParameterName": "InstanceId"},
        {"Targets": [{"Key": "AWS::EC2::Instance", "Values": ["*"]}], "AutomationTargetParameterName": "InstanceId"},
        {"TargetMaps": [{"InstanceId": ["a", "b"]}], "AutomationTargetParameterName": "InstanceId"},
        {
            "Targets": TAGGED,
            "AutomationTargetParameterName": "InstanceId",
            "TargetLocations": [LOCATION],
        },
    ],
    ids=["values", "instances", "maps", "locations"],
)
def test_every_kind_of_target_is_kept_and_shown(ssm, runbook, members):
    association_id = make(ssm, runbook, **members)["AssociationId"]
    shown = describe(ssm, association_id)
    assert {member: shown[member] for member in members} == members


def test_only_automations_have_their_targets(ssm, document):
    name = document()
    for members in ({"Targets": NO_OP}, {"Targets": TAGGED, "TargetLocations": [LOCATION]}):
        assert refusal(make, ssm, name, **members)[0] == "InvalidTarget"
    code, message = refusal(make, ssm, name, TargetMaps=[{"a": ["b"]}])
    assert (code, message) == ("InvalidTargetMaps", "TargetMaps need an Automation document")


def test_a_run_says_that_automations_do_not_run_yet_d44(server, ssm, runbook):
    made = make(
        ssm,
        runbook,
        Targets=TAGGED,
        AutomationTargetParameterName="InstanceId",
        ScheduleExpression="rate(1 hour)",
    )
    server.clock(advance="1h")
    assert statuses(ssm, made["AssociationId"]) == [("Failed", "AutomationNotAvailable", None)] * 2
    assert describe(ssm, made["AssociationId"])["Overview"]["DetailedStatus"] == "AutomationNotAvailable"


def test_a_new_node_starts_no_automation_lif_03(server, ssm, nodes, runbook, document):
    automation = make(ssm, runbook, Targets=TAGGED, AutomationTargetParameterName="InstanceId")["AssociationId"]
    command = create(ssm, document(), Targets=TAGGED)["AssociationId"]
    server.settle()
    nodes.one(tags={"env": "prod"})
    server.settle()
    assert (len(executions(ssm, automation)), len(executions(ssm, command))) == (1, 2)
