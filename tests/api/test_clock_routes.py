"""`/_stateward/clock`: turning the virtual clock (design 4, D47)."""

import json
import threading
import urllib.request

import pytest

from association_calls import create
from live_server import Refused


def test_the_clock_tells_its_time(server):
    first = server.clock()
    assert set(first) == {"now"}
    assert server.clock() == first


def test_advance_and_to(server):
    server.clock(to="2031-12-24T18:00:00Z")
    assert server.clock()["now"] == "2031-12-24T18:00:00.000Z"
    assert server.clock(advance="1h30m")["now"] == "2031-12-24T19:30:00.000Z"
    assert server.clock(advance="1w2d3h4m5s6ms")["now"] == "2032-01-02T22:34:05.006Z"
    assert server.clock(advance="2592000000ms")["now"] == "2032-02-01T22:34:05.006Z", "a month in milliseconds"


@pytest.mark.parametrize(
    ("turn", "text"),
    [
        ({"advance": "30"}, "write a number and a unit"),
        ({"advance": "-1h"}, "write a number and a unit"),
        ({"advance": "1h", "to": "2031-01-01T00:00:00Z"}, "write either"),
        ({"to": "tomorrow"}, "write an instant such as"),
        ({"to": "2001-01-01T00:00:00Z"}, "turns forward only"),
        ({"advance": "999999999w"}, "at most 100 years"),
        ({"forward": "1h"}, "unknown field"),
        ({"advance": 5}, "Expected"),
    ],
)
def test_bad_turns_are_refused_and_time_stays(server, turn, text):
    before = server.clock()
    with pytest.raises(Refused, match=text) as caught:
        server.clock(**turn)
    assert caught.value.status == 400
    assert server.clock() == before


def test_the_hand_on_the_clock_needs_a_key(server):
    request = urllib.request.Request(server.url + "/_stateward/clock")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert json.load(caught.value)["error"] == "MissingAuthenticationTokenException"
    assert (caught.value.code, caught.value.headers["www-authenticate"]) == (401, 'Basic realm="stateward"')


def test_forms_are_not_taken(server):
    """A web page could send a form without asking."""
    with pytest.raises(Refused) as caught:
        server.http("/_stateward/clock", b'{"advance": "1h"}', "text/plain")
    assert caught.value.status == 415


def test_open_mode_needs_none(start_server):
    server = start_server(auth="open")
    with urllib.request.urlopen(server.url + "/_stateward/clock") as answer:
        assert set(json.load(answer)) == {"now"}


def test_there_is_no_hand_on_the_systems_clock(start_server):
    server = start_server(clock="system")
    with pytest.raises(Refused) as caught:
        server.clock(advance="1h")
    assert caught.value.status == 404


def test_work_in_hand_is_named_when_the_wait_is_over(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    create(ssm, document())
    (job,) = node.wait_for_jobs()
    answer = server.clock(advance="1m", wait_for_nodes="50ms")
    assert answer["unfinished"] == [f"command {job.command_id} on {node.node_id}"]
    job.finish()
    assert "unfinished" not in server.clock(advance="1m")


def turn_until_busy(server, answers):
    """Turn the clock in a thread, and answer that thread once the turn has begun."""
    turning = threading.Thread(target=lambda: answers.append(server.clock(advance="1m")))
    turning.start()
    for _ in range(10_000):  # a turn that is no turn: refused as such until the other has the hand on the clock
        with pytest.raises(Refused) as caught:
            server.clock(advance="backwards")
        if caught.value.status == 409:
            return turning
    raise AssertionError("the turn never waited")


def test_only_one_advance_at_a_time(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    create(ssm, document())
    (job,) = node.wait_for_jobs()
    answers = []
    turning = turn_until_busy(server, answers)
    job.finish()
    turning.join()
    assert "unfinished" not in answers[0]


def test_each_turn_waits_anew(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    create(ssm, document())
    (job,) = node.wait_for_jobs()
    assert "unfinished" in server.clock(advance="1m", wait_for_nodes="50ms")
    answers = []
    turning = turn_until_busy(server, answers)
    job.finish()
    turning.join()
    assert "unfinished" not in answers[0]
