"""`POST /_stateward/associations/{association}/run`: now, on some of an association's nodes (D30)."""

import json

import pytest

from association_calls import TAGGED, UNKNOWN_ID, create, executions, newest_targets
from live_server import Refused


@pytest.fixture
def association(ssm, server, fleet, document):
    """On five nodes, and it has run once."""
    fleet.add(5, tags={"env": "prod"})
    made = create(ssm, document(), Targets=TAGGED)["AssociationId"]
    server.clock(advance="1m")
    return made


def run(server, association, *nodes):
    path = f"/_stateward/associations/{association}/run"
    return server.http(path, json.dumps({"nodes": nodes}).encode())


def test_it_runs_there_and_nowhere_else(server, association, ssm):
    node = "mi-00000000000000002"
    told = run(server, association, node, node)
    assert (told["number"], told["nodes"]) == (2, 1)
    server.clock(advance="1m")
    assert newest_targets(ssm, association) == {node: ("Success", "Success")}


@pytest.mark.parametrize(
    ("node", "why"),
    [("mi-0123456789abcdef0", "not registered"), ("stranger", "not a target")],
)
def test_a_node_that_it_does_not_reach_is_refused(server, association, ssm, fleet, node, why):
    (stranger,) = fleet.add(1)
    node = stranger if node == "stranger" else node
    with pytest.raises(Refused, match=rf"{node} \({why}\)") as refused:
        run(server, association, "mi-00000000000000001", node)
    assert refused.value.status == 400
    assert len(executions(ssm, association)) == 1


@pytest.mark.parametrize("nodes", [[], ["web-1"], ["mi-00000000000000001"] * 501])
def test_what_is_no_list_of_nodes(server, association, nodes):
    with pytest.raises(Refused) as refused:
        run(server, association, *nodes)
    assert refused.value.status == 400


def test_an_unknown_association(server):
    with pytest.raises(Refused) as refused:
        run(server, UNKNOWN_ID, "mi-00000000000000001")
    assert refused.value.status == 404
