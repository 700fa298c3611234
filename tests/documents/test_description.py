import hashlib
import json
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.documents import description, interpolation, parameters, platforms, schema
from stateward.documents.problems import InvalidDocumentContent


def shipped(name: str) -> schema.Document:
    text = (
        resources.files("stateward.documents")
        .joinpath("shipped", "Command", f"{name}.json")
        .read_text(encoding="utf-8")
    )
    return schema.parse_command(schema.load(text, "JSON"))


def test_doc_11_defaults_are_shown_as_text() -> None:
    raw = {
        "schemaVersion": "2.2",
        "parameters": {
            "required": {"type": "String", "description": "needed"},
            "empty": {"type": "String", "default": ""},
            "text": {"type": "String", "default": "a b"},
            "list": {"type": "StringList", "default": ["a", "é"]},
            "none": {"type": "StringList", "default": []},
            "map": {"type": "StringMap", "default": {"k": ["v"]}},
            "flag": {"type": "Boolean", "default": True},
            "number": {"type": "Integer", "default": 7},
            "store": {"type": "StringList", "default": "{{ ssm:list }}"},
        },
        "mainSteps": [{"name": "main", "action": "aws:runShellScript", "inputs": {"runCommand": ["id"]}}],
    }
    assert description.flattened_parameters(schema.parse_command(raw).parameters) == [
        {"Name": "required", "Type": "String", "Description": "needed"},
        {"Name": "empty", "Type": "String", "DefaultValue": ""},
        {"Name": "text", "Type": "String", "DefaultValue": "a b"},
        {"Name": "list", "Type": "StringList", "DefaultValue": '["a","é"]'},
        {"Name": "none", "Type": "StringList", "DefaultValue": "[]"},
        {"Name": "map", "Type": "StringMap", "DefaultValue": '{"k":["v"]}'},
        {"Name": "flag", "Type": "Boolean", "DefaultValue": "true"},
        {"Name": "number", "Type": "Integer", "DefaultValue": "7"},
        {"Name": "store", "Type": "StringList", "DefaultValue": "{{ ssm:list }}"},
    ]


def test_same_format_is_returned_byte_for_byte() -> None:
    text = '{ "schemaVersion" :  "2.2" }\n'
    assert description.convert(text, "JSON", "JSON") == text


def test_yaml_becomes_json_that_nodes_read() -> None:
    text = "schemaVersion: 2.2\nmainSteps:\n- name: a\n  inputs:\n    runCommand:\n    - |\n      echo é\n      id\n"
    assert json.loads(description.convert(text, "YAML", "JSON")) == {
        "schemaVersion": "2.2",
        "mainSteps": [{"name": "a", "inputs": {"runCommand": ["echo é\nid\n"]}}],
    }


def test_text_of_several_lines_becomes_a_block() -> None:
    assert description.convert('{"a": "x\\ny\\n", "b": "2.2"}', "JSON", "YAML") == "a: |\n  x\n  y\nb: '2.2'\n"


@pytest.mark.parametrize(("source", "target"), [("JSON", "TEXT"), ("YAML", "TEXT"), ("TEXT", "JSON"), ("TEXT", "YAML")])
def test_text_is_never_converted(source: str, target: str) -> None:
    with pytest.raises(InvalidDocumentContent, match=f"A {source} document can not be converted to {target}."):
        description.convert("{}", source, target)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.text()
    | st.sampled_from(
        ["yes", "1e3", "0755", "2026-01-01", "12:30:45", "0x1f", "~", "1_000", "<<", "=", "a\n b\n\n", " \n"]
    )
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_json_survives_the_way_through_yaml(value: dict[str, Any]) -> None:
    value.pop("schemaVersion", None)
    there = description.convert(json.dumps(value), "JSON", "YAML")
    assert json.loads(description.convert(there, "YAML", "JSON")) == value


def test_hash_is_sha256_of_the_bytes() -> None:
    assert description.sha256_hex("é") == hashlib.sha256("é".encode()).hexdigest()


def test_run_shell_script_is_what_clients_expect() -> None:
    document = shipped("AWS-RunShellScript")
    assert document.schema_version == "1.2"
    assert schema.step_names(document) == ("aws:runShellScript",)
    assert platforms.platform_types(document) == ["Linux", "MacOS"]
    shown = [
        (one["Name"], one["Type"], one.get("DefaultValue"))
        for one in description.flattened_parameters(document.parameters)
    ]
    assert shown == [
        ("commands", "StringList", None),
        ("workingDirectory", "String", ""),
        ("executionTimeout", "String", "3600"),
    ]


@pytest.mark.parametrize(
    ("seconds", "fits"), [("1", True), ("99999", True), ("172800", True), ("172801", False), ("0", False)]
)
def test_run_shell_script_limits_its_time(seconds: str, fits: bool) -> None:
    document = shipped("AWS-RunShellScript")
    given_values = {"commands": ["id"], "executionTimeout": [seconds]}
    if not fits:
        with pytest.raises(parameters.InvalidParameters, match="executionTimeout"):
            parameters.check(document.parameters, given_values)
        return
    parameters.check(document.parameters, given_values)
    values = parameters.effective_values(
        document.parameters, parameters.typed_values(document.parameters, given_values)
    )
    assert schema.execution_timeouts_s(document, values) == (int(seconds),)
    (step,) = document.steps
    ready = interpolation.step_inputs(step.action, step.inputs, document.parameters, values)
    assert (ready["runCommand"], ready["workingDirectory"]) == (["id"], "")
