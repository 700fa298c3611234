"""What the roll-up of associations writes (spec 6.5, D49; CMP-01 to CMP-03, DEL-06)."""

import pytest
from compliance_calls import NOTHING, WHEN, item, listed, members, put, summaries

from live_server import ACCOUNT, REGION
from stateward.access.principals import Scope
from stateward.compliance import association_items
from stateward.compliance.operations import ComplianceOperations

SCOPE = Scope(ACCOUNT, REGION)
ONE, TWO = "8dfe3659-4309-493a-8755-0123456789ab", "e4c2ed6d-516f-41aa-aa2a-0123456789ab"


def result(server, node_id, association_id=ONE, *, compliant=True, severity="UNSPECIFIED", at=WHEN):
    async def work(tx):
        await association_items.put_association_items(
            tx,
            SCOPE,
            association_id,
            [association_items.NodeResult(node_id, compliant, at * 1000)],
            severity=severity,
            document_name="AWS-RunShellScript",
            document_version="1",
        )

    server.writing(work)


def statuses(ssm, node_id):
    return {one["Id"]: (one["Status"], one["Severity"]) for one in listed(ssm, node_id)}


def test_a_result_is_an_item_as_the_cli_shows_it_cmp_01(server, ssm, nodes):
    node_id = nodes.one(online=False).node_id
    result(server, node_id)
    (found,) = listed(ssm, node_id)
    assert found.pop("ExecutionSummary")["ExecutionTime"].timestamp() == WHEN
    assert found == {
        "ComplianceType": "Association",
        "ResourceType": "ManagedInstance",
        "ResourceId": node_id,
        "Id": ONE,
        "Title": "",
        "Status": "COMPLIANT",
        "Severity": "UNSPECIFIED",
        "Details": {"DocumentName": "AWS-RunShellScript", "DocumentVersion": "1"},
    }


def test_the_latest_result_of_each_association_counts_cmp_01_cmp_02(server, ssm, nodes):
    node_id = nodes.one(online=False).node_id
    result(server, node_id)
    result(server, node_id, TWO, compliant=False, severity="HIGH")
    result(server, node_id, compliant=False, severity="CRITICAL", at=WHEN + 60)
    result(server, node_id, compliant=True, at=WHEN + 30)
    assert statuses(ssm, node_id) == {ONE: ("NON_COMPLIANT", "CRITICAL"), TWO: ("NON_COMPLIANT", "HIGH")}
    (summary,) = summaries(ssm)
    assert summary["ExecutionSummary"]["ExecutionTime"].timestamp() == WHEN + 60
    assert summary["NonCompliantSummary"]["SeveritySummary"] == {**NOTHING, "CriticalCount": 1, "HighCount": 1}
    result(server, node_id, at=WHEN + 90)
    assert statuses(ssm, node_id)[ONE] == ("COMPLIANT", "UNSPECIFIED")


def test_a_removed_node_gets_no_items(server, ssm, nodes):
    node_id = nodes.one(online=False).node_id
    ssm.deregister_managed_instance(InstanceId=node_id)
    result(server, node_id)
    assert listed(ssm) == summaries(ssm) == []


@pytest.mark.parametrize("slices", [500, 2])
def test_a_deleted_association_leaves_no_items_del_06(server, ssm, nodes, monkeypatch, slices):
    monkeypatch.setattr(association_items, "NODES_PER_STATEMENT", slices)
    fleet = [node.node_id for node in nodes.add(5, online=False)]
    for node_id in fleet:
        result(server, node_id)
    result(server, fleet[0], TWO, compliant=False)

    async def work(tx):
        await association_items.remove_association_items(tx, SCOPE, ONE)

    server.writing(work)
    assert [(one["ResourceId"], one["Id"]) for one in listed(ssm)] == [(fleet[0], TWO)]
    (summary,) = summaries(ssm)
    assert (summary["CompliantSummary"]["CompliantCount"], summary["NonCompliantSummary"]["NonCompliantCount"]) == (
        0,
        1,
    )


@pytest.fixture
def manual(server):
    """Associations with SyncCompliance MANUAL, and the severity of each."""
    severities = {}

    async def severity_of(tx, scope, association_id):
        return severities.get(association_id)

    operations = ComplianceOperations(severity_of)
    server.thread_server.performer._operations["PutComplianceItems"] = operations.put_compliance_items
    return severities


def test_manual_associations_are_the_node_s_to_judge_cmp_03(server, ssm, nodes, manual):
    node = nodes.one(online=False)
    manual[ONE] = "HIGH"
    result(server, node.node_id, TWO)
    upload = members(
        node.node_id,
        [item(ONE, status="NON_COMPLIANT"), item(TWO, status="NON_COMPLIANT")],
        compliance_type="Association",
        ItemContentHash="h1",
    )
    assert node.request("PutComplianceItems", **upload).json() == {}
    assert statuses(ssm, node.node_id) == {ONE: ("NON_COMPLIANT", "HIGH"), TWO: ("COMPLIANT", "UNSPECIFIED")}
    again = {**upload, "Items": [], "ExecutionSummary": {"ExecutionTime": WHEN + 60}}
    assert node.request("PutComplianceItems", **again).json() == {}
    times = {one["Id"]: one["ExecutionSummary"]["ExecutionTime"].timestamp() for one in listed(ssm, node.node_id)}
    assert times == {ONE: WHEN + 60, TWO: WHEN}


def test_an_administrator_s_upload_of_associations_replaces_all(server, ssm, nodes):
    node_id = nodes.one(online=False).node_id
    result(server, node_id)
    put(ssm, node_id, item(TWO), at=WHEN + 60, compliance_type="Association")
    assert set(statuses(ssm, node_id)) == {TWO}
