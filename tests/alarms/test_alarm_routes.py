"""`/_stateward/alarms` and the options that say where alarms come from (D37)."""

import json
import urllib.error
import urllib.request

import pytest

from live_server import Refused
from stateward.config import Config, ConfigurationError

PATH = "/_stateward/alarms"


def post(server, body):
    return server.http(PATH, body if isinstance(body, bytes) else json.dumps(body).encode())


def state(server, name):
    return server._thread.run(server.thread_server.alarms.state(name))


def test_alarms_are_set_and_listed(server):
    assert server.http(PATH) == {}
    assert state(server, "disk-full") == "OK"
    assert post(server, {"disk-full": "ALARM", "b": "OK"}) == {"b": "OK", "disk-full": "ALARM"}
    assert post(server, {"b": "UNKNOWN"}) == {"b": "UNKNOWN", "disk-full": "ALARM"}
    assert server.http(PATH) == {"b": "UNKNOWN", "disk-full": "ALARM"}
    assert [state(server, name) for name in ("disk-full", "b", "c")] == ["ALARM", "UNKNOWN", "UNKNOWN"]


def test_null_takes_an_alarm_away(server):
    post(server, {"a": "ALARM"})
    assert post(server, {"a": None}) == {}
    assert state(server, "a") == "OK"


def test_what_is_set_goes_before_the_file(start_server, tmp_path):
    path = tmp_path / "alarms.json"
    path.write_text('{"a": "ALARM", "b": "ALARM"}')
    server = start_server(alarms=path)
    assert state(server, "a") == "ALARM"
    post(server, {"a": "OK"})
    assert [state(server, name) for name in "abc"] == ["OK", "ALARM", "UNKNOWN"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"a": "ok"}, "Invalid enum value"),
        ({"a": 1}, "write {"),
        (["a"], "write {"),
        (b"{", "write {"),
        ({" ": "OK"}, "1 to 255 characters and is not blank"),
        ({"a" * 256: "OK"}, "1 to 255 characters"),
        ({str(n): "OK" for n in range(1001)}, "at most 1000 alarms"),
    ],
)
def test_bad_states_are_refused_and_change_nothing(server, body, words):
    post(server, {"a": "ALARM"})
    with pytest.raises(Refused) as caught:
        post(server, body)
    assert caught.value.status == 400
    assert words in caught.value.body
    assert server.http(PATH) == {"a": "ALARM"}


def test_setting_alarms_needs_a_key(server):
    request = urllib.request.Request(server.url + PATH, b'{"a": "OK"}', {"content-type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert json.load(caught.value)["error"] == "MissingAuthenticationTokenException"


def test_there_is_nothing_to_set_beside_the_systems_clock(start_server):
    server = start_server(clock="system")
    with pytest.raises(Refused) as caught:
        server.http(PATH)
    assert caught.value.status == 404
    assert state(server, "a") == "OK"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"alarms": "f", "alarm_url": "http://a"}, "from one of them, not from both"),
        ({"alarm_url": "alarms.example/x"}, "--alarm-url: not an address"),
        ({"alarm_url": "ftp://u:hunter2@a/x"}, "--alarm-url: not an address"),
        ({"alarm_url": "http://"}, "--alarm-url: not an address"),
        ({"alarm_url": "http://a/x?y=z"}, "--alarm-url: not an address"),
        ({"alarm_url": "http://[a/x"}, "--alarm-url: not an address"),
    ],
)
def test_a_source_that_cannot_be_is_refused_at_the_start(tmp_path, settings, words):
    with pytest.raises(ConfigurationError) as caught:
        Config(data_dir=tmp_path, **settings)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_address_is_in_no_listing(tmp_path):
    assert "hunter2" not in repr(Config(data_dir=tmp_path, alarm_url="http://u:hunter2@a/x"))
