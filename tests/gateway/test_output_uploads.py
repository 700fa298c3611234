"""What is uploaded is what was kept of live output, not the beginning that the report has (D39, D58)."""

import pytest
from raw_channels import channel_of

from command_calls import told_step
from stateward.agent.live_frames import MOST_DATA

LIMIT = 32 * 1024


@pytest.fixture
def server(start_server):
    return start_server(output_limit=LIMIT)


@pytest.fixture
def uploaded(server, monkeypatch):
    """What the server has put into the bucket: the bodies by the end of their keys, one list a key."""
    bodies = {}

    def put(bucket, region, file):
        bodies.setdefault(file.key.rpartition("/")[2], []).append(file.body)

    monkeypatch.setattr(server.thread_server.uploads, "_put", put)
    return bodies


def test_both_ends_are_uploaded_with_a_line_for_what_is_left_out(server, node, send, uploaded):
    with channel_of(node, LiveOutput=1) as channel:
        command_id = send(node, OutputS3BucketName="a-bucket")
        channel.job()
        for number, letter in enumerate(b"abcd"):
            channel.output(command_id, bytes([letter]) * MOST_DATA, offset=number * MOST_DATA, end=letter == ord("d"))
        channel.output(command_id, b"\xff no text", stream="stderr", end=True)
        channel.output_stored(4 * MOST_DATA, end=True)
        channel.finish(command_id, only=told_step(standardOutput="a" * 24_000))
    server.settle()
    middle = f"\n---{2 * MOST_DATA} bytes are left out here---\n".encode()
    assert uploaded == {"stdout": [b"a" * LIMIT + middle + b"d" * LIMIT], "stderr": [b"\xff no text"]}


def test_output_that_comes_behind_its_report_is_uploaded_behind_it(server, node, send, uploaded):
    with channel_of(node, LiveOutput=1) as channel:
        command_id = send(node, OutputS3BucketName="a-bucket")
        channel.job()
        channel.finish(command_id, only=told_step(standardOutput="a" * 24_000))
        server.settle()
        channel.output(command_id, b"a" * 30_000, end=True)
        channel.output_stored(30_000, end=True)
    server.settle()
    assert uploaded == {"stdout": [b"a" * 24_000, b"a" * 30_000]}


def test_a_report_that_has_it_all_is_uploaded_once(server, node, send, uploaded):
    with channel_of(node, LiveOutput=1) as channel:
        command_id = send(node, OutputS3BucketName="a-bucket")
        channel.job()
        channel.finish(command_id, only=told_step(standardOutput="all of it"))
        server.settle()
        channel.output(command_id, b"all of it", end=True)
        channel.output_stored(9, end=True)
    server.settle()
    assert uploaded == {"stdout": [b"all of it"]}
