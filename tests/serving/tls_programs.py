"""`stateward serve` with TLS as a process, and what its clients need."""

import contextlib
import re
import socket
import ssl
import urllib.error
import urllib.request
from contextlib import contextmanager
from urllib.parse import urlsplit

import boto3
from botocore.config import Config as BotoConfig

from live_server import KEY_ID, REGION, SECRET
from programs import ADMIN, READY, started


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextmanager
def tls_server(folder, *arguments, **env):
    """A ready server; `.url` without TLS, `.tls_url` by the loopback address, `.ca` its CA's file."""
    port = free_port()
    listening = ("--port", "0", "--tls-port", str(port), "--data-dir", str(folder))
    with started("serve", *listening, *arguments, **ADMIN, **env) as server:
        server.url = server.line(READY + "http://").removeprefix(READY)
        server.bound = server.line(READY + "https://").removeprefix(READY)
        server.tls_url = f"https://127.0.0.1:{port}"
        server.tls_port = port
        server.ca = folder / "tls" / "ca.pem"
        yield server


def fetch(url, ca, **headers):
    """Status and text of a GET over TLS by a client that trusts this CA alone."""
    request = urllib.request.Request(url, headers=headers)
    context = ssl.create_default_context(cafile=ca)
    try:
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def certificate_of(url, name="localhost", ca=None):
    """The certificate that a server shows, after the handshake; checked under a name when there is a CA."""
    address = urlsplit(url)
    context = ssl.create_default_context(cafile=ca) if ca else ssl._create_unverified_context()
    with (
        socket.create_connection((address.hostname, address.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as sock,
    ):
        return sock.getpeercert(binary_form=True)


@contextmanager
def connections(url, count):
    """That many TCP connections that say nothing."""
    address = urlsplit(url)
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection((address.hostname, address.port), timeout=20))
            for _ in range(count)
        ]


def client_of(url, ca):
    return boto3.client(
        "ssm",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        verify=str(ca),
        config=BotoConfig(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60),
    )


def without_pid(text):
    return re.sub(r"\d{4}-\S+Z ", "", text)
