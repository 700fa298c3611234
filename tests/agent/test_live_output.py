"""Output on its way while steps still run (D58)."""

import asyncio
import os
from contextlib import asynccontextmanager

import pytest
from agent_bench import running_agent, steps_of
from agent_stub_server import CODE, NODE_ID, shell, stub_server
from hypothesis import given
from hypothesis import strategies as st

from stateward.agent import live_frames, live_output
from stateward.agent.live_frames import Output, OutputAck, Stored, StreamKey
from stateward.agent.live_output import LiveOutput
from stateward.agent.main import register
from stateward.agent.stream_spool import StreamSpool

LIMIT = 64 * 1024
KEY = StreamKey("aws.ssm.command-1.mi-1", "run", "stdout")


@given(st.lists(st.binary(max_size=60), max_size=30), st.integers(1, 40))
def test_a_spool_keeps_both_ends_of_any_stream(tmp_path_factory, pieces, limit):
    spool = StreamSpool(tmp_path_factory.mktemp("spool") / "x", limit)
    for piece in pieces:
        spool.add(piece)
    whole, offset, kept = b"".join(pieces), 0, {}
    assert spool.length == len(whole)
    while (offset := spool.next_kept(offset)) < spool.length:
        data = spool.read(offset, 7)
        kept |= {offset + n: byte for n, byte in enumerate(data)}
        offset += len(data)
    wanted = {n for n in range(len(whole)) if n < limit or n >= len(whole) - limit}
    assert {n: whole[n] for n in wanted} == kept
    spool.close()


@given(st.binary(max_size=100), st.integers(0, 2**50), st.booleans())
def test_a_piece_survives_its_frame(data, offset, end):
    piece = Output(KEY, offset, data, end)
    assert live_frames.decode_output(live_frames.encode_output(piece)) == piece


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"", "without a header"),
        (b"{" + b" " * 2000 + b"}\n", "without a header"),
        (b"{}\n", "cannot be read"),
        (b'{"key":{"jobId":"a","step":"b","stream":"other"},"offset":0}\n', "cannot be read"),
        (b'{"key":{"jobId":"a","step":"b","stream":"stdout"},"offset":-1}\n', "cannot be read"),
        (b'{"key":{"jobId":"a","step":"b","stream":"stdout"},"offset":0}\n' + bytes(32 * 1024 + 1), "32769 bytes"),
    ],
)
def test_frames_that_are_none_are_refused(payload, told):
    with pytest.raises(live_frames.MalformedOutput, match=told):
        live_frames.decode_output(payload)


def with_output(tmp_path, work, limit=LIMIT):
    async def whole():
        live = LiveOutput(tmp_path / "output")
        live.connected(limit)
        return await work(live)

    return asyncio.run(whole())


async def pieces(live):
    """Everything that can be sent now."""
    found = []
    while True:
        try:
            async with asyncio.timeout(0.01):
                found.append(await live.next())
        except TimeoutError:
            return found


def test_nothing_is_sent_without_credit(tmp_path):
    async def work(live):
        step = live.step(KEY.jobId, KEY.step)
        step.add("stdout", b"x" * 50_000)
        before = await pieces(live)
        live.take_ack(OutputAck(credit=40_000))
        return before, [len(piece.data) for piece in await pieces(live)]

    assert with_output(tmp_path, work) == ([], [32 * 1024, 40_000 - 32 * 1024])


def test_what_was_not_stored_is_sent_again_on_the_next_connection(tmp_path):
    async def work(live):
        step = live.step(KEY.jobId, KEY.step)
        step.add("stdout", b"0123456789")
        live.take_ack(OutputAck(credit=LIMIT))
        first = await pieces(live)
        live.take_ack(OutputAck(stored=[Stored(KEY, 4)]))
        live.connected(LIMIT)
        live.take_ack(OutputAck(credit=LIMIT))
        step.finish()
        return first, await pieces(live)

    first, second = with_output(tmp_path, work)
    assert first == [Output(KEY, 0, b"0123456789")]
    assert second == [Output(KEY, 4, b"456789", True)]


def test_a_stream_is_forgotten_when_its_end_is_stored(tmp_path):
    async def work(live):
        step = live.step(KEY.jobId, KEY.step)
        step.add("stdout", b"x")
        step.finish()
        live.take_ack(OutputAck(credit=10))
        await pieces(live)
        assert len(list((tmp_path / "output").iterdir())) == 1
        live.take_ack(OutputAck(stored=[Stored(KEY, 1, True)]))
        return list((tmp_path / "output").iterdir())

    assert with_output(tmp_path, work) == []


