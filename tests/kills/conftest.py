import pytest
from kill_house import House


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A server, a node that is this machine, and an association that has run there once."""
    made = House(tmp_path_factory.mktemp("house"))
    try:
        made.join()
        yield made
    finally:
        made.close()


@pytest.fixture
def bare_house(tmp_path_factory):
    """A server alone."""
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.close()
