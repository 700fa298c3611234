"""The pytest plugin: the fixture `state_manager` (D59). pytest loads it wherever Stateward is installed, so it imports
nothing before a test asks for the fixture."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from stateward.testing.sandbox import StateManager

FIXTURE = "state_manager"
RUNNING = pytest.StashKey["StateManager"]()
TITLE = "State Manager when the test failed"


@pytest.fixture
def state_manager_settings() -> dict[str, Any]:
    """What StateManager is made with; to be replaced by a fixture of a project: `{"region": "eu-central-1"}`."""
    return {}


@pytest.fixture
def state_manager(request: pytest.FixtureRequest, state_manager_settings: dict[str, Any]) -> Iterator[StateManager]:
    """A State Manager of this test's own: `.client`, `.clock`, `.fleet`; boto3 in this process reaches it too."""
    from stateward.testing.sandbox import StateManager

    manager = StateManager(**state_manager_settings)
    manager.start()
    request.node.stash[RUNNING] = manager
    try:
        yield manager
    finally:
        del request.node.stash[RUNNING]
        manager.stop()


def pytest_collection_finish(session: pytest.Session) -> None:
    """What every server needs is made ready before the first test, if any test asks for one."""
    wanted = any(FIXTURE in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly:
        from stateward.testing.workshop import workshop

        workshop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test whose own asserts hold fails all the same if something else is wrong."""
    result = yield
    manager = item.stash.get(RUNNING, None)
    if manager is not None:
        _verify(manager)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test says what the server has seen."""
    report = yield
    manager = item.stash.get(RUNNING, None)
    if report.when == "call" and report.failed and manager is not None:
        report.sections.append((TITLE, _diagnosis(manager)))
    return report


def pytest_unconfigure() -> None:
    """Wait for servers that are stopping, and leave nothing behind."""
    import sys

    if "stateward.testing.workshop" in sys.modules:
        from stateward.testing.workshop import close_workshop

        close_workshop()


def _verify(manager: StateManager) -> None:
    from stateward.testing.control import StateManagerFailed

    __tracebackhide__ = True
    problem = None
    try:
        manager.verify()
    except StateManagerFailed as error:
        problem = str(error)
    if problem is not None:  # not inside the except: pytest would show both, with the same words
        pytest.fail(problem, pytrace=False)


def _diagnosis(manager: StateManager) -> str:
    try:
        return manager.diagnosis()
    except Exception as error:
        return f"nothing can be said, for asking the server failed: {error!r}"
