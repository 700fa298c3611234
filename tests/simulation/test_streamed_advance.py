"""A long advance tells of each day, and stops when nobody listens any more."""

import base64
import http.client
import json
from contextlib import ExitStack
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest

from association_calls import create, executions
from live_server import KEY_ID, SECRET, Refused


class Stream:
    """One streamed advance."""

    def __init__(self, server, **turn):
        where = urlsplit(server.url)
        basic = base64.b64encode(f"{KEY_ID}:{SECRET}".encode()).decode()
        headers = {
            "authorization": f"Basic {basic}",
            "content-type": "application/json",
            "accept": "application/jsonl",
        }
        self._connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
        self._connection.request("POST", "/_stateward/clock", json.dumps(turn), headers)
        self.answer = self._connection.getresponse()

    def line(self):
        return json.loads(self.answer.readline())

    def lines(self):
        return [json.loads(line) for line in self.answer.read().splitlines()]

    def close(self):
        self.answer.close()
        self._connection.close()


@pytest.fixture
def stream(server):
    """Begins a streamed advance, which is closed after the test."""
    with ExitStack() as stack:

        def begin(**turn):
            begun = Stream(server, **turn)
            stack.callback(begun.close)
            return begun

        yield begin


@pytest.fixture
def daily(server, ssm, fleet, document):
    """An association that runs at each noon; its id."""
    server.clock(to="2031-01-01T06:00:00Z")
    fleet.add(2)
    return create(ssm, document(), ScheduleExpression="cron(0 12 * * ? *)")["AssociationId"]


def test_each_day_is_a_line_and_the_answer_the_last(server, stream, daily):
    begun = stream(advance="3d")
    assert begun.answer.headers["content-type"] == "application/jsonl"
    *days, last = begun.lines()
    assert days == [
        {"date": f"2031-01-0{day}", "fired_count": 1, "now": f"2031-01-0{day}T23:59:59.999Z"} for day in (1, 2, 3)
    ]
    assert (last["now"], last["fired_count"]) == ("2031-01-04T06:00:00.000Z", 3)
    assert [one["at"] for one in last["fired"]] == [f"2031-01-0{day}T12:00:00.000Z" for day in (1, 2, 3)]


def test_a_closed_connection_stops_the_clock_at_the_next_instant(server, ssm, stream, daily):
    begun = stream(advance="20000d")
    assert begun.line()["date"] == "2031-01-01"
    begun.close()
    now = stopped_at(server)
    assert "2031-01-02" <= now < "2080"
    ran = executions(ssm, daily)[0]["CreatedTime"].isoformat()
    assert ran[:10] <= now[:10], "what has run is of the time that was reached"
    later = datetime.fromisoformat(now) + timedelta(days=1)
    assert datetime.fromisoformat(server.clock(advance="1d")["now"]) == later


def test_one_advance_at_a_time(server, stream, daily):
    begun = stream(advance="20000d")
    assert begun.line()["date"] == "2031-01-01"
    with pytest.raises(Refused) as caught:
        server.clock(advance="1s")
    assert caught.value.status == 409
    second = stream(advance="1s")
    assert second.answer.status == 409
    assert json.loads(second.answer.read())["error"] == "Conflict"
    begun.close()
    stopped_at(server)


def test_a_bad_turn_is_refused_before_anything_streams(stream):
    begun = stream(advance="soon")
    assert begun.answer.status == 400
    assert "write a number and a unit" in json.loads(begun.answer.read())["message"]


def stopped_at(server):
    """The time at which a stream that nobody hears has come to rest."""
    while True:
        try:
            return server.clock(advance="0s")["now"]
        except Refused as error:
            if error.status != 409:
                raise
