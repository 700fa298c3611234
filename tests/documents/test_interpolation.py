import json
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.documents import interpolation
from stateward.documents.parameters import Declaration

VALUES = {
    "text": "T",
    "list": ["x", "y z"],
    "map": {"a": "b", "c": ["d"]},
    "maps": [{"a": 1}, {"b": 2}],
    "number": 42,
    "flag": False,
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("text={{ text }}", "text=T", id="recorded text"),
        pytest.param("nospace={{text}}", "nospace=T", id="recorded without blanks"),
        pytest.param("list={{ list }}", 'list=["x","y z"]', id="recorded list in text"),
        pytest.param("map={{ map }}", 'map={"a":"b","c":["d"]}', id="recorded map in text"),
        pytest.param("maps={{ maps }}", 'maps=[{"a":1},{"b":2}]', id="recorded maps in text"),
        pytest.param("number={{ number }}", "number=42", id="recorded number"),
        pytest.param("flag={{ flag }}", "flag=false", id="recorded flag"),
        pytest.param("unknown={{ nosuch }}", "unknown={{ nosuch }}", id="recorded unknown stays"),
        pytest.param("platform={{ platformType }}", "platform={{ platformType }}", id="recorded platform stays"),
        pytest.param("{{ list }}", ["x", "y z"], id="whole value is the list"),
        pytest.param("{{ number }}", 42, id="whole value is the number"),
        pytest.param(["{{ list }}", {"k": "{{text}}"}], [["x", "y z"], {"k": "T"}], id="nested"),
        pytest.param("{{ ssm:name:3 }} {{ssm-secure:s}}", "{{ ssm:name:3 }} {{ssm-secure:s}}", id="store stays"),
        pytest.param("docker ps --format '{{.Names}}'", "docker ps --format '{{.Names}}'", id="template stays"),
        pytest.param(7, 7, id="no text"),
    ],
)
def test_interpolation_is_that_of_the_official_agent(value: Any, expected: Any) -> None:
    assert interpolation.interpolate(value, VALUES) == expected


def test_values_go_in_raw_and_once() -> None:
    hostile = "a\"b'c\\d\n$HOME `id` {{ number }} é"
    assert interpolation.interpolate("<{{ text }}>", VALUES | {"text": hostile}) == f"<{hostile}>"


def test_references_are_found_everywhere() -> None:
    value = {"a": ["{{ one }} and {{two}}", {"b": "{{ ssm:/three/x:4 }}"}], "c": 5}
    assert interpolation.references(value) == {"one", "two", "ssm:/three/x:4"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.dictionaries(st.text(), JSON))
def test_values_without_references_never_change(value: Any, values: dict[str, Any]) -> None:
    if not interpolation.references(value):
        assert interpolation.interpolate(value, values) == value


@given(st.text(), st.text(alphabet="abc{} \n$`'\"", min_size=1))
def test_text_around_a_reference_stays(before: str, inserted: str) -> None:
    before = before.replace("{", "")
    assert interpolation.interpolate_text(before + "{{ p }}|", {"p": inserted}) == f"{before}{inserted}|"


DECLARED = {
    "secret": Declaration(type="String", interpolation_type="ENV_VAR"),
    "items": Declaration(type="StringList", interpolation_type="ENV_VAR", default=["a"]),
    "plain": Declaration(type="String"),
}


def test_env_var_parameters_are_named_and_carried() -> None:
    assert interpolation.environment_names(DECLARED) == {"secret": "SSM_secret", "items": "SSM_items"}
    values = {"secret": "x'y", "items": ["a", "é"], "plain": "p"}
    assert interpolation.environment(DECLARED, values) == {"SSM_secret": "x'y", "SSM_items": '["a","é"]'}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("aws:runShellScript", 'echo "${SSM_secret}" p'),
        ("aws:runPowerShellScript", 'echo "${env:SSM_secret}" p'),
    ],
)
def test_scripts_read_env_var_parameters_from_the_environment(action: str, expected: str) -> None:
    inputs = {"runCommand": ['echo "{{ secret }}" {{ plain }}'], "workingDirectory": "/{{ secret }}"}
    ready = interpolation.step_inputs(action, inputs, DECLARED, {"secret": "s", "plain": "p"})
    assert ready == {"runCommand": [expected], "workingDirectory": "/s"}


def test_other_plugins_get_the_value_itself() -> None:
    ready = interpolation.step_inputs("aws:runDocument", {"documentPath": "{{ secret }}"}, DECLARED, {"secret": "s"})
    assert ready == {"documentPath": "s"}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("{{ secret }}", ["secret"]),
        (["echo hello", " {{ items }} "], ["items"]),
        (["echo hello\n{{ secret }} --flag"], ["secret"]),
        (['echo "{{ secret }}"', "{{ plain }}"], []),
    ],
)
def test_env_var_parameters_in_command_position_are_found(script: Any, expected: list[str]) -> None:
    found = interpolation.commands_from_environment("aws:runShellScript", {"runCommand": script}, DECLARED)
    assert found == expected


@pytest.mark.parametrize(
    "value", ["$(touch hacked)", "'; touch hacked; '", '" ; touch hacked #', "`touch hacked`", "a\nb"]
)
@pytest.mark.parametrize("quote", ['"', ""])
def test_env_var_values_are_never_code(tmp_path: Any, value: str, quote: str) -> None:
    inputs = {"runCommand": [f"printf '%s' {quote}{{{{ secret }}}}{quote}"]}
    ready = interpolation.step_inputs("aws:runShellScript", inputs, DECLARED, {"secret": value})
    done = subprocess.run(
        ["/bin/sh", "-c", ready["runCommand"][0]],
        env={"PATH": "/usr/bin:/bin", **interpolation.environment(DECLARED, {"secret": value})},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert list(tmp_path.iterdir()) == []
    if quote:
        assert done.stdout == value


@given(JSON)
def test_values_in_text_are_json_that_reads_back(value: Any) -> None:
    shown = interpolation.interpolate_text("{{ p }}", {"p": value})
    assert (shown if isinstance(value, str) else json.loads(shown)) == value
