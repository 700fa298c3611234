from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.documents import parameters
from stateward.documents.parameters import Declaration, InvalidParameters

DECLARED = {
    "commands": Declaration(type="StringList", min_items=1, max_items=3),
    "Action": Declaration(type="String", default="Install", allowed_values=("Install", "Uninstall")),
    "levels": Declaration(type="StringList", default=[], allowed_values=("info", "debug")),
    "name": Declaration(type="String", default="x", allowed_pattern="^[a-z]+$", max_chars=5),
    "names": Declaration(type="StringList", default=[], allowed_pattern="[a-z]+|"),
    "key": Declaration(type="String", default="abcd", min_chars=4),
    "count": Declaration(type="Integer", default=7, allowed_values=(7, 8, -9)),
    "flag": Declaration(type="Boolean", default=True),
    "map": Declaration(type="StringMap", default={"k": "v"}, max_items=2),
    "maps": Declaration(type="MapList", default=[]),
    "variable": Declaration(type="String", default="", interpolation_type="ENV_VAR"),
    "slow": Declaration(type="String", default="", allowed_pattern="(a|aa)+b"),
}
GIVEN = {"commands": ["echo"]}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(
            {"commands": ["a"], "Comands": ["b"]},
            'Parameter "Comands" is not defined in document',
            id="CRE-13 undeclared",
        ),
        pytest.param({"nosuch": ["b"]}, 'Parameter "nosuch" is not defined in document', id="CRE-13 before CRE-14"),
        pytest.param({}, 'Parameter "commands" requires a value.', id="CRE-14 missing"),
        pytest.param({"Action": []}, 'Parameter "Action" requires a value.', id="CRE-14 empty list for a text"),
        pytest.param(
            {"Action": ["install"]},
            'Parameter "Action" has value "install" not found in [Install, Uninstall].',
            id="CRE-15 allowedValues",
        ),
        pytest.param(
            {"levels": ["info", "loud"]},
            'Parameter "levels" has value "loud" not found in [info, debug].',
            id="CRE-15 item",
        ),
        pytest.param({"count": ["9"]}, 'Parameter "count" has value "9" not found in [7, 8, -9].', id="CRE-15 number"),
        pytest.param(
            {"name": ["ab1"]},
            'Parameter "name" has value "ab1" that does not match the allowed pattern ^[a-z]+$.',
            id="CRE-16 allowedPattern",
        ),
        pytest.param(
            {"names": ["ab", "b c"]},
            'Parameter "names" has value "b c" that does not match the allowed pattern [a-z]+|.',
            id="CRE-16 allowedPattern, each item, whole value",
        ),
        pytest.param(
            {"name": ["abc\n"]},
            'Parameter "name" has value "abc\n" that does not match the allowed pattern ^[a-z]+$.',
            id="CRE-16 line end is no match",
        ),
        pytest.param({"name": ["abcdef"]}, 'Parameter "name" has 6 characters: use at most 5.', id="CRE-16 maxChars"),
        pytest.param({"key": ["abc"]}, 'Parameter "key" has 3 characters: use at least 4.', id="CRE-16 minChars"),
        pytest.param({"commands": []}, 'Parameter "commands" has 0 items: use at least 1.', id="CRE-16 minItems"),
        pytest.param({"commands": ["a"] * 4}, 'Parameter "commands" has 4 items: use at most 3.', id="CRE-16 maxItems"),
        pytest.param(
            {"map": ['{"a":1,"b":2,"c":3}']},
            'Parameter "map" has 3 items: use at most 2.',
            id="CRE-16 maxItems of a map",
        ),
        pytest.param(
            {"name": ["a", "b"]},
            'Parameter "name" is of type String and takes one value, not 2.',
            id="CRE-16 two texts",
        ),
        pytest.param({"flag": ["True"]}, 'Parameter "flag" has value "True": use true or false.', id="CRE-16 Boolean"),
        pytest.param(
            {"count": ["7.0"]},
            'Parameter "count" has value "7.0": use a whole number of at most 18 digits.',
            id="CRE-16 Integer",
        ),
        pytest.param({"map": ["[]"]}, 'Parameter "map" has value "[]": use a JSON object.', id="CRE-16 StringMap"),
        pytest.param(
            {"maps": ["{}", '{"a":1,"a":2}']},
            'Parameter "maps" has value "{"a":1,"a":2}": the key \'a\' appears twice in one object.',
            id="CRE-16 MapList",
        ),
        pytest.param(
            {"slow": ["a" * 4000]},
            'Parameter "slow" has a value whose match against the allowed pattern (a|aa)+b takes too long.',
            id="CRE-16 slow pattern",
        ),
        pytest.param(
            {"names": ["a" * 4097]},
            'Parameter "names" has a value longer than 4096 bytes, which is not matched against an allowed pattern.',
            id="CRE-16 long value",
        ),
        pytest.param(
            {"variable": ["a\0b"]},
            'Parameter "variable" contains the character NUL, which no environment variable can hold.',
            id="CRE-16 NUL in a variable",
        ),
        pytest.param(
            {"names": ["x{{ ssm:name }}"]},
            'Parameter "names" has value "x{{ ssm:name }}" that does not match the allowed pattern [a-z]+|.',
            id="CRE-16 a reference inside text does not evade the pattern",
        ),
    ],
)
def test_values_that_break_a_rule_are_refused(values: dict[str, list[str]], expected: str) -> None:
    all_given = values if expected.endswith('"commands" requires a value.') else GIVEN | values
    with pytest.raises(InvalidParameters) as caught:
        parameters.check(DECLARED, all_given)
    assert str(caught.value) == expected


