"""The calls that Terraform makes for every configuration: no difference after any step (spec 9, UPD-12)."""

import pytest
from provider_calls import AssociationResource

from association_calls import describe, overview

NODE = "i-0123456789abcdef0"
LEGACY = {
    "schemaVersion": "1.2",
    "parameters": {"word": {"type": "String", "default": "hello"}},
    "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["echo {{ word }}"]}]}},
}
AUTOMATION = {
    "schemaVersion": "0.3",
    "assumeRole": "{{ AutomationAssumeRole }}",
    "parameters": {"Directory": {"type": "String"}, "AutomationAssumeRole": {"type": "String", "default": ""}},
    "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}],
}


def tagged(*keys):
    return [{"Key": f"tag:{key}", "Values": ["acceptance"]} for key in keys]


def output(**location):
    return {"OutputLocation": {"S3Location": {"OutputS3BucketName": "acceptance-output", **location}}}


ONE = {"Name": "echo-twice", "Targets": tagged("Name")}
PATCHES = {
    "Name": "AWS-RunPatchBaselineAssociation",
    "Targets": [{"Key": "InstanceIds", "Values": ["*"]}],
    "Parameters": {"Operation": ["Scan"], "RebootOption": ["NoReboot"]},
    "ScheduleExpression": "cron(0 6 ? * * *)",
}
DIRECTORIES = {**ONE, "Name": "automation", "AutomationTargetParameterName": "Directory"}

# Each is one resource: its configuration, then what it is changed to in place.
CONFIGURATIONS = {
    "instance_id": [
        {"Name": "legacy", "InstanceId": NODE},
        {"Name": "legacy", "InstanceId": NODE, "Parameters": {"word": ["hi"]}},
    ],
    "targets": [ONE, {**ONE, "Targets": tagged("Name", "ExtraName")}, ONE],
    "association_name": [
        {**ONE, "AssociationName": "nightly"},
        {**ONE, "AssociationName": "weekly", "ScheduleExpression": "cron(0 16 ? * TUE *)"},
        {**ONE, "AssociationName": "weekly", "ScheduleExpression": "cron(0 16 ? * WED *)"},
    ],
    "apply_only_at_cron_interval": [
        {**ONE, "ScheduleExpression": "cron(0 16 ? * TUE *)", "ApplyOnlyAtCronInterval": True},
        {**ONE, "ScheduleExpression": "cron(0 16 ? * TUE *)", "ApplyOnlyAtCronInterval": False},
    ],
    "document_version": [{**ONE, "DocumentVersion": "1"}, {**ONE, "DocumentVersion": "$LATEST"}],
    "output_location": [
        {**ONE, **output()},
        {**ONE, **output(OutputS3KeyPrefix="later", OutputS3Region="us-east-1")},
        {**ONE, **output(OutputS3KeyPrefix="later")},
    ],
    "compliance and limits": [
        {**ONE, "ComplianceSeverity": "HIGH", "MaxConcurrency": "10%", "MaxErrors": "10%"},
        {**ONE, "ComplianceSeverity": "LOW", "MaxConcurrency": "20%", "MaxErrors": "20%"},
    ],
    "sync_compliance": [{**PATCHES, "SyncCompliance": "MANUAL"}, {**PATCHES, "SyncCompliance": "AUTO"}],
    "automation": [
        {**DIRECTORIES, "ScheduleExpression": "rate(60 minutes)"},
        {
            **DIRECTORIES,
            "ScheduleExpression": "rate(2 hours)",
            "Parameters": {"AutomationAssumeRole": ["arn:aws:iam::123456789012:role/automation"]},
        },
    ],
    "tags": [{**ONE, "tags": {"team": "red", "gone": "soon"}}, {**ONE, "tags": {"team": "blue"}}, ONE],
}


@pytest.fixture
def documents(document):
    document()
    document("legacy", LEGACY)
    document("automation", AUTOMATION, DocumentType="Automation")


@pytest.fixture
def resource(ssm, documents):
    return AssociationResource(ssm)


def differences(resource, configuration):
    """What a plan shows; the parameter that the service fills in is one that users are told to ignore."""
    found = resource.plan(configuration)
    if "Parameters" in found:
        given, wanted = found["Parameters"]
        if wanted is not None and given == {**wanted, "AssociationId": [resource.association_id]}:
            del found["Parameters"]
    return found


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_no_step_of_a_configuration_leaves_a_difference_upd_12(server, ssm, resource, name):
    first, *changes = CONFIGURATIONS[name]
    resource.create(first)
    assert differences(resource, first) == {}
    for number, changed in enumerate(changes, 2):
        assert differences(resource, changed) != {}
        resource.update(changed)
        server.settle()
        assert differences(resource, changed) == {}
        assert describe(ssm, resource.association_id)["AssociationVersion"] == str(number)
    assert differences(resource.imported(resource.association_id), CONFIGURATIONS[name][-1]) == {}
    resource.delete()
    resource.refresh()
    assert resource.state is None
    resource.delete()


def test_the_wait_for_success_ends_without_targets_lif_11_upd_12(server, ssm, resource):
    resource.create(ONE)
    server.settle()
    assert overview(ssm, resource.association_id)[0] == "Success"
    assert resource.plan(ONE) == {}


def test_a_document_deleted_outside_leaves_the_association_upd_12(server, ssm, resource):
    resource.create(ONE)
    ssm.delete_document(Name="echo-twice")
    server.settle()
    assert resource.plan(ONE) == {}


def test_an_association_deleted_outside_is_planned_anew_upd_12(ssm, resource):
    resource.create(ONE)
    ssm.delete_association(AssociationId=resource.association_id)
    assert resource.plan(ONE) is None
