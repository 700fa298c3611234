"""`/_stateward/commands/…`: what steps print, read as it comes and afterwards (D58)."""

import json
from contextlib import contextmanager

import httpx
import pytest
from raw_channels import channel_of

from command_calls import told_step
from key_holders import Holder, holder
from live_server import KEY_ID, SECRET, Refused
from stateward.access import store as access
from stateward.api import event_stream, output_events
from stateward.api.output_events import Cursor
from stateward.clock import monotonic_s
from stateward.wire.errors import AwsError
from waiting import until

TWO = {
    "schemaVersion": "2.2",
    "mainSteps": [
        {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": ["true"]}} for name in ("one", "two")
    ],
}


class Events:
    """Server-sent events as they come: `.next()` is (event, id, data)."""

    def __init__(self, response):
        self.response = response
        self._lines = response.iter_lines()

    def next(self):
        told = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if not line and "event" in told:
                return told["event"], told["id"], json.loads(told["data"])
            told[name] = value
        return None

    def rest(self):
        return list(iter(self.next, None))


@pytest.fixture
def reading(server):
    """Opens the events of a node: `with reading(command_id, node, after="…") as events`."""

    @contextmanager
    def read(command_id, node, after=None, **query):
        url = f"{server.url}/_stateward/commands/{command_id}/output/events"
        headers = {} if after is None else {"last-event-id": after}
        with httpx.stream(
            "GET", url, params={"node": node.node_id, **query}, auth=(KEY_ID, SECRET), headers=headers, timeout=30
        ) as answer:
            yield Events(answer)

    return read


@pytest.fixture
def node(nodes):
    return nodes.one(online=False)


@pytest.fixture
def sent(ssm, node, document):
    """A command of two steps on that node; its id."""
    return ssm.send_command(DocumentName=document("two", TWO), InstanceIds=[node.node_id])["Command"]["CommandId"]


@pytest.fixture
def channel(node, sent):
    """The node's channel, on which it has taken the command."""
    with channel_of(node, LiveOutput=1) as channel:
        assert channel.job()[0] == sent
        channel.acknowledge(sent)
        yield channel


def text_of(events):
    """What was printed, by (step, stream)."""
    found = {}
    for event, _, data in events:
        if event == "output":
            key = (data["step"], data["stream"])
            found[key] = found.get(key, "") + data["text"]
    return found


def report(channel, command_id, status="InProgress", **steps):
    """Reports of steps that have ended; `status` is the document's."""
    told = {name: told_step(standardOutput=output) for name, output in steps.items()}
    content = {
        "additionalInfo": {"runtimeStatusCounts": {"Success": 2}},
        "documentStatus": status,
        "runtimeStatus": told,
    }
    channel.stored(channel.report(command_id, content))


# Events


def test_a_reader_sees_output_while_the_step_runs_and_its_end(channel, node, sent, reading):
    with reading(sent, node) as events:
        channel.output(sent, b"a\n", step="one")
        assert events.next() == ("output", "0,0o2", {"step": "one", "stream": "stdout", "offset": 0, "text": "a\n"})
        channel.output(sent, b"b\n", offset=2, end=True, step="one")
        assert events.next()[2]["text"] == "b\n"
        report(channel, sent, one="a\nb\n")
        assert events.next() == ("step", "1", {"step": "one", "status": "Success", "code": 0})
        channel.output(sent, b"oops", end=True, step="two", stream="stderr")
        assert events.next()[1:] == ("1,1e4", {"step": "two", "stream": "stderr", "offset": 0, "text": "oops"})
        report(channel, sent, "Success", two="")
        assert [event[0] for event in events.rest()] == ["step", "end"]
    assert events.response.headers["content-type"] == "text/event-stream; charset=utf-8"


def test_a_reader_goes_on_where_it_was(channel, node, sent, reading):
    with reading(sent, node) as events:
        channel.output(sent, b"first ", step="one")
        _, place, _ = events.next()
    channel.output(sent, b"second", offset=6, end=True, step="one")
    channel.output_stored(12, end=True)
    report(channel, sent, one="first second")
    report(channel, sent, "Success", two="")
    with reading(sent, node, after=place) as events:
        assert [(event, data.get("text")) for event, _, data in events.rest()] == [
            ("output", "second"),
            ("step", None),
            ("step", None),
            ("end", None),
        ]


def test_a_finished_command_is_read_from_the_beginning(channel, node, sent, reading):
    for offset in range(0, 6 * 32_768, 32_768):
        channel.output(sent, b"x" * 32_768, offset=offset, step="one")
    channel.output(sent, b"", offset=6 * 32_768, end=True, step="one")
    channel.output_stored(6 * 32_768, end=True)
    report(channel, sent, one="x")
    report(channel, sent, "Success", two="")
    with reading(sent, node) as events:
        found = events.rest()
    assert text_of(found) == {("one", "stdout"): "x" * 6 * 32_768}
    assert found[-1][2] == {"status": "Success", "details": "Success"}


def test_what_is_left_out_is_said_to_a_reader(channel, node, sent, reading):
    channel.output(sent, b"begin", step="one")
    channel.output(sent, b"finish", offset=1_000_000, end=True, step="one")
    channel.output_stored(1_000_006, end=True)
    with reading(sent, node) as events:
        assert events.next()[2] == {"step": "one", "stream": "stdout", "offset": 0, "text": "begin"}
        _, place, last = events.next()
    expected = {"step": "one", "stream": "stdout", "offset": 1_000_000, "text": "finish", "left_out": 999_995}
    assert (place, last) == ("0,0o1000006", expected)


def test_a_character_that_has_not_come_whole_waits(channel, node, sent, reading):
    with reading(sent, node) as events:
        channel.output(sent, "größe".encode()[:3], step="one")
        assert events.next()[2]["text"] == "gr"
        channel.output(sent, "größe".encode()[3:], offset=3, end=True, step="one")
        assert events.next()[2]["text"] == "öße"


def test_output_that_is_no_text_comes_all_the_same(channel, node, sent, reading):
    channel.output(sent, b"\xff\xfe\x00ok\xc3", end=True, step="one")
    with reading(sent, node) as events:
        assert events.next()[2]["text"] == "\ufffd\ufffd\x00ok\ufffd"


def test_without_live_output_each_step_comes_with_its_report(node, sent, reading):
    """As with the official agent."""
    with channel_of(node) as channel, reading(sent, node) as events:
        channel.job()
        report(channel, sent, one="hello\n")
        assert events.next()[2] == {"step": "one", "stream": "stdout", "offset": 0, "text": "hello\n"}
        assert events.next()[:2] == ("step", "1")
        report(channel, sent, "Success", two="bye\n")
        assert text_of(events.rest()) == {("two", "stdout"): "bye\n"}


def test_a_report_does_not_overtake_live_output(channel, node, sent, reading):
    """What the report holds is only its beginning, with a mark where it was cut."""
    with reading(sent, node) as events:
        report(channel, sent, "Success", one="abc--output truncated--", two="")
        channel.output(sent, b"abcdef", end=True, step="one")
        assert text_of(events.rest()) == {("one", "stdout"): "abcdef"}


def test_nor_does_it_after_a_long_silence(channel, node, sent, reading, monkeypatch):
    """Patience begins with the report, not with the reader."""
    with reading(sent, node) as events:
        channel.output(sent, b"abc", step="one")
        events.next()
        monkeypatch.setattr(output_events, "monotonic_s", lambda: monotonic_s() + 1_000)
        report(channel, sent, one="abcdef--output truncated--")
        channel.output(sent, b"defghi", offset=3, end=True, step="one")
        assert text_of([events.next()]) == {("one", "stdout"): "defghi"}


def test_a_stream_that_never_ends_does_not_keep_its_reader(channel, node, sent, reading):
    """As when the agent is started anew: its report is what is left."""
    channel.output(sent, b"half", step="one")
    channel.output_stored(4)
    report(channel, sent, "Success", one="half of it", two="")
    with reading(sent, node) as events:
        assert text_of(events.rest()) == {("one", "stdout"): "half of it"}


def test_after_a_restart_the_report_waits_for_a_node_that_may_come_back(node, sent, server, reading):
    """The rest of the output is with the node, which goes on behind what the server has stored."""
    with channel_of(node, LiveOutput=1) as before:
        assert before.job()[0] == sent
        before.acknowledge(sent)
        before.output(sent, b"abc", step="one")
        before.output_stored(3)
        report(before, sent, "Success", one="abcdef--output truncated--", two="")
    gateway = server.thread_server.gateway
    gateway._seen.clear()  # as it stands in a server that has just begun
    gateway._began_s = monotonic_s()
    with reading(sent, node) as events:
        assert text_of([events.next()]) == {("one", "stdout"): "abc"}
        with channel_of(node, LiveOutput=1) as after:
            after.output(sent, b"defghi", offset=3, end=True, step="one")
            assert text_of(events.rest()) == {("one", "stdout"): "defghi"}


def test_one_step_can_be_followed_alone(channel, node, sent, reading):
    channel.output(sent, b"1", end=True, step="one")
    channel.output(sent, b"2", end=True, step="two")
    channel.output_stored(1, end=True)
    report(channel, sent, one="1")
    with reading(sent, node, step="one") as events:
        found = events.rest()
    assert text_of(found) == {("one", "stdout"): "1"}
    assert found[-1][2]["status"] == "InProgress"


def test_a_cancelled_command_ends_its_readers(node, sent, ssm, server, reading):
    ssm.cancel_command(CommandId=sent)
    server.settle()
    with reading(sent, node) as events:
        assert events.rest() == [("end", "2", {"status": "Cancelled", "details": "Cancelled", "ended_by": "cancelled"})]


def test_a_silent_command_is_said_to_be_there(node, sent, reading, monkeypatch):
    monkeypatch.setattr(output_events, "HEARTBEAT_S", 0.0)
    monkeypatch.setattr(output_events, "POLL_S", 0.01)
    with reading(sent, node) as events:
        assert next(line for line in events.response.iter_lines() if line.startswith(":")) == ": still there"


def test_a_hint_that_is_lost_costs_a_poll(server, channel, node, sent, reading, monkeypatch):
    monkeypatch.setattr(server.thread_server.output_news, "_wake", lambda watched: None)
    monkeypatch.setattr(output_events, "POLL_S", 0.01)
    with reading(sent, node) as events:
        channel.output(sent, b"a", step="one")
        assert events.next()[2]["text"] == "a"


def test_readers_that_have_gone_are_forgotten(server, channel, node, sent, reading):
    with reading(sent, node):
        until(lambda: server.thread_server.output_news._watchers)
    until(lambda: not server.thread_server.output_news._watchers)
    assert not server.thread_server.event_readers._tasks


def test_a_slow_reader_is_cut_off_and_not_its_node(server, channel, node, sent, reading, monkeypatch):
    monkeypatch.setattr(server.thread_server.event_readers, "_slow_s", 0.05)
    with reading(sent, node) as events:
        end = 0

        def cut_off():
            nonlocal end
            for _ in range(8):
                channel.output(sent, b"x" * 32_768, offset=end, step="one")
                end += 32_768
            channel.output_stored(end)
            return not server.thread_server.event_readers._tasks

        until(cut_off)
        with pytest.raises(httpx.HTTPError):
            events.rest()
    report(channel, sent, "Success", one="x", two="")


def test_an_ending_server_lets_its_readers_go(server, channel, node, sent, reading):
    with reading(sent, node) as events:
        channel.output(sent, b"a", step="one")
        events.next()
        server.stop()
        assert events.rest() == []


def test_who_has_lost_the_key_reads_no_more(server, channel, node, sent, monkeypatch):
    monkeypatch.setattr(event_stream, "CHECK_S", 0.01)
    chief = Holder(server)
    reader = holder(server, "reader")
    url = f"{server.url}/_stateward/commands/{sent}/output/events?node={node.node_id}"
    with httpx.stream("GET", url, auth=(reader.key_id, reader.secret), timeout=30) as answer:
        events = Events(answer)
        channel.output(sent, b"a", step="one")
        assert events.next()[2]["text"] == "a"
        chief.post(f"/keys/{reader.key_id}/revoke")
        assert events.rest() == []


def test_there_are_not_more_readers_than_the_server_can_hold(server, node, sent, reading, monkeypatch):
    monkeypatch.setattr(server.thread_server.event_readers, "_most", 1)
    with reading(sent, node), reading(sent, node) as second:
        until(lambda: server.thread_server.event_readers._tasks)
        assert second.response.status_code == 503


@pytest.mark.parametrize("text", ["", "0", "3", "0,0o5", "2,2e9,2o7,11o100"])
def test_a_cursor_is_read_as_it_was_written(text):
    assert Cursor.read(text).text() == (text or "0")


@pytest.mark.parametrize("text", ["x", "0,", "0,0x5", "-1", "0,0o99999999999999999", "0 OR 1", "\u0663"])
def test_no_other_cursor_is_taken(text):
    with pytest.raises(AwsError, match="Last-Event-ID"):
        Cursor.read(text)


# Listing and windows


def test_a_command_and_its_nodes_are_listed(server, channel, node, sent):
    assert server.http(f"/_stateward/commands/{sent}") == {
        "command": sent,
        "status": "InProgress",
        "closed": False,
        "targets": 1,
        "nodes": [{"node": node.node_id, "status": "InProgress"}],
        "next": None,
    }


def test_nodes_come_in_pages(server, ssm, nodes, document):
    three = nodes.add(3, online=False)
    sent = ssm.send_command(DocumentName=document("two", TWO), InstanceIds=[node.node_id for node in three])
    path = f"/_stateward/commands/{sent['Command']['CommandId']}"
    first = server.http(f"{path}?limit=2")
    second = server.http(f"{path}?limit=2&after={first['next']}")
    found = [one["node"] for page in (first, second) for one in page["nodes"]]
    assert (found, second["next"]) == ([node.node_id for node in three], None)


def test_streams_are_listed_with_their_lengths(server, channel, node, sent):
    channel.output(sent, b"begin", step="two")
    channel.output(sent, b"finish", offset=1_000, end=True, step="two")
    channel.output_stored(1_006, end=True)
    report(channel, sent, one="reported")
    told = server.http(f"/_stateward/commands/{sent}/streams?node={node.node_id}")
    assert told["steps"] == [{"step": "one", "status": "Success", "code": 0}]
    common = {"stream": "stdout", "ended": True}
    assert told["streams"] == [
        {"step": "one", "source": "report", "length": 8, "left_out": 0, "left_out_from": None, **common},
        {"step": "two", "source": "live", "length": 1_006, "left_out": 995, "left_out_from": 5, **common},
    ]


def test_a_window_is_text_whose_headers_say_where_it_lies(server, channel, node, sent):
    channel.output(sent, "größe".encode(), end=True, step="one")
    channel.output_stored(7, end=True)
    answer = server.text(f"/_stateward/commands/{sent}/output?node={node.node_id}&step=one&offset=2&limit=4")
    assert answer.content == "öß".encode()
    told = {name: answer.headers[f"x-stateward-{name}"] for name in ("offset", "next", "length", "left-out", "ended")}
    assert told == {"offset": "2", "next": "6", "length": "7", "left-out": "0", "ended": "false"}
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("x", 404, "Command x does not exist."),
        ("{sent}/output", 400, "node is missing"),
        ("{sent}/streams?node=mi-0", 404, "has no target mi-0"),
        ("{sent}/output?node={node}", 400, "the document has one, two"),
        ("{sent}/output?node={node}&step=x", 400, "the document has one, two"),
        ("{sent}/output?node={node}&step=one&stream=x", 400, "write stdout or stderr"),
        ("{sent}/output?node={node}&step=one&offset=-1", 400, "offset='-1'"),
        ("{sent}/output?node={node}&step=one&limit=65537", 400, "from 1 to 65536"),
        ("{sent}/output/events?node={node}&step=x", 400, "the document has one, two"),
    ],
)
def test_wrong_questions_are_told_what_would_be_right(server, node, sent, path, status, told):
    with pytest.raises(Refused) as refused:
        server.http("/_stateward/commands/" + path.format(sent=sent, node=node.node_id))
    assert refused.value.status == status
    assert told in json.loads(refused.value.body)["message"]


@pytest.mark.parametrize("path", ["", "/streams", "/output", "/output/events"])
def test_only_administrators_read_output(server, node, sent, path):
    url = f"{server.url}/_stateward/commands/{sent}{path}?node={node.node_id}"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, auth=(KEY_ID, "wrong")).status_code in (401, 403)


def test_another_account_sees_nothing(server, node, sent):
    sealed = server.thread_server.master.seal("access-key", SECRET.encode())

    async def add(tx):
        await access.put_access_key(tx, "AKIAOTHEROTHEROTHERO", "210987654321", "administrator", sealed, 0)

    server.writing(add)
    url = f"{server.url}/_stateward/commands/{sent}"
    assert httpx.get(url, auth=("AKIAOTHEROTHEROTHERO", SECRET)).status_code == 404
