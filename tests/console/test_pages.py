"""Every page: there with and without data, for every role, and never with what somebody else wrote as markup."""

import re

import pytest
from console_people import signed_in
from console_world import World

from stateward.console.map_of_site import PAGES

NEEDS = {
    "/why": "?association={association_id}&node={node_id}",
    "/search": "?q=night",
    "/associations/{association_id}/map/{window}/at": "?3,3",
    "/associations/run": "?id={association_id}",
    "/associations/{association_id}/executions/{execution_id}/compare": "?with={before_id}",
    "/associations/{association_id}/executions/{execution_id}/nodes/{node_id}/output": "?step=restart&stream=stderr",
    "/documents/{name}/default": "?version=2",
    "/commands/{command_id}/nodes/{node_id}/output": "?step=aws:runShellScript",
}
PART = re.compile(r"\{(\w+)(?::path)?\}")
NOT_BY_THEMSELVES = ("/associations/run", "/live", "/follow")
WITHOUT_PARTS = [page.path for page in PAGES if not PART.search(page.path) and page.path not in NOT_BY_THEMSELVES]
REDIRECTS = (
    "/associations/{association_id}/map/{window}/at",
    "/executions/{execution_id}",
    "/associations/{association_id}/runs/{rest:path}",
)


@pytest.fixture(scope="module")
def world(server_thread, model, tmp_path_factory):
    from live_server import LiveServer

    server = LiveServer(server_thread, tmp_path_factory.mktemp("world"), model)
    yield World(server)
    server.stop_later()


def address(path, world):
    parts = {**world.parts, "name": "freeze"} if path.startswith("/calendars") else world.parts
    return PART.sub(lambda part: parts[part[1]], path + NEEDS.get(path, ""))


@pytest.mark.parametrize("path", [page.path for page in PAGES if page.path not in (*REDIRECTS, "/live", "/follow")])
def test_every_page_is_there_with_data(world, path):
    if path.endswith((".png", ".json")):
        assert signed_in(world.server).get(address(path, world)).status_code == 200
        return
    if path.endswith("/output"):
        answer = signed_in(world.server).get(address(path, world))
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["content-disposition"].startswith("attachment; ")
        return
    text = signed_in(world.server).page(address(path, world))
    assert "only-for-operators" not in text
    assert "<script>alert" not in text
    assert "<b>service" not in text
    assert "\u202e" not in text
    assert len(text) <= 150_000


@pytest.mark.parametrize("path", REDIRECTS)
def test_a_short_address_leads_to_the_long_one(world, path):
    person = signed_in(world.server)
    answer = person.get(address(path, world))
    assert answer.status_code in (302, 303)
    while answer.is_redirect:
        answer = person.get(answer.headers["location"])
    assert answer.status_code == 200


@pytest.mark.parametrize("path", WITHOUT_PARTS)
def test_every_list_says_why_it_is_empty(server, path):
    text = signed_in(server).page(path)
    assert "<h1>" in text


@pytest.mark.parametrize("path", [page.path for page in PAGES if PART.search(page.path)])
def test_what_is_not_there_is_not_found(server, path):
    answer = signed_in(server).get(PART.sub("nothing-of-this-name", path + NEEDS.get(path, "")))
    assert answer.status_code in (400, 404), answer.text
    assert 'role="alert"' in answer.text


def test_a_tab_hears_of_its_topics(world):
    person = signed_in(world.server)
    url = f"/console/us-east-1/live?topic=overview&topic=association/{world.association}"
    with person.http.stream("GET", url) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = answer.iter_lines()
        told = [next(events) for _ in range(5)]
    assert told[0] == "event: change"
    assert '"topic":"overview"' in told[1]
    assert person.get("/live?topic=nonsense").status_code == 400
    assert person.get("/live").status_code == 400
