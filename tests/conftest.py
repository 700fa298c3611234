"""What every test may ask for: a live server, a client for it, nodes that are scripted."""

import json
import shutil
from contextlib import ExitStack

import pytest

from counter_checker import check_counters
from live_server import LiveServer
from read_model_checker import check_read_models
from scripted_nodes import NodePark
from server_logs import keep_apart
from simulated_fleet import Fleet
from stateward.testing.background import LoopThread
from stateward.wire.model import ServiceModel


def pytest_terminal_summary(terminalreporter):
    """Say over what nodes have really lost their server in this run, and over what they could not."""
    reports = [report for found in terminalreporter.stats.values() for report in found if hasattr(report, "nodeid")]
    told = [value for one in reports for name, value in getattr(one, "user_properties", ()) if name == "outage"]
    missed = [one.longrepr[2] for one in reports if getattr(one, "skipped", False) and "tests/outages/" in one.nodeid]
    for text in dict.fromkeys(told + missed):
        terminalreporter.write_line(f"outages: {text}")


@pytest.fixture(scope="session", autouse=True)
def logs_apart():
    """What servers log is in no output that a test looks at."""
    keep_apart()


@pytest.fixture(scope="session")
def model():
    """The service model, parsed once."""
    return ServiceModel.load()


@pytest.fixture(scope="session")
def server_thread():
    thread = LoopThread("servers")
    yield thread
    thread.close()


@pytest.fixture(scope="session")
def node_thread():
    thread = LoopThread("nodes")
    yield thread
    thread.close()


@pytest.fixture(scope="session")
def begun(server_thread, model, tmp_path_factory):
    """The data of a server that has started once and done nothing; a copy is a server without the time for that.

    Its clock is the system's: a virtual one would be kept, and stand where this one stood.
    """
    folder = tmp_path_factory.mktemp("begun")
    LiveServer(server_thread, folder, model, clock="system").stop()
    return folder


OF_ITS_OWN = {"admin_access_key_id", "account_id", "region"}
"""Settings with which a server's first start is another."""


@pytest.fixture
def start_server(server_thread, model, tmp_path_factory, begun):
    """Starts servers with given settings; all are stopped after the test."""
    with ExitStack() as stack:

        def start(data_dir=None, **settings):
            if data_dir is None:
                data_dir = tmp_path_factory.mktemp("server")
                if not OF_ITS_OWN & settings.keys():
                    shutil.copytree(begun, data_dir, dirs_exist_ok=True)
            server = LiveServer(server_thread, data_dir, model, **settings)
            stack.callback(_end, server)
            return server

        yield start


def _end(server):
    """Every counter is what its rows say, whatever the test did."""
    try:
        if server.is_running:
            server.reading(check_counters)
            server.reading(check_read_models)
    finally:
        server.stop_later()


@pytest.fixture
def server(start_server):
    """A server with a virtual clock that checks signatures."""
    return start_server()


@pytest.fixture
def ssm(server):
    """A boto3 client of the server."""
    return server.client()


@pytest.fixture
def nodes(server, node_thread):
    """Makes scripted nodes of the server."""
    park = NodePark(node_thread, server)
    yield park
    park.close()


@pytest.fixture
def fleet(server):
    """The simulated nodes of the server, and the script of their answers."""
    return Fleet(server)


@pytest.fixture
def document(ssm):
    """Creates a Command document and answers its name."""

    def create(name="echo-twice", content=None, **members):
        members.setdefault("DocumentType", "Command")
        text = content if isinstance(content, str) else json.dumps(content or TWO_STEPS)
        ssm.create_document(Name=name, Content=text, **members)
        return name

    return create


TWO_STEPS = {
    "schemaVersion": "2.2",
    "description": "Two steps.",
    "parameters": {"greeting": {"type": "String", "default": "hello", "description": "What to say."}},
    "mainSteps": [
        {"action": "aws:runShellScript", "name": "first", "inputs": {"runCommand": ["echo {{ greeting }}"]}},
        {"action": "aws:runShellScript", "name": "second", "inputs": {"runCommand": ["echo done"]}},
    ],
}
