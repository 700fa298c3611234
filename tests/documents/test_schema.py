import contextlib
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.documents import schema
from stateward.documents.schema import InvalidDocumentContent, InvalidDocumentSchemaVersion

STEP = {"name": "main", "action": "aws:runShellScript", "inputs": {"runCommand": ["echo hello"]}}
LIST = {"type": "StringList"}


def document(**members: Any) -> dict[str, Any]:
    return {"schemaVersion": "2.2", "mainSteps": [STEP]} | members


def with_step(**members: Any) -> dict[str, Any]:
    return document(parameters={"p": {"type": "String"}, "l": LIST}, mainSteps=[{**STEP, **members}])


def with_inputs(**inputs: Any) -> dict[str, Any]:
    return with_step(inputs={"runCommand": ["id"], **inputs})


def with_parameter(**members: Any) -> dict[str, Any]:
    return document(parameters={"p": {"type": "String", **members}})


def test_schema_2_2_is_read_into_steps() -> None:
    precondition = {"StringEquals": ["platformType", "Linux"]}
    second = {
        **STEP,
        "name": "last",
        "inputs": {"runCommand": "{{ l }}", "finallyStep": True, "timeoutSeconds": "{{ p }}"},
    }
    first = {
        **STEP,
        "precondition": precondition,
        "inputs": {"runCommand": ["a"], "onFailure": "exit", "onSuccess": "exit"},
    }
    raw = with_step() | {"description": "d", "mainSteps": [first, second]}
    read = schema.parse_command(raw)
    assert (read.schema_version, read.description, read.raw, list(read.parameters)) == ("2.2", "d", raw, ["p", "l"])
    assert schema.step_names(read) == ("main", "last")
    one, two = read.steps
    assert (one.on_failure, one.on_success, one.finally_step, one.precondition) == ("exit", "exit", False, precondition)
    assert (two.on_failure, two.finally_step, two.timeout_s, two.inputs["runCommand"]) == (
        "",
        True,
        "{{ p }}",
        "{{ l }}",
    )


def test_schema_1_2_steps_are_named_by_plugin() -> None:
    sets = [{"runCommand": ["echo zero"], "timeoutSeconds": 5}, {"runCommand": ["echo one"], "timeoutSeconds": "7"}]
    read = schema.parse_command({"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": sets}}})
    (step,) = read.steps
    assert (step.name, step.action, step.inputs, step.input_sets) == (
        "aws:runShellScript",
        "aws:runShellScript",
        sets[0],
        tuple(sets),
    )
    assert schema.execution_timeouts_s(read, {}) == (12,)


@pytest.mark.parametrize("properties", [{"directoryId": "d", "directoryName": "n", "dnsIpAddresses": []}, "{{ p }}"])
def test_schema_1_2_properties_may_be_one_object_or_a_parameter(properties: Any) -> None:
    raw = {
        "schemaVersion": "1.2",
        "parameters": {"p": {"type": "String"}},
        "runtimeConfig": {"aws:domainJoin": {"properties": properties}},
    }
    assert len(schema.parse_command(raw).steps[0].input_sets) == 1


@pytest.mark.parametrize("version", ["2.0", "2.0.1", "2.0.2", "2.0.3", "2.2"])
def test_versions_of_schema_2_are_accepted(version: str) -> None:
    assert schema.parse_command(document(schemaVersion=version)).schema_version == version


