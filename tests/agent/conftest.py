import pytest
from agent_bench import Bench


@pytest.fixture
def bench(tmp_path):
    """Makes a Bench; to be called inside the event loop of the test."""
    return lambda **options: Bench(tmp_path, **options)
