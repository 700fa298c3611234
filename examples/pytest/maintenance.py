"""The code under test: it keeps the machines of an environment clean, every night."""

import json

import boto3

CLEAN_UP = {
    "schemaVersion": "2.2",
    "mainSteps": [
        {"action": "aws:runShellScript", "name": "clean", "inputs": {"runCommand": ["rm -rf /var/tmp/reports"]}},
        {"action": "aws:runShellScript", "name": "restart", "inputs": {"runCommand": ["systemctl restart reports"]}},
    ],
}


def deploy(environment):
    """Create the document and its association; the association's id."""
    ssm = boto3.client("ssm")
    ssm.create_document(Name="clean-up", DocumentType="Command", Content=json.dumps(CLEAN_UP))
    created = ssm.create_association(
        Name="clean-up",
        AssociationName=f"clean-up-{environment}",
        Targets=[{"Key": "tag:env", "Values": [environment]}],
        ScheduleExpression="cron(0 2 * * ? *)",
        MaxConcurrency="10%",
        MaxErrors="20%",
    )
    return created["AssociationDescription"]["AssociationId"]


def machines_to_look_at(association_id):
    """The machines that were not cleaned in the latest night, by id."""
    ssm = boto3.client("ssm")
    latest = ssm.describe_association_executions(AssociationId=association_id, MaxResults=1)["AssociationExecutions"][0]
    pages = ssm.get_paginator("describe_association_execution_targets").paginate(
        AssociationId=association_id, ExecutionId=latest["ExecutionId"]
    )
    targets = [target for page in pages for target in page["AssociationExecutionTargets"]]
    return sorted(target["ResourceId"] for target in targets if target["Status"] != "Success")
