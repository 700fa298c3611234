"""Live: topics with revisions as server-sent events, for those who watch (console 2)."""

import asyncio
import json
import threading

import pytest

import waiting
from association_calls import EVERY_NODE, create, executions, tag_node
from key_holders import Denied, Holder, holder
from live_server import ACCOUNT, KEY_ID, REGION
from stateward.access.principals import Scope
from stateward.clock import monotonic_s
from stateward.events import live as live_module
from stateward.events import live_routes
from stateward.events.live import Live, TooManyWatchers

HERE = Scope(ACCOUNT, REGION)


class Stream:
    """A reader of the stream in a thread of its own; what it was told, in order."""

    def __init__(self, who, *topics):
        self._answer = who.open("GET", "/live?" + "&".join(f"topic={topic}" for topic in topics), timeout=60)
        self.told = []
        self.times = []
        self.ended = False
        self.headers = self._answer.headers
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for line in self._answer:
                if line.startswith(b'data: {"topic'):
                    self.times.append(monotonic_s())
                    self.told.append(json.loads(line.removeprefix(b"data: ")))
        finally:
            self.ended = True

    def revisions(self, topic):
        return [one["revision"] for one in self.told if one["topic"] == topic]

    def close(self):
        self._answer.close()


@pytest.fixture
def watch(server):
    opened = []

    def begin(*topics, who=None):
        stream = Stream(who or Holder(server), *topics)
        opened.append(stream)
        waiting.until(lambda: len(stream.told) >= len(topics))
        return stream

    yield begin
    server.stop()  # which ends every stream


def test_the_revisions_of_now_come_first(watch):
    stream = watch("overview", "nodes")
    assert {one["topic"] for one in stream.told} == {"overview", "nodes"}
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["cache-control"] == "no-store"


def test_a_run_is_told_to_those_who_watch_it(server, ssm, fleet, document, watch):
    (node,) = fleet.add(1)
    association = create(ssm, document(), Targets=EVERY_NODE)["AssociationId"]
    server.settle()
    execution = executions(ssm, association)[0]["ExecutionId"]
    topics = ("overview", f"association/{association}", f"execution/{execution}", f"node/{node}")
    stream = watch(*topics, "nodes")
    server.clock(advance="10m")
    for topic in topics:
        waiting.until(lambda topic=topic: len(set(stream.revisions(topic))) > 1)
    assert len(stream.revisions("nodes")) == 1


def test_nodes_and_their_tags_are_told(server, ssm, fleet, watch):
    (node,) = fleet.add(1)
    stream = watch("nodes", f"node/{node}")
    tag_node(ssm, node, env="prod")
    for topic in ("nodes", f"node/{node}"):
        waiting.until(lambda topic=topic: len(stream.revisions(topic)) == 2)


def test_a_pause_is_told(server, ssm, document, watch):
    association = create(ssm, document())["AssociationId"]
    server.settle()
    stream = watch(f"association/{association}")
    Holder(server).post(f"/associations/{association}/pause")
    waiting.until(lambda: len(stream.told) == 2)


def test_a_topic_is_told_once_a_second_at_most(server, ssm, fleet, watch):
    (node,) = fleet.add(1)
    stream = watch("nodes")
    for number in range(40):
        tag_node(ssm, node, number=str(number))
    waiting.until(lambda: len(stream.told) >= 2)
    gaps = [later - earlier for earlier, later in zip(stream.times, stream.times[1:], strict=False)]
    assert min(gaps) > live_module.PAUSE_S * 0.9
    assert len(stream.told) < 40


def test_another_account_is_told_nothing(server, ssm, document, watch):
    other = watch("overview", who=holder(server, "administrator", account="210987654321"))
    mine = watch("overview")
    create(ssm, document())
    waiting.until(lambda: len(mine.told) >= 2)
    assert len(other.told) == 1


