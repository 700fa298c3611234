import pytest
from namespaces import NotAllowed
from networks import NETWORKS

from every_run import with_the_rest_slow

EVERY_TIME = ("a proxy that cuts and refuses", "network namespaces, cable out at the node")
"""Each of the others takes half a minute."""


@pytest.fixture(scope="module", params=with_the_rest_slow(NETWORKS, EVERY_TIME))
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
