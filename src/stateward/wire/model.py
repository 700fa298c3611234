"""The service model: botocore's shapes of SSM, and the operations that only the node agent knows."""

from collections.abc import Mapping
from importlib import resources
from typing import Any

import botocore
import msgspec
from botocore import xform_name
from botocore.loaders import Loader

from stateward.wire.errors import AwsError
from stateward.wire.scalars import Shape
from stateward.wire.validation import ShapeCompiler, Validator

API_VERSION = "2014-11-06"
# The shape of operations that take nothing; no shape of the model is called so.
NO_INPUT = ""


class ServiceModel:
    """Operations and their inputs; one object per server, validators are compiled on first use and kept here.

    `operations` are all known names, `public_operations` those of botocore's own model, `snake_names` leads from
    botocore's method names (`create_association`) to operations, `version` names the model for people.
    """

    def __init__(self, public: Mapping[str, Any], agent: Mapping[str, Any], version: str) -> None:
        self.version = version
        self.public_operations = frozenset(public["operations"])
        # What both describe is botocore's to say, except for members that only the agent sends.
        operations = {**agent["operations"], **public["operations"]}
        shapes = {**agent["shapes"], **public["shapes"], NO_INPUT: {"type": "structure"}}
        for name in agent["operations"].keys() & self.public_operations:
            _add_members(shapes, _input_shape(public["operations"][name]), agent["shapes"][f"{name}Request"])
        self.operations = frozenset(operations)
        self.snake_names: Mapping[str, str] = {xform_name(name): name for name in operations}
        self._inputs = {name: _input_shape(operation) for name, operation in operations.items()}
        self._shapes: Mapping[str, Shape] = shapes
        self._compiler = ShapeCompiler(shapes)
        self._validators: dict[str, Validator] = {}

    @classmethod
    def load(cls) -> "ServiceModel":
        """The model of the installed botocore, merged with the agent's operations; reads files, makes no client."""
        # Only botocore's own files: a model in ~/.aws/models must not change what the server accepts.
        loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
        public = loader.load_service_model("ssm", "service-2", API_VERSION)
        agent = msgspec.json.decode(resources.files("stateward.wire").joinpath("models/agent.json").read_bytes())
        return cls(public, agent, f"botocore {botocore.__version__}, ssm {API_VERSION}")

    def input_validator(self, operation: str) -> Validator:
        """What checks requests of this operation; UnknownOperationException if there is none."""
        validator = self._validators.get(operation)
        if validator is None:
            validator = Validator(self._compiler.node(self._input_of(operation)))
            self._validators[operation] = validator
        return validator

    def input_members(self, operation: str) -> frozenset[str]:
        """Names of the members that the operation's request may have; UnknownOperationException if there is none."""
        return frozenset(self._shapes[self._input_of(operation)].get("members", ()))

    def _input_of(self, operation: str) -> str:
        try:
            return self._inputs[operation]
        except KeyError:
            raise AwsError("UnknownOperationException", f"The operation {operation} does not exist") from None


def _input_shape(operation: Mapping[str, Any]) -> str:
    shape: str = operation["input"]["shape"] if "input" in operation else NO_INPUT
    return shape


def _add_members(shapes: dict[str, Any], name: str, agent_shape: Mapping[str, Any]) -> None:
    public_shape = shapes[name]
    shapes[name] = {**public_shape, "members": {**agent_shape["members"], **public_shape.get("members", {})}}
