"""An association that restarts web servers every night, and what became of it at once. Plain boto3, as for AWS."""

import json
import time

import boto3

DOCUMENT = {
    "schemaVersion": "2.2",
    "parameters": {"service": {"type": "String", "allowedPattern": "[a-z-]+"}},
    "mainSteps": [
        {
            "action": "aws:runShellScript",
            "name": "restart",
            "inputs": {"runCommand": ["echo restarting {{ service }}"]},
        }
    ],
}


def create(ssm):
    """The document and the association; it runs at once, and then every night at two."""
    ssm.create_document(Name="restart-web", DocumentType="Command", Content=json.dumps(DOCUMENT))
    created = ssm.create_association(
        Name="restart-web",
        AssociationName="nightly-restart",
        Targets=[{"Key": "tag:role", "Values": ["web"]}],
        Parameters={"service": ["nginx"]},
        ScheduleExpression="cron(0 2 * * ? *)",
        MaxConcurrency="10%",
        MaxErrors="1",
    )
    return created["AssociationDescription"]["AssociationId"]


def first_execution(ssm, association_id):
    """The execution that the creation has started, when it has ended."""
    while True:
        found = ssm.describe_association_executions(AssociationId=association_id)["AssociationExecutions"]
        if found and found[0]["Status"] not in ("Pending", "InProgress"):
            return found[0]
        time.sleep(1)


def outputs(ssm, execution):
    """Node, status and what it printed, for each target."""
    pages = ssm.get_paginator("describe_association_execution_targets").paginate(
        AssociationId=execution["AssociationId"], ExecutionId=execution["ExecutionId"]
    )
    for target in (target for page in pages for target in page["AssociationExecutionTargets"]):
        answer = ssm.get_command_invocation(
            CommandId=target["OutputSource"]["OutputSourceId"], InstanceId=target["ResourceId"]
        )
        yield target["ResourceId"], target["Status"], answer["StandardOutputContent"].strip()


def main():
    ssm = boto3.client("ssm")
    execution = first_execution(ssm, create(ssm))
    print(execution["Status"], execution.get("ResourceCountByStatus", "no targets"))
    for row in outputs(ssm, execution):
        print(*row)


if __name__ == "__main__":
    main()
