"""Compliance calls that tests share."""

WHEN = 1_700_000_000
MINUTE = 60
NOTHING = {
    "CriticalCount": 0,
    "HighCount": 0,
    "MediumCount": 0,
    "LowCount": 0,
    "InformationalCount": 0,
    "UnspecifiedCount": 0,
}


def item(item_id, severity="UNSPECIFIED", status="COMPLIANT", **members):
    return {"Id": item_id, "Severity": severity, "Status": status, **members}


def members(node_id, items, at=WHEN, compliance_type="Custom:AVCheck", **others):
    """The members of one PutComplianceItems."""
    return {
        "ResourceId": node_id,
        "ResourceType": "ManagedInstance",
        "ComplianceType": compliance_type,
        "ExecutionSummary": {"ExecutionTime": at},
        "Items": items,
        **others,
    }


def put(ssm, node_id, *items, **how):
    return ssm.put_compliance_items(**members(node_id, list(items), **how))


def listed(ssm, node_id=None, *filters, **others):
    """Items of a node, or of all; filters as (key, operator, value, …)."""
    where = {} if node_id is None else {"ResourceIds": [node_id], "ResourceTypes": ["ManagedInstance"]}
    return ssm.list_compliance_items(**where, **asked(*filters), **others)["ComplianceItems"]


def asked(*filters):
    if not filters:
        return {}
    return {"Filters": [{"Key": key, "Type": operator, "Values": values} for key, operator, *values in filters]}


def ids(ssm, node_id=None, *filters, **others):
    return [one["Id"] for one in listed(ssm, node_id, *filters, **others)]


def summaries(ssm, *filters):
    return ssm.list_resource_compliance_summaries(**asked(*filters))["ResourceComplianceSummaryItems"]


def types(ssm, *filters):
    return ssm.list_compliance_summaries(**asked(*filters))["ComplianceSummaryItems"]


def pages(call, member, **members):
    """Every page of a listing."""
    found, token = [], {}
    while True:
        answer = call(**members, **token)
        found.append(answer[member])
        if "NextToken" not in answer:
            return found
        token = {"NextToken": answer["NextToken"]}
