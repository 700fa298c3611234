import pytest
from namespaces import NotAllowed
from networks import NETWORKS

EVERY_TIME = ("a proxy that cuts and refuses", "network namespaces, cable out at the node")
"""The others are for `make test-all`: each of these takes half a minute."""


def _params():
    return [pytest.param(what, marks=() if what in EVERY_TIME else pytest.mark.slow_all) for what in NETWORKS]


@pytest.fixture(scope="module", params=_params())
def network_of(request, server_thread, tmp_path_factory):
    """A server and a node that can lose each other, in one way after the other."""
    try:
        with NETWORKS[request.param](tmp_path_factory.mktemp("outage"), server_thread) as made:
            yield made
    except NotAllowed as reason:
        pytest.skip(f"{request.param}: not on this machine: {reason}")


@pytest.fixture
def network(network_of, record_property):
    record_property("outage", network_of.what)
    return network_of
