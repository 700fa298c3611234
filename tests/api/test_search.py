"""Search on a live server: ids, their beginnings, names, nodes, tags, runs by number (console 2, 6)."""

import pytest

from association_calls import EVERY_NODE, create, executions
from key_holders import Holder


@pytest.fixture
def search(server):
    chief = Holder(server)
    return lambda text: chief.get(f"/search?q={text}")


@pytest.fixture
def nightly(server, ssm, fleet, document):
    fleet.add(12, tags={"env": "prod"})
    made = create(
        ssm, document(), Targets=EVERY_NODE, AssociationName="nightly-patch", ScheduleExpression="rate(1 day)"
    )
    server.clock(advance="2d")
    return made["AssociationId"]


def ids(found, kind):
    return [hit["id"] for hit in found["hits"].get(kind, [])]


def test_an_association_by_name_id_and_their_beginnings(search, nightly):
    for text in ("nightly-patch", nightly):
        assert search(text)["exact"] == {"kind": "association", "id": nightly, "name": "nightly-patch"}
    for text in ("nig", nightly[:4]):
        found = search(text)
        assert nightly in ids(found, "association")
        assert found["exact"] is None
    assert search(nightly[:3])["hits"] == {}, "an id wants four signs"
    assert search("patch")["hits"] == {}, "the middle of a name is not its beginning"


def test_a_run_by_number_and_from_the_end(search, ssm, nightly):
    newest, middle, first = [row["ExecutionId"] for row in executions(ssm, nightly)]
    for text, execution in (("/1", first), ("/2", middle), ("/last", newest), ("/last~1", middle)):
        assert search(f"nightly-patch{text}")["exact"] == {
            "kind": "execution",
            "id": execution,
            "name": str([first, middle, newest].index(execution) + 1),
            "of": nightly,
        }
    assert search("nightly-patch/77")["exact"] is None
    assert search("nightly-patch/last~9")["exact"] is None
    assert first in ids(search(first[:8]), "execution")


def test_nodes_by_tag_ten_at_most(search, nightly):
    found = search("env=pr")
    assert len(ids(found, "tag")) == 10
    assert found["more"] == ["tag"]
    assert search("env=dev")["hits"] == {}


def test_nodes_and_documents(search, nightly):
    assert search("mi-00000000000000003")["exact"]["kind"] == "node"
    assert len(ids(search("mi-0000"), "node")) == 10
    assert search("echo-twice")["exact"] == {"kind": "document", "id": "echo-twice", "name": "echo-twice"}


def test_two_associations_of_one_name_are_candidates(search, ssm, document, nightly):
    other = create(ssm, "echo-twice", Targets=EVERY_NODE, AssociationName="nightly-patch")["AssociationId"]
    found = search("nightly-patch")
    assert found["exact"] is None
    assert sorted(ids(found, "association")) == sorted([nightly, other])


def test_signs_that_mean_something_to_sql_mean_nothing(search, nightly):
    for text in ("%25", "%27%20OR%201", "_ightly", "*"):
        assert search(text)["hits"] == {}
