"""Live output of hostile, slow and lossy nodes, frame by frame (D58, docs/design/live-output.md)."""

import asyncio

import pytest
from raw_channels import channel_of, end

from scripted_nodes import NodePark
from stateward.agent.live_frames import CREDIT, MOST_DATA, OUTPUT
from stateward.commands.output_window import ROW_BYTES
from stateward.gateway import output_lanes
from stateward.gateway.channels import MOST_NONSENSE

LIMIT = 32 * 1024


@pytest.fixture
def server(start_server):
    return start_server(output_limit=LIMIT)


@pytest.fixture
def live(node):
    """Opens a channel that takes the offer."""
    return lambda: channel_of(node, LiveOutput=1)


@pytest.fixture
def window(server, node):
    """What is kept of a stream from an offset on: (offset, length, left out, text)."""

    def look(command_id, offset=0, step="only", stream="stdout", of=None):
        query = f"node={(of or node).node_id}&step={step}&stream={stream}&offset={offset}"
        answer = server.text(f"/_stateward/commands/{command_id}/output?{query}")
        told = {name: int(answer.headers[f"x-stateward-{name}"]) for name in ("offset", "length", "left-out")}
        return told["offset"], told["length"], told["left-out"], answer.text

    return look


def bytes_stored(server):
    async def read(tx):
        return await tx.value("SELECT COALESCE(SUM(size), 0) FROM output_rows")

    return server.reading(read)


# Agreeing


def test_the_server_offers_and_grants_credit(live):
    with live() as channel:
        assert channel.output_ack() == (CREDIT, [])


def test_a_node_that_does_not_take_the_offer_never_hears_of_it(node):
    with channel_of(node) as channel:
        assert channel.barrier() == []
        assert channel._waiting == []


@pytest.mark.parametrize("limit", [LIMIT, 0])
def test_the_offer_says_how_much_is_kept_and_there_may_be_none(start_server, node_thread, limit):
    park = NodePark(node_thread, start_server(output_limit=limit))
    node = park.one(online=False)

    async def opened():
        return await node._client.create_control_channel(await node._keys())

    assert node.call(opened()).live_output == limit
    park.close()


def test_output_without_the_offer_taken_is_not_stored(server, node, send):
    with channel_of(node) as channel:
        command_id = send(node)
        channel.job()
        for _ in range(MOST_NONSENSE):
            channel.output(command_id, b"x")
        assert channel.closed() == 1008
    assert bytes_stored(server) == 0