@pytest.mark.parametrize("version", ["0.3", "1.0", "9.9", "2", ""])
def test_other_versions_are_refused_by_their_own_error(version: str) -> None:
    with pytest.raises(InvalidDocumentSchemaVersion, match=r"use 1\.2, 2\.0 or 2\.2"):
        schema.parse_command(document(schemaVersion=version))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, "schemaVersion: missing, use text (in quotes)"),
        (document(schemaVersion=2.2), "schemaVersion: use text (in quotes)"),
        (document(mainStep=[]), "mainStep: unknown member in schema 2.2"),
        (document(runtimeConfig={}), "runtimeConfig: unknown member in schema 2.2"),
        ({"schemaVersion": "1.2"}, "runtimeConfig: missing, use an object"),
        ({"schemaVersion": "1.2", "runtimeConfig": {}}, "runtimeConfig: empty"),
        ({"schemaVersion": "1.2", "runtimeConfig": {"x": {}}}, "runtimeConfig.x: action 'x': use a plugin's name"),
        (
            {"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": []}}},
            "runtimeConfig.aws:runShellScript.properties: use an object, or a list",
        ),
        (document(description=1), "description: use text"),
        (document(mainSteps=[]), "mainSteps: empty"),
        (document(mainSteps=["x"]), "mainSteps[0]: a step is an object"),
        (document(mainSteps=[STEP, STEP]), "mainSteps: the name main stands on more than one step"),
        (with_step(name="a b"), "mainSteps[0].name 'a b': use up to 128"),
        (with_step(action=5), "mainSteps[0].action: use text"),
        (with_step(action="shell"), "mainSteps[0]: action 'shell': use a plugin's name"),
        (with_step(inputs=[]), "mainSteps[0].inputs: use an object"),
        (with_step(inputs={}), "mainSteps.main: aws:runShellScript requires the input runCommand"),
        (
            with_step(inputs={"runComand": ["true"]}),
            "mainSteps.main: aws:runShellScript requires the input runCommand, not runComand",
        ),
        (with_inputs(runCommand="echo hello"), "mainSteps.main.runCommand: use a list of text lines"),
        (with_inputs(runCommand=["a", ["b"]]), "mainSteps.main.runCommand: use a list of text lines"),
        (with_inputs(runCommand=["{{ nosuch }}"]), "mainSteps.main: {{ nosuch }} is not a parameter of this document"),
        (with_inputs(x={"y": ["{{ global:DATE }}"]}), "mainSteps.main: {{ global:DATE }} is not a parameter"),
        (with_inputs(onFailure="abort"), "mainSteps[0].inputs.onFailure 'abort': use exit or successAndExit"),
        (with_inputs(onSuccess="successAndExit"), "mainSteps[0].inputs.onSuccess 'successAndExit': use exit"),
        (with_inputs(finallyStep="yes"), "mainSteps[0].inputs.finallyStep 'yes': use true or false"),
        (with_inputs(timeoutSeconds="1 h"), "mainSteps.main.timeoutSeconds '1 h': use a whole number from 1 to 172800"),
        (with_inputs(timeoutSeconds=172801), "mainSteps.main.timeoutSeconds '172801': use a whole number"),
        (
            document(mainSteps=[{**STEP, "inputs": {"runCommand": ["a"], "finallyStep": True}}, {**STEP, "name": "b"}]),
            "mainSteps[0].inputs.finallyStep: only the last step can be the finallyStep",
        ),
        (
            with_step(precondition={"StringNotEquals": ["a", "b"]}),
            "mainSteps[0].precondition: has StringNotEquals, use",
        ),
        (with_step(precondition={}), "mainSteps[0].precondition: has no operator, use StringEquals"),
        (with_step(precondition={"StringEquals": ["a"]}), "mainSteps[0].precondition.StringEquals: use a list of two"),
        (with_step(precondition={"StringEquals": ["a", "b"]}), "one side must be platformType or {{ parameter }}"),
        (
            with_step(precondition={"StringEquals": ["platformType", "linux"]}),
            "platformType is one of Windows, Linux, MacOS",
        ),
        (with_step(precondition={"StringEquals": ["{{ x }}", "b"]}), "{{ x }} is not a parameter of this document"),
        (
            with_step(precondition={"StringEquals": ["{{ p }}", "b"]}) | {"schemaVersion": "2.0"},
            "mainSteps[0].precondition: needs schema 2.2, not 2.0",
        ),
        (document(parameters=[]), "parameters: use an object"),
        (document(parameters={"a b": LIST}), "parameters.a b: a name has up to 128"),
        (document(parameters={str(n): LIST for n in range(201)}), "parameters: 201 of them, use at most 200"),
        (document(parameters={"p": "String"}), "parameters.p: use an object"),
        (document(parameters={"p": {}}), "parameters.p.type: missing, use text"),
        (with_parameter(type="Text"), "parameters.p.type 'Text': use one of String, StringList"),
        (with_parameter(allowedValue=["a"]), "parameters.p.allowedValue: unknown member"),
        (with_parameter(default=3600), "parameters.p.default: not of type String"),
        (with_parameter(type="StringList", default="a"), "parameters.p.default: not of type StringList"),
        (with_parameter(type="Integer", default=True), "parameters.p.default: not of type Integer"),
        (
            with_parameter(default="c", allowedValues=["a", "b"]),
            'parameters.p.default: has value "c" not found in [a, b].',
        ),
        (
            with_parameter(default="1", allowedPattern="[a-z]+"),
            'parameters.p.default: has value "1" that does not match',
        ),
        (with_parameter(allowedValues=[1]), "parameters.p.allowedValues: 1 is not of type String"),
        (with_parameter(allowedPattern="("), "parameters.p.allowedPattern: not a regular expression: missing )"),
        (
            with_parameter(type="Integer", allowedPattern="a"),
            "parameters.p.allowedPattern: only for String and StringList",
        ),
        (with_parameter(minChars=-1), "parameters.p.minChars '-1': use a whole number from 0 on"),
        (with_parameter(minChars=3, maxChars=2), "parameters.p: minChars 3 is more than maxChars 2"),
        (with_parameter(displayType="big"), "parameters.p.displayType 'big': use textfield or textarea"),
        (with_parameter(interpolationType="ENV"), "parameters.p.interpolationType 'ENV': use ENV_VAR"),
        (
            with_parameter(interpolationType="ENV_VAR") | {"schemaVersion": "2.0"},
            "parameters.p.interpolationType: needs schema 2.2, not 2.0",
        ),
        (
            document(parameters={"a-b": {"type": "String", "interpolationType": "ENV_VAR"}}),
            "parameters.a-b: with interpolationType ENV_VAR a name has only letters, digits and _",
        ),
        (
            with_parameter(interpolationType="ENV_VAR")
            | {"mainSteps": [{**STEP, "inputs": {"runCommand": ["{{ p }}"]}}]},
            "mainSteps.main.runCommand: p has interpolationType ENV_VAR, so it can not be a whole command: "
            'use it as data, as in "${SSM_p}"',
        ),
    ],
)
def test_refusals_name_the_path(raw: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidDocumentContent) as caught:
        schema.parse_command(raw)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        with_inputs(runCommand=["{{p}} {{ ssm:/a/b:3 }} {{ssm-secure:x}} {{ platformType }} {{.Names}} {{"]),
        with_step(name="not-reached"),
        with_step(action="aws:noSuchPlugin", inputs={"a": "b"}),
        with_inputs(finallyStep="true", onFailure="", timeoutSeconds="60", maxAttempts=3),
        with_step(onFailure="whatever"),
        with_step(precondition={"StringEquals": ["{{ platformType }}", "{{ p }}"]}),
        with_parameter(default="{{ ssm:name }}", allowedPattern="[a-z]+"),
        with_parameter(type="StringList", default="{{ ssm:names }}"),
        with_parameter(minChars="1", maxChars=3, displayType="textarea", allowedPattern=""),
    ],
)
def test_what_agents_accept_is_accepted(raw: dict[str, Any]) -> None:
    schema.parse_command(raw)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({}, 3600),
        ({"timeoutSeconds": 60}, 60),
        ({"timeoutSeconds": "60"}, 60),
        ({"timeoutSeconds": "{{ n }}"}, 9),
        ({"timeoutSeconds": "{{ text }}"}, 3600),
        ({"timeoutSeconds": "{{ big }}"}, 3600),
        ({"timeoutSeconds": "{{ given_nowhere }}"}, 3600),
        ({"timeoutSeconds": "1{{ n }}"}, 19),
    ],
)
def test_timeouts_are_numbers_after_interpolation(inputs: dict[str, Any], expected: int) -> None:
    assert schema.timeout_s(inputs, {"n": 9, "text": "soon", "big": "999999"}) == expected


