"""The calls that association tests make again and again."""

import pytest
from botocore.exceptions import ClientError

EVERY_NODE = [{"Key": "InstanceIds", "Values": ["*"]}]
TAGGED = [{"Key": "tag:env", "Values": ["prod"]}]
UNKNOWN_ID = "01234567-89ab-cdef-0123-456789abcdef"


def create(ssm, name, **members):
    """A new association's description; on every node unless told otherwise."""
    members.setdefault("Targets", EVERY_NODE)
    return ssm.create_association(Name=name, **members)["AssociationDescription"]


def describe(ssm, association_id, **members):
    return ssm.describe_association(AssociationId=association_id, **members)["AssociationDescription"]


def overview(ssm, association_id):
    """(Status, DetailedStatus, counts or None)."""
    found = describe(ssm, association_id)["Overview"]
    return found["Status"], found["DetailedStatus"], found.get("AssociationStatusAggregatedCount")


def executions(ssm, association_id, *filters):
    """All executions, newest first; filters as (key, type, value)."""
    more = {"Filters": [{"Key": key, "Type": kind, "Value": value} for key, kind, value in filters]} if filters else {}
    pages = ssm.get_paginator("describe_association_executions").paginate(AssociationId=association_id, **more)
    return [row for page in pages for row in page["AssociationExecutions"]]


def statuses(ssm, association_id):
    """(Status, DetailedStatus, ResourceCountByStatus) of each execution, newest first."""
    return [
        (row["Status"], row["DetailedStatus"], row.get("ResourceCountByStatus"))
        for row in executions(ssm, association_id)
    ]


def targets(ssm, association_id, execution_id, **filters):
    more = {"Filters": [{"Key": key, "Value": value} for key, value in filters.items()]} if filters else {}
    pages = ssm.get_paginator("describe_association_execution_targets").paginate(
        AssociationId=association_id, ExecutionId=execution_id, **more
    )
    return [row for page in pages for row in page["AssociationExecutionTargets"]]


def newest_targets(ssm, association_id):
    """Node id → (Status, DetailedStatus) of the newest execution."""
    newest = executions(ssm, association_id)[0]
    return {
        row["ResourceId"]: (row["Status"], row["DetailedStatus"])
        for row in targets(ssm, association_id, newest["ExecutionId"])
    }


def start_once(ssm, *association_ids):
    """Start associations; association id → execution id (D61)."""
    answer = ssm.start_associations_once(AssociationIds=list(association_ids))
    header = answer["ResponseMetadata"]["HTTPHeaders"].get("x-stateward-executions", "")
    return dict(pair.split("=") for pair in header.split(",") if pair)


def tag_node(ssm, node_id, **tags):
    ssm.add_tags_to_resource(
        ResourceType="ManagedInstance",
        ResourceId=node_id,
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )


def refusal(call, *args, **members):
    """(code, message) of the error that a boto3 call raises."""
    with pytest.raises(ClientError) as caught:
        call(*args, **members)
    error = caught.value.response["Error"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Code"], error.get("Message", "")


def repeat_invocation(ssm, operation):
    """Make each call of this operation look like a retry of the first (D32)."""

    def same(request, **kwargs):
        request.context["retries"]["invocation-id"] = UNKNOWN_ID

    ssm.meta.events.register_first(f"request-created.ssm.{operation}", same)
