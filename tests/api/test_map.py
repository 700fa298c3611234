"""The map of an association's history, nodes × runs, from a live server."""

import pytest

from association_calls import EVERY_NODE, TAGGED, create, executions, start_once
from key_holders import Denied, Holder


@pytest.fixture
def chief(server):
    return Holder(server)


def node(number):
    return f"mi-{number:017x}"


def rows(found):
    """Node → its letters."""
    width = len(found["runs"])
    cells = [found["cells"][at : at + width] for at in range(0, len(found["cells"]), width)]
    return {row["node"]: letters for row, letters in zip(found["rows"], cells, strict=True)}


@pytest.fixture
def nightly(server, ssm, fleet, document):
    """Three runs on six nodes; two of them failed in the second and third."""
    fleet.add(6, tags={"env": "prod"})
    association = create(ssm, document(), Targets=TAGGED, ScheduleExpression="rate(1 day)")["AssociationId"]
    server.clock(advance="1h")
    fleet.script(status="Failed", nodes=2, error="disk full")
    server.clock(advance="2d")
    return association


def test_worst_nodes_first_and_equal_rows_folded(chief, nightly, ssm):
    found = chief.get(f"/associations/{nightly}/map")
    assert [run["n"] for run in found["runs"]] == [1, 2, 3]
    assert [run["id"] for run in found["runs"]] == [row["ExecutionId"] for row in reversed(executions(ssm, nightly))]
    assert [(row["node"], row["count"], row["since"], row["streak"]) for row in found["rows"]] == [
        (node(1), 2, 2, 2),
        (node(3), 4, 1, 3),
    ]
    assert found["rows"][0]["error"] == "second exit 1: disk full"
    assert rows(found) == {node(1): "SFF", node(3): "SSS"}


def test_a_retry_folds_into_the_run_that_it_repeats(server, chief, fleet, nightly, ssm):
    fleet(scripts=[])
    execution = executions(ssm, nightly)[0]["ExecutionId"]
    chief.post(f"/executions/{execution}/retry", {"status": ["Failed"]})
    server.clock(advance="10m")
    found = chief.get(f"/associations/{nightly}/map?fold=false")
    assert rows(found) == {node(1): "SFs", node(2): "SFs", **{node(n): "SSS" for n in (3, 4, 5, 6)}}
    assert found["runs"][-1]["folded"] == [4]
    own = chief.get(f"/associations/{nightly}/map?partial=own")
    assert rows(own) == {node(1): "SFFS", node(3): "SSS."}


def test_a_run_under_way_has_its_column(server, chief, fleet, nightly, ssm):
    fleet(offline=[node(3)])
    start_once(ssm, nightly)
    server.settle()
    found = rows(chief.get(f"/associations/{nightly}/map?fold=false"))
    assert found[node(3)] == "SSSP"
    assert found[node(1)][:3] == "SFF"
    assert found[node(1)][3] in "IF"


def test_runs_and_rows_come_in_pages(chief, nightly):
    older = chief.get(f"/associations/{nightly}/map?before=3&runs=1&fold=false")
    assert [run["n"] for run in older["runs"]] == [2]
    first = chief.get(f"/associations/{nightly}/map?rows=4&fold=false")
    second = chief.get(f"/associations/{nightly}/map?rows=4&fold=false&after={first['next']}")
    assert [row["node"] for row in first["rows"] + second["rows"]] == [node(n) for n in range(1, 7)]
    assert second["next"] is None


def test_only_bad_nodes_and_by_name(chief, nightly):
    assert list(rows(chief.get(f"/associations/{nightly}/map?status=bad&fold=false"))) == [node(1), node(2)]
    assert list(rows(chief.get(f"/associations/{nightly}/map?status=newly"))) == []
    assert len(rows(chief.get(f"/associations/{nightly}/map?sort=name&fold=false"))) == 6


def test_an_unchanged_map_is_not_sent_again(server, chief, nightly):
    path = f"/associations/{nightly}/map"
    with chief.open("GET", path) as answer:
        tag = answer.headers["etag"]
    with chief.open("GET", path, headers={"if-none-match": tag}) as answer:
        assert (answer.status, answer.read()) == (304, b"")
    server.clock(advance="1d")
    with chief.open("GET", path, headers={"if-none-match": tag}) as answer:
        assert answer.status == 200


def test_a_map_outlives_the_rows_of_its_runs(server, chief, ssm, fleet, document):
    """Targets are kept for a month, strips for more than a year."""
    fleet.add(2)
    name = document()
    association = create(ssm, name, Targets=EVERY_NODE, ScheduleExpression="rate(7 days)")["AssociationId"]
    server.clock(advance="90d")
    assert len(executions(ssm, association)) < 8
    assert rows(chief.get(f"/associations/{association}/map")) == {node(1): "S" * 13}


def test_an_association_that_is_not_there_has_no_map(chief):
    with pytest.raises(Denied) as denied:
        chief.get("/associations/00000000-1111-4222-8333-444455556666/map")
    assert (denied.value.status, denied.value.code) == (404, "AssociationDoesNotExist")


def test_a_run_on_very_many_nodes_has_its_strip_soon_after_its_end(server, chief, ssm, fleet, document):
    """It is made in slices of 500 targets (docs/design/read-models.md)."""
    fleet.add(1000)
    (last,) = fleet.add(1)
    fleet.script(status="Failed", nodes=[last])
    association = create(ssm, document(), Targets=EVERY_NODE, MaxConcurrency="100%")["AssociationId"]
    server.clock(advance="1h")
    found = chief.get(f"/associations/{association}/map?fold=false&rows=2")
    assert rows(found) == {last: "F", node(1): "S"}
    assert found["runs"][0]["status"] == "Failed"
