"""One server for the tests of a module; each test works in a Region of its own."""

import itertools

import pytest

from live_server import ACCOUNT, LiveServer
from stateward.access.principals import Scope

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def server(server_thread, model, tmp_path_factory):
    server = LiveServer(server_thread, tmp_path_factory.mktemp("parameters"), model)
    yield server
    server.stop()


@pytest.fixture
def scope():
    return Scope(ACCOUNT, f"eu-test-{next(NUMBERS)}")


@pytest.fixture
def ssm(server, scope):
    return server.client(region=scope.region)


@pytest.fixture
def put(ssm):
    """Puts a String, or what the members say, and answers its version."""

    def put(name, value="a value", **members):
        members.setdefault("Type", "String")
        return ssm.put_parameter(Name=name, Value=value, **members)["Version"]

    return put
