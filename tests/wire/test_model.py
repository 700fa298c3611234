import json
from pathlib import Path

import botocore
import pytest
from botocore import xform_name

from stateward.wire.errors import AwsError
from stateward.wire.model import ServiceModel

RECORDINGS = Path(__file__).parents[1] / "fixtures" / "official-agent"
AGENT_ONLY = {
    "ListInstanceAssociations",
    "RegisterManagedInstance",
    "RequestManagedInstanceRoleToken",
    "UpdateInstanceAssociationStatus",
    "UpdateInstanceInformation",
    "UpdateManagedInstancePublicKey",
}


@pytest.fixture(scope="module")
def model() -> ServiceModel:
    return ServiceModel.load()


def recorded_requests():
    for path in sorted(RECORDINGS.glob("*.json")):
        recording = json.loads(path.read_text())
        target = recording.get("request", {}).get("target") or ""
        if target.startswith("AmazonSSM."):
            for item in recording["request"]["body"].get("Items", []):
                if "Content" in item:  # what was cut short says so in a text
                    item["Content"] = [entry for entry in item["Content"] if isinstance(entry, dict)]
            yield pytest.param(target.partition(".")[2], recording["request"]["body"], id=path.stem)


@pytest.mark.parametrize(("operation", "body"), list(recorded_requests()))
def test_what_the_official_agent_sends_is_valid(model, operation, body):
    checked = model.input_validator(operation)(body)
    assert checked.keys() == {member for member, value in body.items() if value is not None}


def test_agent_operations_stand_beside_the_public_ones(model):
    assert model.operations >= AGENT_ONLY | model.public_operations
    assert {"CreateAssociation", "DescribeAssociationExecutions"} <= model.public_operations
    assert "SSMConnectionChannel" in model.input_members("UpdateInstanceInformation")


def test_the_version_names_the_source(model):
    assert model.version == f"botocore {botocore.__version__}, ssm 2014-11-06"


def test_method_names_lead_to_operations(model):
    assert model.snake_names["describe_association_execution_targets"] == "DescribeAssociationExecutionTargets"
    assert model.snake_names == {xform_name(operation): operation for operation in model.operations}


def test_every_input_of_the_model_compiles(model):
    for operation in sorted(model.operations):
        assert callable(model.input_validator(operation))
        assert all(isinstance(member, str) for member in model.input_members(operation))


def test_validators_are_made_once(model):
    assert model.input_validator("ListAssociations") is model.input_validator("ListAssociations")


def test_an_unknown_operation_is_refused(model):
    with pytest.raises(AwsError) as raised:
        model.input_validator("MakeCoffee")
    assert (raised.value.code, raised.value.message) == (
        "UnknownOperationException",
        "The operation MakeCoffee does not exist",
    )


def test_members_of_the_agent_survive_a_public_twin():
    public = {
        "operations": {"Ping": {"name": "Ping", "input": {"shape": "Pinged"}}, "Pause": {"name": "Pause"}},
        "shapes": {
            "Pinged": {"type": "structure", "members": {"Id": {"shape": "Text"}}},
            "Text": {"type": "string", "max": 3},
        },
    }
    agent = {
        "operations": {"Ping": {"name": "Ping", "input": {"shape": "PingRequest"}}},
        "shapes": {
            "PingRequest": {"type": "structure", "members": {"Id": {"shape": "Text"}, "Channel": {"shape": "Text"}}},
        },
    }
    model = ServiceModel(public, agent, "test")
    assert model.public_operations == model.operations == {"Ping", "Pause"}
    assert model.input_members("Ping") == {"Id", "Channel"}
    assert model.input_validator("Ping")({"Id": "a", "Channel": "b"}) == {"Id": "a", "Channel": "b"}
    assert model.input_validator("Pause")({"Id": "a"}) == {}
