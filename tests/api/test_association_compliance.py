"""What the runs of an association say of a node's compliance (spec 6.5, D49)."""

import pytest

from association_calls import create, describe, start_once


def items(ssm, node):
    """Association id → (Status, Severity) of a node."""
    answer = ssm.list_compliance_items(ResourceIds=[node.node_id], ResourceTypes=["ManagedInstance"])
    return {one["Id"]: (one["Status"], one["Severity"]) for one in answer["ComplianceItems"]}


@pytest.mark.parametrize(
    ("answer", "status"),
    [("Success", "COMPLIANT"), ("Failed", "NON_COMPLIANT"), ("TimedOut", "NON_COMPLIANT")],
)
def test_a_result_is_a_verdict_cmp_01_cmp_02(server, ssm, nodes, document, answer, status):
    node = nodes.one(script=lambda job: answer)
    plain = create(ssm, document())["AssociationId"]
    severe = create(ssm, "echo-twice", ComplianceSeverity="CRITICAL", SyncCompliance="AUTO")["AssociationId"]
    server.settle()
    assert items(ssm, node) == {plain: (status, "UNSPECIFIED"), severe: (status, "CRITICAL")}


def test_an_item_tells_of_the_run_cmp_01(server, ssm, nodes, document):
    node = nodes.one()
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    answer = ssm.list_compliance_items(ResourceIds=[node.node_id], ResourceTypes=["ManagedInstance"])
    (item,) = answer["ComplianceItems"]
    ran = describe(ssm, association_id)["LastExecutionDate"]
    assert item.pop("ExecutionSummary")["ExecutionTime"] == ran
    assert item == {
        "ComplianceType": "Association",
        "ResourceType": "ManagedInstance",
        "ResourceId": node.node_id,
        "Id": association_id,
        "Title": "",
        "Status": "COMPLIANT",
        "Severity": "UNSPECIFIED",
        "Details": {"DocumentName": "echo-twice", "DocumentVersion": "1"},
    }


def test_the_latest_run_counts_cmp_01(server, ssm, nodes, document):
    node = nodes.one(script=lambda job: "Failed")
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    server.clock(advance="1m")
    node.script = lambda job: "Success"
    start_once(ssm, association_id)
    server.settle()
    assert items(ssm, node) == {association_id: ("COMPLIANT", "UNSPECIFIED")}


def test_manual_associations_write_nothing_cmp_03(server, ssm, nodes, document):
    node = nodes.one()
    create(ssm, document(), SyncCompliance="MANUAL", ComplianceSeverity="HIGH")
    server.settle()
    assert items(ssm, node) == {}


def test_a_cancelled_run_changes_nothing_cmp_01(server, ssm, nodes, document):
    node = nodes.one()
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    node.holds = True
    start_once(ssm, association_id)
    job = node.wait_for_jobs(2)[1]
    ssm.cancel_command(CommandId=job.command_id)
    job.finish("Cancelled")
    server.settle()
    assert items(ssm, node) == {association_id: ("COMPLIANT", "UNSPECIFIED")}


def test_a_deleted_association_takes_its_items_along_del_06(server, ssm, nodes, document):
    node = nodes.one()
    first = create(ssm, document())["AssociationId"]
    second = create(ssm, "echo-twice")["AssociationId"]
    server.settle()
    ssm.delete_association(AssociationId=first)
    assert items(ssm, node) == {second: ("COMPLIANT", "UNSPECIFIED")}
