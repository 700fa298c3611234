"""aws:refreshAssociation: a successful command runs the node's associations (spec 4.1, 5.5, D31)."""

import pytest

from association_calls import create, executions, targets


@pytest.fixture
def two(server, ssm, nodes, document):
    """Two associations on two nodes, each run once: their ids, and the nodes."""
    park = nodes.add(2)
    name = document()
    made = [create(ssm, name, AssociationName=one)["AssociationId"] for one in ("one", "two")]
    server.settle()
    return made, park


def refresh(server, ssm, node, *association_ids):
    ssm.send_command(
        DocumentName="AWS-RefreshAssociation",
        InstanceIds=[node.node_id],
        Parameters={"associationIds": list(association_ids)} if association_ids else {},
    )
    server.settle()


def test_the_named_association_runs_on_that_node(server, ssm, two):
    (first, second), (node, _) = two
    refresh(server, ssm, node, first)
    assert (len(executions(ssm, first)), len(executions(ssm, second))) == (2, 1)
    newest = executions(ssm, first)[0]["ExecutionId"]
    assert [row["ResourceId"] for row in targets(ssm, first, newest)] == [node.node_id]


@pytest.mark.parametrize("named", [[], [""]])
def test_no_name_means_all(server, ssm, two, named):
    made, (node, _) = two
    refresh(server, ssm, node, *named)
    assert [len(executions(ssm, one)) for one in made] == [2, 2]


def test_a_refresh_that_fails_runs_nothing(server, ssm, two):
    made, (node, _) = two
    node.script = lambda job: "Failed" if job.document_name == "AWS-RefreshAssociation" else "Success"
    refresh(server, ssm, node)
    assert [len(executions(ssm, one)) for one in made] == [1, 1]


def test_an_association_of_refreshes_does_not_start_itself(server, ssm, two):
    made, _ = two
    refresher = create(ssm, "AWS-RefreshAssociation")["AssociationId"]
    server.settle()
    assert len(executions(ssm, refresher)) == 1
    assert [len(executions(ssm, one)) for one in made] == [3, 3], "one run on each of the two nodes"
