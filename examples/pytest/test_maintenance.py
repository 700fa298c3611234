"""How a fleet is kept clean, tested over months: run `pytest` in this folder."""

from datetime import UTC, datetime

import pytest
from maintenance import deploy, machines_to_look_at


@pytest.fixture(autouse=True)
def noon(state_manager):
    """Every test begins at the same time."""
    state_manager.clock.to(datetime(2030, 1, 6, 12, tzinfo=UTC))


def test_all_machines_are_cleaned_every_night(state_manager):
    state_manager.fleet.add(20, tags={"env": "prod"})
    association_id = deploy("prod")
    state_manager.clock.advance(days=30)
    nights = state_manager.executions(association_id)[1:]  # the first was at once
    assert len(nights) == 30
    assert {night["CreatedTime"].hour for night in nights} == {2}
    assert {night["ResourceCountByStatus"] for night in nights} == {"{Success=20}"}


def test_a_machine_with_a_full_disk_is_named(state_manager):
    first, *_ = state_manager.fleet.add(20, tags={"env": "prod"})
    state_manager.fleet.script("Failed", nodes=1, step="restart", error="no space left on device")
    association_id = deploy("prod")
    state_manager.clock.advance(days=1)
    assert machines_to_look_at(association_id) == [first]


def test_a_night_with_many_errors_is_stopped(state_manager):
    state_manager.fleet.add(20, tags={"env": "prod"})
    association_id = deploy("prod")
    state_manager.settle()
    state_manager.fleet.script("Failed", step="clean")
    state_manager.clock.advance(days=1)
    night = state_manager.executions(association_id)[-1]
    assert night["Status"] == "Failed"
    failed = [step for step in state_manager.steps(night) if step["PluginName"] == "clean"]
    assert len(failed) < 10  # the rest was never touched


def test_a_machine_that_was_away_is_cleaned_when_it_is_back(state_manager):
    *_, last = state_manager.fleet.add(3, tags={"env": "prod"})
    state_manager.fleet.offline(last, duration="3h")
    association_id = deploy("prod")
    state_manager.settle()
    assert machines_to_look_at(association_id) == [last]
    state_manager.clock.advance(hours=4)
    assert machines_to_look_at(association_id) == []