def test_unquoted_yaml_version_is_text() -> None:
    assert schema.load("schemaVersion: 2.2\ndescription: 1.0\n", "YAML") == {"schemaVersion": "2.2", "description": 1.0}
    assert schema.load("schemaVersion: 2.0\n", "YAML") == {"schemaVersion": "2.0"}


def test_yaml_scalars_mean_what_they_look_like() -> None:
    text = "a: yes\nb: 0755\nc: 2026-01-01\nd: 12:30:45\ne: true\nf: 12\ng: '12'\nh: ~\n"
    text += "i: 1e3\nj: .nan\nk: 99999999999999999999\n"
    assert schema.load(text, "YAML") == {
        "a": "yes",
        "b": "0755",
        "c": "2026-01-01",
        "d": "12:30:45",
        "e": True,
        "f": 12,
        "g": "12",
        "h": None,
        "i": "1e3",
        "j": ".nan",
        "k": "99999999999999999999",
    }


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in itertools.pairwise("abcdefgh")
)


@pytest.mark.parametrize(
    ("document_format", "text", "expected"),
    [
        ("YAML", BOMB, "anchors are not allowed, remove &a"),
        ("YAML", "a: *b", "aliases are not allowed"),
        ("YAML", "a: !!python/object:os.system x", "tags are not allowed"),
        ("YAML", "a: ! x", "tags are not allowed"),
        ("YAML", "a: 1\nb: 2\na: 3", "line 3, column 1: the key 'a' appears twice"),
        ("YAML", "[a]: b", "a key must be text"),
        ("YAML", "[" * 60_000, "maximum nesting depth"),
        ("YAML", "[\n " * 15_000, "nested more than 50 levels deep"),
        ("YAML", "{a: " * 15_000, "nested more than 50 levels deep"),
        ("YAML", "- " * 30_000, "nested more than 50 levels deep"),
        ("YAML", "- a\n" * 16_000, "more than 10000 values"),
        ("YAML", "a: 1\n---\nb: 2", "more than one YAML document"),
        ("YAML", "", "the text is empty"),
        ("YAML", "a: [", "not valid YAML"),
        ("YAML", "a: \x07", "not valid YAML"),
        ("YAML", "- a", "A document is an object"),
        ("YAML", "a: \ud800", "half of a surrogate pair"),
        ("JSON", "[" * 60_000, "nested more than 50 levels deep"),
        ("JSON", '{"a":' * 12_000, "nested more than 50 levels deep"),
        ("JSON", '"' + '\\"' * 30_000, "not valid JSON"),
        ("JSON", "[" + "1," * 20_000 + "1]", "more than 10000 values"),
        ("JSON", '{"a":1,"a":2}', "the key 'a' appears twice in one object"),
        ("JSON", '{"a":NaN}', "NaN is not a JSON value"),
        ("JSON", '{"a":-Infinity}', "-Infinity is not a JSON value"),
        ("JSON", '{"a":1e999}', "the number 1e999 is too large"),
        ("JSON", '{"a":' + "9" * 60_000 + "}", "is too large: use at most 9223372036854775807"),
        ("JSON", '{"a":"\\ud800"}', "half of a surrogate pair"),
        ("JSON", "schemaVersion: 2.2", "not valid JSON"),
        ("JSON", "null", "A document is an object"),
        ("TEXT", "{}", "document format TEXT: use JSON or YAML"),
    ],
)
def test_hostile_and_broken_texts_are_refused(document_format: str, text: str, expected: str) -> None:
    with pytest.raises(InvalidDocumentContent) as caught:
        schema.load(text, document_format)
    assert expected in str(caught.value)


