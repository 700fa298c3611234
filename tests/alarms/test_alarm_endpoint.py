"""Alarms that an HTTP endpoint is asked for (D37)."""

import asyncio
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from structlog.testing import capture_logs

from stateward.alarms import endpoint
from stateward.alarms.endpoint import AlarmEndpoint


class WallClock:
    """A clock whose wall time a test turns."""

    def __init__(self):
        self.wall_ms = 1_000_000

    def wall(self):
        return self.wall_ms


@pytest.fixture
def clock():
    return WallClock()


@contextmanager
def alarms_at(answer):
    """An endpoint: `answer(path)` is (status, body); yields its address and the paths that were asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            status, body = answer(self.path)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            if status == 302:
                self.send_header("location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def says(state):
    return lambda path: (200, json.dumps({"state": state}).encode())


def ask(source, *names, between=lambda: None):
    async def states():
        found = []
        for name in names:
            found.append(await source.state(name))
            between()
        await source.close()
        return found

    with capture_logs() as entries:
        return asyncio.run(states()), entries


@pytest.mark.parametrize("state", ["OK", "ALARM", "UNKNOWN"])
def test_the_endpoint_says_how_an_alarm_stands(clock, state):
    with alarms_at(says(state)) as (url, asked):
        assert ask(AlarmEndpoint(f"{url}/alarms/", clock), "disk-full") == ([state], [])
    assert asked == ["/alarms/disk-full"]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a b", "/a%20b"),
        ("../../admin", "/..%2F..%2Fadmin"),
        ("..", "/%2E%2E"),
        (".", "/%2E"),
        ("a?b=c#d", "/a%3Fb%3Dc%23d"),
        ("a%2Fb", "/a%252Fb"),
        ("ä", "/%C3%A4"),
        ("a\r\nHost: b", "/a%0D%0AHost%3A%20b"),
        ("@other.example", "/%40other.example"),
    ],
)
def test_a_name_is_one_part_of_the_path_whatever_it_holds(clock, name, path):
    with alarms_at(says("OK")) as (url, asked):
        assert ask(AlarmEndpoint(url, clock), name)[0] == ["OK"]
    assert asked == [path]


def test_an_answer_is_kept_for_ten_seconds(clock):
    def pass_time():
        clock.wall_ms += 5_000

    with alarms_at(says("ALARM")) as (url, asked):
        assert ask(AlarmEndpoint(url, clock), "a", "a", "a", "b", between=pass_time)[0] == ["ALARM"] * 4
    assert asked == ["/a", "/a", "/b"]  # at 0, 10 and 15 s


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda path: (404, b""), "the endpoint answered 404"),
        (lambda path: (302, b""), "the endpoint answered 302"),
        (lambda path: (500, b'{"state": "OK"}'), "the endpoint answered 500"),
        (says("ok"), "the endpoint's state is none of OK, ALARM and UNKNOWN"),
        (says(None), "ValidationError"),
        (lambda path: (200, b"OK"), "DecodeError"),
        (lambda path: (200, b" " * 100_000), "the endpoint's answer is too long"),
    ],
)
def test_an_answer_without_a_state_is_unknown_and_said_once(clock, answer, problem):
    def pass_time():
        clock.wall_ms += 20_000

    with alarms_at(answer) as (url, _):
        states, entries = ask(AlarmEndpoint(url, clock), "a", "a", between=pass_time)
    assert states == ["UNKNOWN", "UNKNOWN"]
    assert [(entry["log_level"], entry["problem"]) for entry in entries] == [("warning", problem)]


def test_an_endpoint_that_is_silent_is_unknown(clock, monkeypatch):
    monkeypatch.setattr(endpoint, "PATIENCE_S", 0.05)
    over = threading.Event()

    def silent(path):
        over.wait(10)
        return 200, b'{"state": "OK"}'

    with alarms_at(silent) as (url, _):
        states, entries = ask(AlarmEndpoint(url, clock), "a")
        over.set()
    assert states == ["UNKNOWN"]
    assert entries[0]["problem"] == "no answer within 0.05 s"


def test_an_endpoint_that_is_gone_is_unknown_and_its_password_stays_secret(clock):
    states, entries = ask(AlarmEndpoint("http://user:hunter2@127.0.0.1:1/x", clock), "a")
    assert states == ["UNKNOWN"]
    assert "hunter2" not in str(entries)
    assert entries[0]["problem"] == "ConnectError"


def test_what_is_well_again_is_said_again_when_it_fails_again(clock):
    told = iter([(500, b""), (200, b'{"state": "OK"}'), (500, b"")])

    def pass_time():
        clock.wall_ms += 20_000

    with alarms_at(lambda path: next(told)) as (url, _):
        states, entries = ask(AlarmEndpoint(url, clock), "a", "a", "a", between=pass_time)
    assert (states, len(entries)) == (["UNKNOWN", "OK", "UNKNOWN"], 2)


def test_what_is_kept_has_a_limit(clock, monkeypatch):
    monkeypatch.setattr(endpoint, "MOST_NAMES", 3)
    with alarms_at(says("OK")) as (url, _):
        source = AlarmEndpoint(url, clock)
        ask(source, *"abcdefg")
    assert len(source._kept) <= 3