def test_a_revoked_key_s_streams_end(server, watch):
    reader = holder(server, "reader")
    stream, mine = watch("overview", who=reader), watch("overview")
    Holder(server).post(f"/keys/{reader.key_id}/revoke")
    waiting.until(lambda: stream.ended)
    assert not mine.ended


def test_the_end_of_the_server_ends_the_streams_at_once(server, watch):
    stream = watch("overview")
    begun_s = monotonic_s()
    server.stop()
    waiting.until(lambda: stream.ended)
    assert monotonic_s() - begun_s < 5


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "0 topics: ask for 1 to 50"),
        ("topic=weather", "topic 'weather': use overview, nodes, commands"),
        ("topic=association/1", "topic 'association/1'"),
        ("&".join(["topic=overview"] * 51), "51 topics"),
    ],
)
def test_a_strange_topic_is_refused(server, query, text):
    with pytest.raises(Denied) as caught:
        Holder(server).get(f"/live?{query}")
    assert (caught.value.status, text in caught.value.message) == (400, True)


# Inside the server


def test_a_topic_that_nobody_knows_any_more_has_another_revision():
    live = Live(1_000)
    live.bump([(HERE, "overview")])
    seen = live.revision(HERE, "overview")
    for number in range(live_module.TOPICS_KEPT):
        live.bump([(HERE, f"node/{number}")])
    assert live.revision(HERE, "overview") >= seen
    assert live.revision(HERE, "never-seen") == live.revision(HERE, "overview")


def test_too_many_watchers_are_not_let_in(monkeypatch):
    monkeypatch.setattr(live_module, "MOST_WATCHERS", 3)
    monkeypatch.setattr(live_module, "MOST_OF_A_KEY", 2)
    live = Live(0)
    first = live.watch(HERE, ["overview"], KEY_ID)
    live.watch(HERE, ["overview"], KEY_ID)
    with pytest.raises(TooManyWatchers, match="watches 2 times already"):
        live.watch(HERE, ["overview"], KEY_ID)
    live.watch(HERE, ["overview"], "another")
    with pytest.raises(TooManyWatchers, match="more than 3 watch already"):
        live.watch(HERE, ["overview"], "a-third")
    first.close()
    live.watch(HERE, ["overview"], "a-third")


def test_a_watcher_that_takes_nothing_is_cut_off(server_thread, monkeypatch):
    """The other end of the connection stands still: sending waits for ever."""
    monkeypatch.setattr(live_routes, "SEND_S", 0.05)
    live = Live(0)

    cut_off = []

    async def serve():
        stuck = asyncio.Event()

        async def receive():
            await stuck.wait()

        async def send(message):
            if message["type"] == "http.response.body":
                await stuck.wait()

        scope = {"type": "http", "path": "/_stateward/live", "cut_off": lambda: cut_off.append(True)}
        await live_routes.EventStream(live.watch(HERE, ["overview"], KEY_ID))(scope, receive, send)

    server_thread.run(serve())
    assert live._all == set()
    assert cut_off == [True], "what waits for it goes with its connection"


def test_streams_end_when_nobody_can_say_whether_their_keys_hold(server_thread, monkeypatch):
    monkeypatch.setattr(live_module, "KEYS_CHECKED_S", 0.01)

    async def unknown(keys):
        raise OSError("the disk is gone")

    async def watched():
        live = Live(0, unknown)
        live.start()
        told = [change async for change in live.watch(HERE, ["overview"], KEY_ID).changes()]
        await live.stop()
        return told

    assert len(server_thread.run(watched())) == 1


def test_a_quiet_stream_has_a_heartbeat(server_thread, monkeypatch):
    monkeypatch.setattr(live_module, "HEARTBEAT_S", 0.05)
    live = Live(0)

    async def first_two():
        changes = live.watch(HERE, ["overview"], KEY_ID).changes()
        return [await anext(changes), await anext(changes)]

    change, heartbeat = server_thread.run(first_two())
    assert (change.topic, heartbeat) == ("overview", None)
