"""What the report of a failed test says of it (D59)."""

import boto3
import pytest

from stateward.testing import StateManager, UnusedRule

EVERY_NODE = [{"Key": "InstanceIds", "Values": ["*"]}]


def associate(targets=EVERY_NODE, region=None, **members):
    ssm = boto3.client("ssm", region_name=region)
    created = ssm.create_association(
        Name="AWS-RunShellScript", Parameters={"commands": ["true"]}, Targets=targets, **members
    )
    return created["AssociationDescription"]["AssociationId"]


def test_it_names_the_regions_that_got_calls_if_the_code_has_one_of_its_own(state_manager):
    associate(region="eu-west-1")
    state_manager.settle()
    said = state_manager.diagnosis()
    assert "calls by region: eu-west-1 (1); state_manager.client, and what follows, are about us-east-1" in said
    assert state_manager.calls["eu-west-1"] == 1


def test_it_does_not_say_the_region_when_there_is_but_one(state_manager):
    associate()
    state_manager.settle()
    assert "calls by region" not in state_manager.diagnosis()


def test_an_execution_that_reached_no_node_does_not_look_good(state_manager):
    state_manager.fleet.add(1, tags={"env": "prod"})
    associate([{"Key": "tag:env", "Values": ["prd"]}])
    state_manager.settle()
    assert "    it reached no node: none fits tag:env=prd" in state_manager.diagnosis().splitlines()


def test_a_status_is_said_once(state_manager):
    state_manager.fleet.add(1)
    associate()
    state_manager.settle()
    said = state_manager.diagnosis()
    assert " Success {Success=1} " in said
    assert " (AWS-RunShellScript): Success (Success=1)\n" in said
    assert "reached no node" not in said


def test_an_alarm_that_stopped_an_execution_is_named(state_manager):
    state_manager.fleet.add(1)
    state_manager.alarms.set("disk", "ALARM")
    associate(AlarmConfiguration={"Alarms": [{"Name": "disk"}]})
    state_manager.settle()
    lines = state_manager.diagnosis().splitlines()
    assert any("(alarm disk)" in line for line in lines), lines
    assert not [line for line in lines if line.endswith(":")], lines


def with_rules(*rules, runs=True):
    with StateManager() as state_manager:
        state_manager.fleet.add(1)
        for rule in rules:
            state_manager.fleet.script("Failed", **rule)
        if runs:
            associate()


def test_a_rule_that_has_decided_nothing_is_a_warning():
    with pytest.warns(UnusedRule, match=r"script\('Failed', run=20\) has decided nothing"):
        with_rules({"run": 20})
    with pytest.warns(UnusedRule, match=r"script\('Failed'\) has decided nothing"):
        with_rules({}, runs=False)


def test_a_rule_that_has_decided_something_is_none_nor_is_one_of_chance():
    with_rules({"run": 1})
    with_rules({"share": 0.000001})
    with_rules({"times": 1, "nodes": 1})


def test_the_report_says_which_rules_have_decided_nothing(state_manager):
    state_manager.fleet.add(1)
    state_manager.fleet.script("Failed", run=20)
    associate()
    state_manager.settle()
    assert 'script: {"run": 20, "status": "Failed"} (has decided nothing)' in state_manager.diagnosis()
    state_manager.fleet.clear_script()
