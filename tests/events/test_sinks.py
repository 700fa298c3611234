"""The sinks themselves: files, pipes, and what a webhook may do to us."""

import asyncio
import json
import os
import socket
import stat
import threading
from contextlib import suppress

import pytest
from outbox_kit import TurnedClock
from webhook_receiver import WebhookReceiver

from stateward.events import sinks
from stateward.events.sinks import LinesFile, SinkFailed, StandardOutput, Webhook
from stateward.events.store import EventRow

KEY = bytes(32)


def events(*numbers):
    return [
        EventRow(number, "123456789012", "us-east-1", "association", f"id-{number}", 0, 0, json.dumps({"n": number}))
        for number in numbers
    ]


def numbers_in(path):
    return [json.loads(line)["n"] for line in path.read_text().splitlines()]


def take(sink, *numbers):
    async def taking():
        try:
            await sink.take(events(*numbers))
        finally:
            await sink.close()

    asyncio.run(taking())


def refused(sink):
    with pytest.raises(SinkFailed) as caught:
        take(sink, 1)
    return str(caught.value)


def test_a_file_gets_a_line_an_event(tmp_path):
    path = tmp_path / "events.jsonl"
    take(LinesFile(path), 1, 2)
    take(LinesFile(path), 3)
    assert numbers_in(path) == [1, 2, 3]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_was_moved_away_is_made_again(tmp_path):
    path = tmp_path / "events.jsonl"
    sink = LinesFile(path)
    take(sink, 1)
    path.rename(tmp_path / "events.jsonl.1")
    take(sink, 2)
    assert numbers_in(path) == [2]


def test_a_torn_line_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"n": 1}\n{"n": 2')
    take(LinesFile(path), 2, 3)
    assert path.read_text().splitlines() == ['{"n": 1}', '{"n": 2', '{"n": 2}', '{"n": 3}']


def test_a_file_that_cannot_be_written_is_a_failure(tmp_path):
    assert refused(LinesFile(tmp_path / "no" / "events")) == "not written (No such file or directory)"
    assert refused(LinesFile(tmp_path)) == "not written (Is a directory)"


def test_standard_output_gets_lines():
    reading, writing = os.pipe()
    try:
        take(StandardOutput(writing), 1, 2)
        assert os.read(reading, 1000) == b'{"n": 1}\n{"n": 2}\n'
    finally:
        os.close(reading)
        os.close(writing)


def test_a_closed_output_is_a_failure():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert refused(StandardOutput(writing)) == "not written (Broken pipe)"
    finally:
        os.close(writing)


def test_a_pipe_that_nobody_reads_stops_nothing_else():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)

    async def scenario():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(StandardOutput(writing).take(events(1)), 0.05)

    asyncio.run(scenario())  # ends, though the thread is stuck
    (stuck,) = [thread for thread in threading.enumerate() if thread.name == "event sink"]
    assert stuck.daemon
    os.close(reading)
    stuck.join(10)
    os.close(writing)


@pytest.mark.parametrize("status", [199 + 101, 400, 410, 500, 503])
def test_any_answer_but_2xx_is_a_failure(status):
    with WebhookReceiver(status) as receiver:
        assert refused(Webhook(receiver.url, KEY, TurnedClock())) == f"answered with HTTP status {status}"


def test_a_receiver_that_is_not_there_is_a_failure():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    reason = refused(Webhook(f"http://127.0.0.1:{port}/?token=very-secret", KEY, TurnedClock()))
    assert reason == "not reached (ConnectError)"


def test_a_receiver_that_never_answers_is_left(monkeypatch):
    monkeypatch.setattr(sinks, "WEBHOOK_S", 0.05)
    with WebhookReceiver(hangs=True) as receiver:
        assert refused(Webhook(receiver.url, KEY, TurnedClock())).startswith("not reached (")


def test_an_endless_answer_is_cut_off():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_answer_for_ever, args=(listening,), daemon=True).start()
        take(Webhook(f"http://127.0.0.1:{listening.getsockname()[1]}", KEY, TurnedClock()), 1)


def test_the_name_of_a_webhook_hides_its_secrets():
    one = Webhook("https://user:password@example.com:8443/T0/B0/secret?token=x", KEY, TurnedClock())
    other = Webhook("https://example.com:8443/other", KEY, TurnedClock())
    assert one.name.startswith("webhook:example.com:8443#")
    assert len(one.name) == len("webhook:example.com:8443#") + 8
    assert one.name != other.name


def _answer_for_ever(listening):
    connection, _ = listening.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        try:
            while True:
                connection.sendall(b"x" * 65536)
        except OSError:
            return