def test_many_channels_share_what_may_be_on_the_way(server):
    lanes = server.thread_server.gateway.output
    granted = [lanes.open(channels, lambda: None).take_ack().credit for channels in (1, 500, 1_000, 10**6)]
    assert granted == [CREDIT, CREDIT, output_lanes.POOL_BYTES // 1_000, MOST_DATA]


# Storing


def test_output_is_seen_before_its_step_ends(live, node, send, invocation, window):
    with live() as channel:
        command_id = send(node)
        channel.job()
        channel.acknowledge(command_id)
        channel.output(command_id, b"one\n")
        channel.output_stored(4)
        assert window(command_id) == (0, 4, 0, "one\n")
        assert invocation(command_id)[0] == "InProgress"
        channel.output(command_id, b"two\n", offset=4, end=True)
        channel.output_stored(8, end=True)
        assert window(command_id, offset=4) == (4, 8, 0, "two\n")


def test_the_credit_comes_back_as_output_is_stored(live, node, send):
    with live() as channel:
        command_id = send(node)
        channel.job()
        assert channel.output_ack()[0] == CREDIT
        for offset in range(0, CREDIT, MOST_DATA):
            channel.output(command_id, bytes(MOST_DATA), offset=offset)
        assert channel.output_stored(CREDIT) == CREDIT


def test_the_first_and_the_last_bytes_are_kept_and_the_rest_is_said_to_be_missing(server, live, node, send, window):
    with live() as channel:
        command_id = send(node)
        channel.job()
        letters = "abcdefgh"
        for number, letter in enumerate(letters):
            channel.output(command_id, letter.encode() * MOST_DATA, offset=number * MOST_DATA)
        channel.output_stored(8 * MOST_DATA)
        assert window(command_id) == (0, 8 * MOST_DATA, 0, "a" * LIMIT)
        behind = (7 * MOST_DATA, 8 * MOST_DATA, 6 * MOST_DATA, "h" * LIMIT)
        assert window(command_id, offset=LIMIT) == behind
    assert bytes_stored(server) <= 2 * LIMIT + ROW_BYTES


def test_a_gap_of_the_node_is_said_to_be_missing_too(live, node, send, window):
    with live() as channel:
        command_id = send(node)
        channel.job()
        channel.output(command_id, b"begin")
        channel.output(command_id, b"finish", offset=10**12, end=True)
        channel.output_stored(10**12 + 6, end=True)
        assert window(command_id) == (0, 10**12 + 6, 0, "begin")
        assert window(command_id, offset=5) == (10**12, 10**12 + 6, 10**12 - 5, "finish")


def test_what_comes_twice_is_stored_once(live, node, send, window):
    with live() as channel:
        command_id = send(node)
        channel.job()
        channel.output(command_id, b"abcdef")
        channel.output_stored(6)
    with live() as channel:
        channel.output(command_id, b"cdefgh", offset=2)
        channel.output(command_id, b"ab", offset=0, end=True)
        channel.output_stored(8, end=True)
        assert window(command_id)[3] == "abcdefgh"


def test_the_streams_of_a_step_are_apart(live, node, send, window):
    with live() as channel:
        command_id = send(node)
        channel.job()
        channel.output(command_id, b"out", stream="stdout")
        channel.output(command_id, b"error", stream="stderr")
        channel.output_stored(5)
        assert window(command_id)[3] == "out"
        assert window(command_id, stream="stderr")[3] == "error"


def test_output_may_come_after_the_command_has_ended(live, node, send, invocation, window):
    """Reports go beside it and can overtake it."""
    with live() as channel:
        command_id = send(node)
        channel.job()
        channel.finish(command_id, only={"status": "Success", "standardOutput": "whole\n"})
        assert window(command_id) == (0, 6, 0, "whole\n"), "until then the report is what is shown"
        channel.output(command_id, b"whole\nand more", end=True)
        channel.output_stored(14, end=True)
        assert window(command_id) == (0, 14, 0, "whole\nand more")


def test_what_a_report_has_beyond_a_stream_that_was_cut_off_is_shown(live, node, send, window):
    with live() as channel:
        command_id = send(node)
        channel.job()
        channel.output(command_id, b"first\n")
        channel.output_stored(6)
        channel.finish(command_id, only={"status": "Success", "standardOutput": "first\nsecond\n"})
        assert window(command_id)[3] == "first\nsecond\n"


# Hostile nodes


def test_a_node_that_sends_more_than_its_credit_is_cut_off(server, live, node, send, monkeypatch):
    monkeypatch.setattr(output_lanes, "CREDIT", 2 * MOST_DATA)
    with live() as channel:
        command_id = send(node)
        channel.job()
        for offset in range(0, 100 * MOST_DATA, MOST_DATA):
            try:
                channel.output(command_id, bytes(MOST_DATA), offset=offset)
            except Exception:
                break
        assert channel.closed() == 1008
    assert bytes_stored(server) <= 2 * LIMIT + ROW_BYTES


def test_a_command_of_another_node_is_refused(server, live, node, nodes, send, window):
    other = nodes.one(online=False)
    with live() as channel, channel_of(other, LiveOutput=1) as owner:
        command_id = send(other)
        owner.job()
        channel.output(command_id, b"forged", node_id=other.node_id)
        channel.output(command_id, b"forged")
        assert channel.output_stored(6, end=True), "answered so that a node that is only late sends no more"
        assert bytes_stored(server) == 0
        owner.output(command_id, b"true")
        owner.output_stored(4)
        assert window(command_id, of=other)[3] == "true"


def test_a_step_that_the_document_does_not_have_is_not_stored(server, live, node, send):
    with live() as channel:
        command_id = send(node)
        channel.job()
        channel.output(command_id, b"x", step="other")
        assert channel.output_stored(1, end=True)
    assert bytes_stored(server) == 0


def test_a_command_that_still_waits_has_no_output(server, live, node, nodes, send):
    other = nodes.one(online=False)
    with live() as channel, channel_of(other, LiveOutput=1) as waiting:
        command_id = send(node, other, MaxConcurrency="1")
        begun, behind = (
            (channel, waiting)
            if server.reading(lambda tx: _first(tx, command_id)) == node.node_id
            else (
                waiting,
                channel,
            )
        )
        begun.job()
        behind.output(command_id, b"forged")
        assert behind.output_stored(6, end=True)
    assert bytes_stored(server) == 0


def test_offsets_without_end_do_no_harm(server, live, node, send, window):
    with live() as channel:
        command_id = send(node)
        channel.job()
        channel.output(command_id, b"x", offset=2**53)
        channel.output(command_id, b"y", offset=0)
        channel.output(command_id, b"z", offset=2**53)
        channel.output(command_id, b"", offset=2**53 - 1, end=True)
        channel.output(command_id, b"more", offset=2**53)
        channel.output_stored(2**53, end=True)
        assert window(command_id) == (2**53, 2**53 + 1, 2**53, "x")
    assert bytes_stored(server) == 1


def test_frames_that_cannot_be_read_close_the_channel_in_the_end(live):
    with live() as channel:
        for _ in range(MOST_NONSENSE):
            channel.send(OUTPUT, b"{}\n")
        assert channel.closed() == 1008


def test_a_flood_of_empty_pieces_waits_and_reports_still_come(live, node, send):
    """They cost no credit, so their number is what is bounded."""
    with live() as channel:
        command_id = send(node)
        channel.job()
        for number in range(2 * output_lanes.MOST_WAITING):
            channel.output(command_id, b"", offset=number)
        channel.stored(channel.report(command_id, end(only="Success")))


# Fairness


def test_one_noisy_node_does_not_hold_up_another(server, live, node, nodes, send, monkeypatch):
    """The other's piece is in the next transaction, behind one piece at most of the noisy node's lane."""
    other = nodes.one(online=False)
    batches = []
    lanes = server.thread_server.gateway.output
    original = lanes._store

    async def watched(arrived):
        batches.append([one.key.resource_id for one in arrived])
        return await original(arrived)

    monkeypatch.setattr(lanes, "_store", watched)
    with live() as noisy, channel_of(other, LiveOutput=1) as quiet:
        first, second = send(node), send(other)
        noisy.job()
        quiet.job()
        for offset in range(0, CREDIT, 1024):
            noisy.output(first, bytes(1024), offset=offset)
        quiet.output(second, b"hello", end=True)
        quiet.output_stored(5, end=True)
        noisy.output_stored(CREDIT)
    (mixed,) = [batch for batch in batches if other.node_id in batch]
    assert mixed.index(other.node_id) <= 1


def test_a_reply_does_not_wait_for_the_output_before_it(server, live, node, send, monkeypatch):
    async def never(arrived):
        await asyncio.Event().wait()

    monkeypatch.setattr(server.thread_server.gateway.output, "_store", never)
    with live() as channel:
        command_id = send(node)
        channel.job()
        for offset in range(0, CREDIT, MOST_DATA):
            channel.output(command_id, bytes(MOST_DATA), offset=offset)
        channel.finish(command_id, only="Success")


# Forgetting


def test_output_goes_with_its_command(server, live, node, send):
    with live() as channel:
        command_id = send(node)
        channel.job()
        for offset in range(0, CREDIT, MOST_DATA):
            channel.output(command_id, bytes(MOST_DATA), offset=offset)
        channel.output_stored(CREDIT)
        channel.finish(command_id, only="Success")
    server.clock(advance="29d")
    assert bytes_stored(server) > 0
    server.clock(advance="2d")
    assert bytes_stored(server) == 0
    assert server.reading(streams) == 0


@pytest.mark.parametrize("ended", [True, False], ids=["of ended commands", "not of running ones"])
def test_output_may_go_earlier_than_its_command(start_server, server, live, node, send, change, ended):
    with live() as channel:
        command_id = send(node)
        channel.job()
        channel.acknowledge(command_id)
        channel.output(command_id, bytes(100))
        channel.output_stored(100)
        if ended:
            channel.finish(command_id, only="Success")
        channel.barrier()
    change(command_id, "expires_ms = NULL")
    server.stop()
    again = start_server(data_dir=server.config.data_dir, output_limit=LIMIT, output_retention_days=2)
    again.clock(advance="3d", wait_for_nodes="0s")
    assert bytes_stored(again) == (0 if ended else 100)


async def streams(tx):
    return await tx.value("SELECT COUNT(*) FROM output_streams")


async def _first(tx, command_id):
    return await tx.value("SELECT resource_id FROM invocations WHERE command_id = $1 ORDER BY position", command_id)
