"""`{{ name }}` in documents: raw, once, unquoted, as the official agent does it (spec 5.3, node protocol 5.5)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from stateward.documents.parameters import Declaration

# A name begins with a letter or digit: `docker ps --format '{{.Names}}'` is not a reference.
REFERENCE = re.compile(r"\{\{\s*([A-Za-z0-9_][A-Za-z0-9_:/.\-]*)\s*\}\}")
ENVIRONMENT = "ENV_VAR"
# How a script of a plugin reads an environment variable.
_VARIABLES = {"aws:runShellScript": "${%s}", "aws:runPowerShellScript": "${env:%s}", "aws:psModule": "${env:%s}"}
_SCRIPT_INPUT = "runCommand"


def references(value: Any) -> set[str]:
    """Every name that a value refers to, wherever it stands in lists and maps; keys are not looked at."""
    if isinstance(value, str):
        return set(REFERENCE.findall(value))
    if isinstance(value, Mapping):
        return {name for inner in value.values() for name in references(inner)}
    if isinstance(value, list | tuple):
        return {name for inner in value for name in references(inner)}
    return set()


def interpolate(value: Any, values: Mapping[str, Any]) -> Any:
    """The value with its references replaced.

    A text that is nothing but one reference becomes the value itself (a list stays a list); inside other text lists
    and maps appear as JSON. Unknown references stay as they are; what was put in is not looked at again.
    """
    if isinstance(value, str):
        whole = REFERENCE.fullmatch(value)
        if whole is not None and whole[1] in values:
            return values[whole[1]]
        return interpolate_text(value, values)
    if isinstance(value, Mapping):
        return {key: interpolate(inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [interpolate(inner, values) for inner in value]
    return value


def interpolate_text(text: str, values: Mapping[str, Any]) -> str:
    """Like interpolate, for places where only text can stand."""
    return REFERENCE.sub(lambda found: as_text(values[found[1]]) if found[1] in values else found[0], text)


def as_text(value: Any) -> str:
    """How a value reads inside a text or an environment variable: text as it is, everything else as compact JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def environment_names(declarations: Mapping[str, Declaration]) -> dict[str, str]:
    """Parameter → variable, for the parameters whose values reach scripts only as variables (ENV_VAR, spec 5.2)."""
    return {
        name: f"SSM_{name}" for name, declared in declarations.items() if declared.interpolation_type == ENVIRONMENT
    }


def environment(declarations: Mapping[str, Declaration], values: Mapping[str, Any]) -> dict[str, str]:
    """Variable → text, for the environment of every step; lists and maps as JSON."""
    names = environment_names(declarations)
    return {variable: as_text(values[name]) for name, variable in names.items() if name in values}


def step_inputs(
    action: str, inputs: Mapping[str, Any], declarations: Mapping[str, Declaration], values: Mapping[str, Any]
) -> dict[str, Any]:
    """One step's inputs ready to run.

    In a script (`runCommand` of the script plugins) `{{ name }}` of an ENV_VAR parameter becomes `${SSM_name}`, never
    the value's text: the shell expands it to data, not to code. The reference is not quoted here, since inside the
    author's double quotes more quotes would undo them; unquoted it is split into words like any variable. Inputs that
    no shell reads (folders, numbers, maps) get the value itself.
    """
    ready: dict[str, Any] = interpolate(inputs, values)
    variable = _VARIABLES.get(action)
    names = environment_names(declarations)
    if variable is not None and names and _SCRIPT_INPUT in inputs:
        in_script = {**values, **{name: variable % environment_name for name, environment_name in names.items()}}
        ready[_SCRIPT_INPUT] = interpolate(inputs[_SCRIPT_INPUT], in_script)
    return ready


def commands_from_environment(
    action: str, inputs: Mapping[str, Any], declarations: Mapping[str, Declaration]
) -> list[str]:
    """The ENV_VAR parameters that stand alone on a line of a script: the shell would run their values as commands."""
    if action not in _VARIABLES:
        return []
    script = inputs.get(_SCRIPT_INPUT, "")
    lines = [line for text in (script if isinstance(script, list) else [script]) for line in str(text).splitlines()]
    whole = {found[1] for line in lines if (found := REFERENCE.match(line.strip()))}
    return sorted(whole & environment_names(declarations).keys())
