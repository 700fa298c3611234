"""The outbox in pages: by subject, by time, newest first."""

import pytest

from association_calls import EVERY_NODE, create, start_once
from key_holders import Denied, Holder, holder

ENDLESS = 999_999_999_999_999


@pytest.fixture
def reader(server):
    return holder(server, "reader")


@pytest.fixture
def two(start_server, tmp_path, document, fleet, ssm, server):
    """Two associations that have run twice."""
    fleet.add(1)
    one = create(ssm, document(), Targets=EVERY_NODE)["AssociationId"]
    other = create(ssm, "echo-twice", Targets=EVERY_NODE)["AssociationId"]
    server.clock(advance="10m")
    start_once(ssm, one)
    server.clock(advance="10m")
    return one, other


def subjects(page):
    return [row["event"]["detail"]["association-id"] for row in page["events"]]


def numbers(page):
    return [row["sequence"] for row in page["events"]]


def test_by_subject_come_the_events_of_one_association(reader, two):
    everything = reader.get("/events")
    for association in two:
        page = reader.get(f"/events?subject={association}")
        assert set(subjects(page)) == {association}
        assert len(page["events"]) == subjects(everything).count(association)


def test_the_pages_of_a_subject_are_the_whole(reader, two):
    one, _ = two
    whole = numbers(reader.get(f"/events?subject={one}"))
    found, after = [], 0
    while page := numbers(reader.get(f"/events?subject={one}&after={after}&limit=1")):
        found += page
        after = page[-1]
    assert found == whole


def test_the_newest_come_first_before_a_number(reader, two):
    whole = numbers(reader.get("/events"))
    found, before = [], ENDLESS
    while (page := reader.get(f"/events?before={before}&limit=2"))["events"]:
        found += numbers(page)
        before = page["next"]
    assert found == whole[::-1]


def test_by_time_come_the_events_from_an_instant_to_before_another(server, ssm, reader, two):
    since = server.clock()["now"]
    server.clock(advance="1h")
    start_once(ssm, two[1])
    server.clock(advance="10m")
    until = server.clock()["now"]
    start_once(ssm, two[0])
    server.clock(advance="10m")
    page = reader.get(f"/events?since={since}&until={until}")
    assert set(subjects(page)) == {two[1]}
    assert numbers(reader.get(f"/events?until={since}")) + numbers(page) == [
        number for number in numbers(reader.get("/events")) if number <= numbers(page)[-1]
    ]
    assert reader.get("/events?since=2199-01-01T00:00:00Z")["events"] == []
    assert reader.get("/events?until=2001-01-01T00:00:00Z")["events"] == []


def test_the_events_of_a_node_are_found_by_its_id(start_server, tmp_path):
    server = start_server(event_file=tmp_path / "events.jsonl")
    ssm = server.client()
    (node, _) = server.http("/_stateward/fleet", b'{"add": 2}')["nodes"]
    create(ssm, "AWS-RunShellScript", Targets=EVERY_NODE, Parameters={"commands": ["true"]})
    server.clock(advance="10m")
    page = Holder(server).get(f"/events?subject={node}")
    assert {row["event"]["detail"]["instance-id"] for row in page["events"]} == {node}


def test_another_account_s_subject_has_no_events_here(server, two):
    other = holder(server, "reader", account="210987654321")
    assert other.get(f"/events?subject={two[0]}")["events"] == []


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("subject=nightly", "write the id of an association or of a node"),
        ("since=yesterday", "write an instant such as"),
        ("before=x", "write a whole number"),
        ("before=3&after=1", "write either after"),
    ],
)
def test_a_strange_page_is_refused(reader, query, text):
    with pytest.raises(Denied, match=text) as caught:
        reader.get(f"/events?{query}")
    assert caught.value.status == 400
