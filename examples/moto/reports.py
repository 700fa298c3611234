"""The code under test: it asks machines for a report by State Manager, and keeps a list of machines in S3."""

import json

import boto3


def order_reports(bucket):
    """Have every machine that the bucket's `machines.json` names report every hour; the association's id."""
    body = boto3.client("s3").get_object(Bucket=bucket, Key="machines.json")["Body"].read()
    created = boto3.client("ssm").create_association(
        Name="AWS-RunShellScript",
        Targets=[{"Key": "InstanceIds", "Values": json.loads(body)}],
        Parameters={"commands": ["df -h"]},
        ScheduleExpression="rate(1 hour)",
    )
    return created["AssociationDescription"]["AssociationId"]
