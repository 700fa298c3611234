"""People of the console go home after each test."""

import console_people
import pytest


@pytest.fixture(autouse=True)
def _everybody_leaves():
    yield
    while console_people.PRESENT:
        console_people.PRESENT.pop().close()
