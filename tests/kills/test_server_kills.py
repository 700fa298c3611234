"""The server, killed at every moment of a run and started again: one run on the node, everything in the history."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import BotoCoreError
from kill_house import STEPS

pytestmark = pytest.mark.slow

CLIENTS = 32
SUCCESS = {step: ("Success", 0, f"{step} done\n", "") for step in STEPS}


@pytest.mark.parametrize(
    ("moment", "when", "standing"),
    [
        ("accepted", "after", "accepted"),
        ("resolving", "before", "accepted"),
        ("resolving", "after", "resolving"),
        ("resolved", "before", "resolving"),
        ("resolved", "after", "resolved"),
        ("released", "before", "accepted"),
        ("released", "after", "released"),
        ("sent", "before", "released"),
        pytest.param("sent", "after", "sent", id="sent-but-not-written"),
        pytest.param("acknowledged", "before", "sent", id="acknowledgement-lost"),
        ("acknowledged", "after", "acknowledged"),
        pytest.param("step", "before", "acknowledged", id="step-reply-lost"),
        ("step", "after", "step"),
        pytest.param("final", "before", "step", id="final-reply-lost"),
        pytest.param("final", "after", "final", id="final-reply-not-acknowledged"),
    ],
)
def test_a_run_survives_the_kill_of_its_server(house, moment, when, standing):
    runs = len(house.executions()) + 1
    house.kill_server_at(moment, when)
    answered = house.start_once()
    if moment == "accepted":
        assert answered
        house.server.kill()
        house.server_order.unlink()
    assert house.server.was_killed()
    assert house.standing() == standing
    house.start_server()
    assert house.ended(runs)["Status"] == "Success"
    rows = house.executions()
    assert len(rows) == runs, "one execution for one cause"
    assert {row["ResourceCountByStatus"] for row in rows} == {"{Success=1}"}
    assert house.steps(rows[0]) == SUCCESS
    assert house.marked(house.invocation(rows[0])[0]) == list(STEPS)
    house.nothing_unsaid()
    assert len(house.marks.read_text().splitlines()) == runs * len(STEPS)


@pytest.mark.parametrize(
    ("moment", "when"), [("strip-due", "before"), ("strip-due", "after"), ("strip", "before"), ("strip", "after")]
)
def test_the_strip_of_a_run_on_many_nodes_survives_the_kill_of_its_server(house, moment, when):
    runs = len(house.executions()) + 1
    house.kill_server_at(moment, when)
    house.start_once()
    assert house.server.was_killed()
    house.start_server()
    assert house.ended(runs)["Status"] == "Success"
    house.eventually(lambda: house.strips() == [b"S"] * runs)


def test_what_was_not_committed_was_not_answered(house):
    before = house.executions()
    house.kill_server_at("accepted", "before")
    assert not house.start_once()
    assert house.server.was_killed()
    house.start_server()
    assert house.executions() == before


def test_a_retry_after_the_kill_starts_nothing_twice_d32(house):
    runs = len(house.executions()) + 1
    house.kill_server_at("opened", "after")
    patient = house.client(attempts=10)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(patient.start_associations_once, AssociationIds=[house.association_id])
        assert house.server.was_killed()
        house.start_server()
        answer = call.result(30)["ResponseMetadata"]
    assert answer["RetryAttempts"] > 0
    execution = house.ended(runs)
    assert answer["HTTPHeaders"]["x-stateward-executions"] == f"{house.association_id}={execution['ExecutionId']}"
    assert len(house.executions()) == runs
    assert house.marked(house.invocation(execution)[0]) == list(STEPS)


def test_nothing_that_was_answered_is_lost(bare_house):
    house = bare_house
    house.ssm.create_document(Name="nothing-to-do", DocumentType="Command", Content=NOTHING)
    answered, enough = Answers(), 300
    with ThreadPoolExecutor(CLIENTS) as pool:
        working = [pool.submit(call_until_the_end, house, answered, name) for name in range(CLIENTS)]
        while answered.count < enough:
            assert house.server.lives_on(0.01)
        house.server.kill()
        assert house.server.was_killed()
        ends = [work.result(30) for work in working]
    assert ends == ["cut off"] * CLIENTS
    assert len(answered.associations) >= CLIENTS
    assert len(answered.executions) >= CLIENTS
    house.start_server()
    known = history(house)
    assert set(answered.associations) <= set(known)
    for association_id, execution_id in answered.executions:
        assert execution_id in {row["ExecutionId"] for row in known[association_id]}
    for association_id in known:
        house.eventually(lambda one=association_id: all(has_ended(row) for row in executions_of(house, one)))


STEP = {"action": "aws:runShellScript", "name": "nothing", "inputs": {"runCommand": ["true"]}}
NOTHING = json.dumps({"schemaVersion": "2.2", "mainSteps": [STEP]})


class Answers:
    """What the server has said yes to."""

    def __init__(self):
        self.associations = []
        self.executions = []

    @property
    def count(self):
        return len(self.associations) + len(self.executions)


def call_until_the_end(house, answered, name):
    """Create associations and start them until the server is gone."""
    ssm = house.client()
    targets = [{"Key": "tag:nobody", "Values": ["has-this"]}]
    for turn in itertools.count():
        try:
            made = ssm.create_association(Name="nothing-to-do", AssociationName=f"{name}-{turn}", Targets=targets)
            association_id = made["AssociationDescription"]["AssociationId"]
            answered.associations.append(association_id)
            started = ssm.start_associations_once(AssociationIds=[association_id])
        except BotoCoreError:
            return "cut off"
        header = started["ResponseMetadata"]["HTTPHeaders"]["x-stateward-executions"]
        answered.executions.append(tuple(header.split("=")))
    return "never"


def history(house):
    """Association → its executions."""
    pages = house.ssm.get_paginator("list_associations").paginate()
    found = [row["AssociationId"] for page in pages for row in page["Associations"]]
    return {association_id: executions_of(house, association_id) for association_id in found}


def executions_of(house, association_id):
    return house.ssm.describe_association_executions(AssociationId=association_id)["AssociationExecutions"]


def has_ended(row):
    return row["Status"] not in ("Pending", "InProgress")
