"""DescribeAssociationExecutionTargets: the nodes of a run (spec 2.13)."""

import pytest

from association_calls import UNKNOWN_ID, create, executions, refusal, targets


@pytest.fixture
def run(server, ssm, nodes, document):
    """A finished run over three nodes, one of which failed: (association id, execution id, the nodes by id)."""
    failing = nodes.one(script=lambda job: ("Failed", {"error": "no space"}))
    nodes.add(2, script=lambda job: ("Success", {"output": "all well"}))
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    execution_id = executions(ssm, association_id)[0]["ExecutionId"]
    return association_id, execution_id, failing, sorted(node.node_id for node in nodes.nodes)


def test_one_row_a_node_by_id_ext_01(ssm, run):
    association_id, execution_id, failing, node_ids = run
    rows = targets(ssm, association_id, execution_id)
    assert [row["ResourceId"] for row in rows] == node_ids
    for row in rows:
        assert row["ResourceType"] == "ManagedInstance"
        assert (row["AssociationId"], row["AssociationVersion"], row["ExecutionId"]) == (
            association_id,
            "1",
            execution_id,
        )
        expected = "Failed" if row["ResourceId"] == failing.node_id else "Success"
        assert (row["Status"], row["DetailedStatus"]) == (expected, expected)


def test_the_output_source_leads_to_the_output_ext_02_ext_08_cmd_01(ssm, run):
    association_id, execution_id, failing, _ = run
    for row in targets(ssm, association_id, execution_id):
        assert row["OutputSource"]["OutputSourceType"] == "RunCommand"
        assert "LastExecutionDate" in row
        found = ssm.get_command_invocation(
            CommandId=row["OutputSource"]["OutputSourceId"], InstanceId=row["ResourceId"], PluginName="second"
        )
        assert found["Status"] == row["Status"]
        if row["ResourceId"] == failing.node_id:
            assert found["StandardErrorContent"] == "no space"
        else:
            assert found["StandardOutputContent"] == "all well"


def test_all_targets_share_one_command(ssm, run):
    association_id, execution_id, _, _ = run
    sources = {row["OutputSource"]["OutputSourceId"] for row in targets(ssm, association_id, execution_id)}
    assert len(sources) == 1
    (command,) = ssm.list_commands(CommandId=sources.pop())["Commands"]
    assert command["Comment"] == f"{association_id}:{execution_id}"
    assert command["MaxConcurrency"] == "50"
    assert command["MaxErrors"] == "100%"


def test_filters_ext_03(ssm, run):
    association_id, execution_id, failing, node_ids = run
    other = next(node_id for node_id in node_ids if node_id != failing.node_id)

    def found(**filters):
        return [row["ResourceId"] for row in targets(ssm, association_id, execution_id, **filters)]

    assert found(Status="Failed") == [failing.node_id]
    assert found(ResourceId=other) == [other]
    assert found(ResourceType="ManagedInstance") == node_ids
    assert found(ResourceType="EC2Instance") == []
    assert found(Status="Failed", ResourceId=other) == []
    assert found(Status="Success", ResourceId=other) == [other]


def test_unknown_filters_are_refused(ssm, run):
    association_id, execution_id, _, _ = run
    code, message = refusal(targets, ssm, association_id, execution_id, Colour="red")
    assert code == "ValidationException"
    assert "filters.1.member.key" in message


def test_unknown_executions_are_refused_ext_04_ext_05(server, ssm, run):
    association_id, execution_id, _, _ = run
    other = create(ssm, "echo-twice")["AssociationId"]
    server.settle()
    assert refusal(targets, ssm, association_id, UNKNOWN_ID)[0] == "AssociationExecutionDoesNotExist"
    assert refusal(targets, ssm, other, execution_id)[0] == "AssociationExecutionDoesNotExist"


def test_an_unknown_association_wins_ext_06(ssm, run):
    assert refusal(targets, ssm, UNKNOWN_ID, run[1])[0] == "AssociationDoesNotExist"
    assert refusal(targets, ssm, UNKNOWN_ID, UNKNOWN_ID)[0] == "AssociationDoesNotExist"


def test_pages_gen_11(ssm, run):
    association_id, execution_id, _, node_ids = run
    pages = ssm.get_paginator("describe_association_execution_targets").paginate(
        AssociationId=association_id, ExecutionId=execution_id, PaginationConfig={"PageSize": 2}
    )
    sizes = [len(page["AssociationExecutionTargets"]) for page in pages]
    assert sizes == [2, 1]
    assert [row["ResourceId"] for row in targets(ssm, association_id, execution_id)] == node_ids


def test_undispatched_rows_have_no_source_ext_09(server, ssm, nodes, document):
    nodes.add(2, holds=True)
    association_id = create(ssm, document(), MaxConcurrency="1")["AssociationId"]
    server.clock(advance="0s", wait_for_nodes="100ms")
    execution_id = executions(ssm, association_id)[0]["ExecutionId"]
    rows = targets(ssm, association_id, execution_id)
    assert sorted("OutputSource" in row for row in rows) == [False, True]
    waiting = next(row for row in rows if "OutputSource" not in row)
    assert (waiting["Status"], waiting["DetailedStatus"]) == ("Pending", "Pending")
    assert "LastExecutionDate" not in waiting