def test_streams_take_turns(tmp_path):
    async def work(live):
        for step in ("one", "two"):
            live.step(KEY.jobId, step).add("stdout", bytes(60_000))
        live.take_ack(OutputAck(credit=10**6))
        return [piece.key.step for piece in await pieces(live)]

    assert with_output(tmp_path, work) == ["one", "two", "one", "two"]


def test_a_stream_without_end_costs_twice_the_limit(tmp_path):
    async def work(live):
        step = live.step(KEY.jobId, KEY.step)
        for number in range(1_000):
            step.add("stdout", bytes([number % 256]) * 10_000)
        step.finish()
        live.take_ack(OutputAck(credit=10**8))
        return await pieces(live), [path.stat().st_size for path in (tmp_path / "output").iterdir()]

    found, sizes = with_output(tmp_path, work)
    assert sizes == [2 * LIMIT]
    assert sum(len(piece.data) for piece in found) == 2 * LIMIT
    assert found[-1].offset + len(found[-1].data) == 10_000_000
    assert found[-1].end


def test_the_spool_has_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(live_output, "MOST_SPOOLED", 4 * LIMIT)

    async def work(live):
        for number in range(3):
            live.step(KEY.jobId, f"step-{number}").add("stdout", b"x")
        live.take_ack(OutputAck(credit=100))
        return [piece.key.step for piece in await pieces(live)]

    assert with_output(tmp_path, work) == ["step-0", "step-1"]


def test_a_server_that_offers_nothing_is_sent_nothing(tmp_path):
    async def work(live):
        live.step(KEY.jobId, KEY.step).add("stdout", b"x")
        live.take_ack(OutputAck(credit=100))
        return await pieces(live), list((tmp_path / "output").iterdir())

    assert with_output(tmp_path, work, limit=0) == ([], [])


# With a server


@asynccontextmanager
async def offering(state_dir, limit):
    async with asyncio.timeout(60), stub_server() as server:
        server.live_output = limit
        await register(state_dir, server.url, "a" * 36, CODE)
        async with running_agent(state_dir):
            yield server, await server.opened.get()


async def ack(server, **members):
    await server.send("stateward_output_ack", live_frames.encode_ack(OutputAck(**members)))


def test_output_comes_while_the_step_runs(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    async def work():
        async with offering(tmp_path / "state", 512 * 1024) as (server, opening):
            await ack(server, credit=live_frames.CREDIT)
            command_id = await server.send_job(shell(f"echo first; echo bad >&2; cat {fifo}; echo last"))
            found = {}
            while len(found) < 2:
                piece = await server.output.get()
                found[piece.key.stream] = piece
            await asyncio.to_thread(fifo.write_text, "middle\n")
            replies = await server.replies(command_id)
            return command_id, opening, found, replies

    command_id, opening, found, replies = asyncio.run(work())
    assert opening["LiveOutput"] == 1
    key = StreamKey(f"aws.ssm.{command_id}.{NODE_ID}", "run", "stdout")
    assert found["stdout"] == Output(key, 0, b"first\n")
    assert found["stderr"].data == b"bad\n"
    assert steps_of(replies)["run"]["standardOutput"] == "first\nmiddle\nlast\n"


def test_a_reboot_that_is_refused_ends_its_streams(tmp_path):
    async def work():
        async with offering(tmp_path / "state", 64 * 1024) as (server, _):
            await ack(server, credit=10**6)
            await server.replies(await server.send_job(shell("echo please; exit 194")))
            piece = await server.output.get()
            while not piece.end:
                piece = await server.output.get()
            return piece.offset + len(piece.data)

    assert asyncio.run(work()) == len("please\n")


def test_a_step_never_waits_for_credit(tmp_path):
    async def work():
        async with offering(tmp_path / "state", 64 * 1024) as (server, _):
            command_id = await server.send_job(shell("head -c 20000000 /dev/zero"))
            replies = await server.replies(command_id)
            assert server.output.empty()
            await ack(server, credit=10**6)
            sizes, end = 0, False
            while not end:
                piece = await server.output.get()
                sizes, end = sizes + len(piece.data), piece.end
            return replies[-1]["documentStatus"], sizes, piece.offset + len(piece.data)

    assert asyncio.run(work()) == ("Success", 2 * 64 * 1024, 20_000_000)


def test_an_older_server_sees_nothing(tmp_path):
    async def work():
        async with offering(tmp_path / "state", 0) as (server, opening):
            await server.replies(await server.send_job(shell("echo hello")))
            return opening, server.output.empty()

    opening, silent = asyncio.run(work())
    assert "LiveOutput" not in opening
    assert silent
