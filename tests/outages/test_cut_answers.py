"""A client whose server is gone in the middle of an answer learns that; what came is no empty success to it."""

import asyncio
import json
import socket
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import HTTPClientError
from cutting_proxy import DOWN, Connection, CuttingProxy

from live_server import client_of

STEP = 7
FRAME = len("\r\n0\r\n\r\n")
"""What follows a body that comes in chunks."""


@pytest.fixture
def proxy(server, server_thread):
    port = int(server.url.rpartition(":")[2])

    def dial(factory):
        return asyncio.get_running_loop().create_connection(factory, "127.0.0.1", port)

    made = CuttingProxy(server_thread, dial)
    yield made
    made.close()


@pytest.fixture
def through(proxy):
    """Makes boto3 clients that reach the server through the proxy."""

    def through(attempts):
        return client_of(f"http://127.0.0.1:{proxy.port}", attempts=attempts)

    return through


@pytest.fixture
def nightly(ssm):
    targets = [{"Key": "tag:a", "Values": ["b"]}]
    ssm.create_association(Name="AWS-GatherSoftwareInventory", Targets=targets, AssociationName="nightly")


class Answer:
    """Where the body of ListAssociations' answer begins and ends, in bytes from its head's first."""

    def __init__(self, proxy, client):
        client.meta.events.register("before-parse.ssm.*", self._heard)
        client.list_associations()
        whole = proxy.carried(DOWN)
        self.end = whole - FRAME
        self.begin = self.end - len(self._body) - len(f"{len(self._body):x}\r\n")

    def _heard(self, response_dict, **_):
        self._body = response_dict["body"]


def test_an_answer_whose_body_breaks_off_anywhere_is_an_error(nightly, through, proxy):
    client = through(attempts=1)
    answer = Answer(proxy, client)
    # A kill falls between what was written at once: the head is one such piece.
    for count in range(answer.begin, answer.end, STEP):
        gone_by = proxy.at(DOWN, count, Connection.close)
        with pytest.raises(HTTPClientError):
            client.list_associations()
        assert gone_by.is_set(), f"nothing was cut at {count}"


def test_a_client_that_tries_again_has_the_whole_answer(nightly, through, proxy):
    client = through(attempts=3)
    answer = Answer(proxy, client)
    for count in range(answer.begin, answer.end, 50):
        gone_by = proxy.at(DOWN, count, Connection.close)
        (row,) = client.list_associations()["Associations"]
        assert row["AssociationName"] == "nightly"
        assert gone_by.is_set()


def test_a_client_that_knows_no_chunks_is_told_the_length(server):
    where = urlsplit(server.url)
    with socket.create_connection((where.hostname, where.port), 10) as connection:
        connection.sendall(b"POST / HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head.lower().split(b"\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert json.loads(body)["__type"] == "UnknownOperationException"