def test_more_values_than_can_be_matched_are_refused() -> None:
    with pytest.raises(InvalidParameters, match="1001 values must match an allowed pattern: give at most 1000"):
        parameters.check(DECLARED, GIVEN | {"names": [format(n, "b").replace("0", "x") for n in range(1001)]})


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"Action": ["Uninstall"], "name": ["abc"], "names": ["", "ab"], "key": ["ééaa"]},
        {"count": ["-9"], "flag": ["false"], "map": ["{}"], "maps": ['{"a":1}', "{}"]},
        {"name": ["{{ssm:name}}"], "count": ["{{ ssm:/a/b:3 }}"]},
        {"names": ["a"] * 2000},
    ],
)
def test_values_that_fit_are_accepted(values: dict[str, list[str]]) -> None:
    parameters.check(DECLARED, GIVEN | values)


def test_exceptions_need_neither_declaration_nor_value() -> None:
    parameters.check(
        DECLARED, {"Role": ["r"]}, always_allowed=frozenset(["Role"]), may_be_missing=frozenset(["commands"])
    )
    assert parameters.typed_values(DECLARED, {"Role": ["r"]}) == {}


def test_typed_values_are_what_a_node_receives() -> None:
    typed = parameters.typed_values(
        DECLARED,
        {
            "commands": ["echo hello", "id"],
            "Action": ["Install"],
            "count": ["8"],
            "flag": ["false"],
            "map": ['{"a": "b"}'],
            "maps": ['{"a": 1}', '{"b": 2}'],
        },
    )
    assert typed == {
        "commands": ["echo hello", "id"],
        "Action": "Install",
        "count": 8,
        "flag": False,
        "map": {"a": "b"},
        "maps": [{"a": 1}, {"b": 2}],
    }


def test_defaults_fill_what_was_not_given() -> None:
    values = parameters.effective_values(DECLARED, {"commands": ["a"], "flag": False})
    assert (values["commands"], values["flag"], values["count"], values["map"]) == (["a"], False, 7, {"k": "v"})
    assert "commands" not in parameters.effective_values(DECLARED, {})


@given(st.dictionaries(st.sampled_from(sorted(DECLARED)), st.lists(st.text(max_size=20), max_size=3)))
def test_what_passes_the_check_has_its_declared_type(values: dict[str, list[str]]) -> None:
    try:
        parameters.check(DECLARED, values, may_be_missing=frozenset(["commands"]))
    except InvalidParameters:
        return
    typed: dict[str, Any] = parameters.typed_values(DECLARED, values)
    assert typed.keys() == values.keys()
    assert all(parameters.has_type(DECLARED[name].type, value) for name, value in typed.items())