def test_brackets_in_text_do_not_count_as_depth() -> None:
    assert schema.load(json.dumps({"a": '["' * 100}), "JSON") == {"a": '["' * 100}


@pytest.mark.parametrize(
    "pattern",
    [
        "(((a{1000}){1000}){1000}){1000}",
        "(a{100}b){100000}",
        "([ab]{1000}){1000}",
        "((a|b{5}){999}){999}",
        "(" * 2000 + ")" * 2000,
        "x" * 4097,
        "(?x)a",
        "((?:[[:alpha:])]a{1000}){1000}){1000}",
    ],
)
def test_pattern_bombs_are_refused(pattern: str) -> None:
    with pytest.raises(InvalidDocumentContent, match=r"parameters\.p\.allowedPattern"):
        schema.parse_command(with_parameter(allowedPattern=pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        "^$|^[0-9a-fA-F]{8}\\-[0-9a-fA-F]{4}\\-[0-9a-fA-F]{4}\\-[0-9a-fA-F]{4}\\-[0-9a-fA-F]{12}$",
        "(?i)^(s3://[^/]{1,63}/.{0,4096}|)$",
        "^\\p{L}+\\{[\\])(]{3}$",
        "[][(]+",
    ],
)
def test_ordinary_patterns_are_accepted(pattern: str) -> None:
    schema.parse_command(with_parameter(allowedPattern=pattern))


@given(st.text() | st.text(alphabet="{}[]\"':,&*!|>-# \n\\ab01"))
def test_any_text_is_read_or_refused(text: str) -> None:
    for document_format in ("JSON", "YAML"):
        with contextlib.suppress(InvalidDocumentContent):
            assert isinstance(schema.load(text, document_format), dict)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["2.2", "String", "{{ p }}", "aws:x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
KEYS: tuple[str, ...] = (
    "schemaVersion",
    "parameters",
    "mainSteps",
    "runtimeConfig",
    "description",
    "p",
    "type",
    "default",
    "name",
    "action",
)
KEYS += (
    "inputs",
    "precondition",
    "StringEquals",
    "runCommand",
    "timeoutSeconds",
    "onFailure",
    "allowedPattern",
    "properties",
)
SHAPED = st.recursive(JSON, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner))


@given(st.sampled_from(["1.2", "2.0", "2.2"]), st.dictionaries(st.sampled_from(KEYS), SHAPED), SHAPED, SHAPED)
def test_any_object_is_read_or_refused(version: str, raw: dict[str, Any], inputs: Any, declared: Any) -> None:
    step = {**STEP, "inputs": inputs, "precondition": declared}
    for candidate in (
        raw | {"schemaVersion": version},
        document(mainSteps=[step]),
        document(parameters={"p": declared}),
        {"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": inputs}},
    ):
        with contextlib.suppress(InvalidDocumentContent, InvalidDocumentSchemaVersion):
            assert schema.step_names(schema.parse_command(candidate))
