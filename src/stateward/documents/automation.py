"""What an Automation document is: schema 0.3, read and checked as a whole (spec 5.1, 5.2).

What the actions do with their inputs is their own business; here it is whether the document hangs together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stateward.documents import declarations, interpolation
from stateward.documents.declarations import AUTOMATION
from stateward.documents.parameters import Declaration
from stateward.documents.problems import InvalidDocumentContent, InvalidDocumentSchemaVersion, expect
from stateward.documents.schema import ACTION, STEP_NAME

OUTPUT_TYPES = ("String", "StringList", "Boolean", "Integer", "MapList", "StringMap")
MAX_ATTEMPTS = 10
_MEMBERS = frozenset(
    (
        "schemaVersion",
        "description",
        "assumeRole",
        "parameters",
        "variables",
        "mainSteps",
        "outputs",
        "files",
    )
)
_STEP_MEMBERS = frozenset(
    (
        "name",
        "action",
        "description",
        "inputs",
        "onFailure",
        "onCancel",
        "isEnd",
        "isCritical",
        "nextStep",
        "maxAttempts",
        "timeoutSeconds",
        "outputs",
    )
)
_STEP = "step:"
# Scripts of other languages have braces of their own.
_SCRIPT_INPUTS = frozenset(("Script",))
_BRANCH = "aws:branch"
_LOOP = "aws:loop"


class AutomationStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step as it stands in the document, references not yet replaced.

    `on_failure` and `on_cancel` are `Abort`, `Continue`, or `step:<name>`; `next_step` is empty where the next one
    in the list follows. `raw` is the parsed object itself.
    """

    name: str
    action: str
    inputs: dict[str, Any]
    on_failure: str
    on_cancel: str
    next_step: str
    is_end: bool
    is_critical: bool
    raw: dict[str, Any]


class Automation(msgspec.Struct, frozen=True):
    """A checked Automation document; `raw` is the parsed object itself."""

    schema_version: str
    description: str
    assume_role: str
    parameters: dict[str, Declaration]
    steps: tuple[AutomationStep, ...]
    outputs: tuple[str, ...]
    raw: dict[str, Any]


def parse(raw: dict[str, Any]) -> Automation:
    """An Automation document, checked; messages name the path of what is wrong.

    Raises InvalidDocumentSchemaVersion for another version than 0.3, else InvalidDocumentContent.
    """
    version = expect(raw, "schemaVersion", str, "")
    if version != AUTOMATION:
        raise InvalidDocumentSchemaVersion(
            f"schemaVersion {version[:60]!r} is not supported for Automation documents: use {AUTOMATION}"
        )
    _refuse_unknown(raw, _MEMBERS, "", "schema 0.3")
    declared = declarations.parse(expect(raw, "parameters", dict, "", {}), version)
    steps = _steps(raw, "mainSteps", "mainSteps")
    names = _every_name(raw["mainSteps"])
    known = {*declared, *names}
    for step in steps:
        _check_targets(step, f"mainSteps.{step.name}", {one.name for one in steps})
    _check_references(raw["mainSteps"], "mainSteps", known)
    return Automation(
        schema_version=version,
        description=expect(raw, "description", str, "", ""),
        assume_role=_assume_role(raw, known),
        parameters=declared,
        steps=steps,
        outputs=_outputs(raw, names),
        raw=raw,
    )


def _steps(members: Mapping[str, Any], member: str, path: str) -> tuple[AutomationStep, ...]:
    entries = expect(members, member, list, path.removesuffix(member).rstrip("."))
    if not entries:
        raise InvalidDocumentContent(f"{path}: empty, a document has at least one step")
    return tuple(_step(entry, f"{path}[{at}]") for at, entry in enumerate(entries))


def _step(entry: Any, path: str) -> AutomationStep:
    if not isinstance(entry, dict):
        raise InvalidDocumentContent(f"{path}: a step is an object with name, action and inputs")
    name, action = expect(entry, "name", str, path), expect(entry, "action", str, path)
    if not STEP_NAME.fullmatch(name):
        raise InvalidDocumentContent(f"{path}.name {name[:60]!r}: use up to 128 letters, digits, _ and -")
    if not ACTION.fullmatch(action):
        raise InvalidDocumentContent(f"{path}.action {action[:60]!r}: use an action's name, as in aws:runCommand")
    _refuse_unknown(entry, _STEP_MEMBERS, path, "a step")
    expect(entry, "description", str, path, "")
    _check_number(entry, "maxAttempts", path, MAX_ATTEMPTS)
    _check_number(entry, "timeoutSeconds", path, None)
    _check_step_outputs(entry, path)
    return AutomationStep(
        name=name,
        action=action,
        inputs=expect(entry, "inputs", dict, path, {}),
        on_failure=expect(entry, "onFailure", str, path, "Abort"),
        on_cancel=expect(entry, "onCancel", str, path, "Abort"),
        next_step=expect(entry, "nextStep", str, path, ""),
        is_end=_flag(entry, "isEnd", path, default=False),
        is_critical=_flag(entry, "isCritical", path, default=True),
        raw=entry,
    )


def _every_name(entries: Any) -> set[str]:
    """The name of every step, those inside loops too; a name stands on one step only."""
    counted = Counter(_walk(entries, "mainSteps"))
    for name, count in counted.items():
        if count > 1:
            raise InvalidDocumentContent(f"mainSteps: the name {name} stands on more than one step")
    return set(counted)


def _walk(entries: Any, path: str) -> Iterator[str]:
    for at, entry in enumerate(entries):
        yield entry["name"]
        if entry["action"] == _LOOP and "Steps" in entry.get("inputs", {}):
            inner = f"{path}[{at}].inputs.Steps"
            steps = _steps(entry["inputs"], "Steps", inner)
            for step in steps:
                _check_targets(step, f"{inner}.{step.name}", {one.name for one in steps})
            yield from _walk(entry["inputs"]["Steps"], inner)


def _check_targets(step: AutomationStep, path: str, names: set[str]) -> None:
    """Every step that this one can lead to exists."""
    for member, value, words in (
        ("onFailure", step.on_failure, ("Abort", "Continue")),
        ("onCancel", step.on_cancel, ("Abort",)),
    ):
        if value not in words and not value.startswith(_STEP):
            raise InvalidDocumentContent(f"{path}.{member} {value[:60]!r}: use {', '.join(words)} or step:<name>")
        if value.startswith(_STEP):
            _require_step(value.removeprefix(_STEP).strip(), f"{path}.{member}", names)
    if step.next_step:
        _require_step(step.next_step, f"{path}.nextStep", names)
    if step.action != _BRANCH:
        return
    choices = expect(step.inputs, "Choices", list, f"{path}.inputs")
    for at, choice in enumerate(choices):
        if not isinstance(choice, dict):
            raise InvalidDocumentContent(f"{path}.inputs.Choices[{at}]: a choice is an object with NextStep")
        target = expect(choice, "NextStep", str, f"{path}.inputs.Choices[{at}]")
        _require_step(target, f"{path}.inputs.Choices[{at}].NextStep", names)
    default = expect(step.inputs, "Default", str, f"{path}.inputs", "")
    if default:
        _require_step(default, f"{path}.inputs.Default", names)


def _require_step(name: str, path: str, names: set[str]) -> None:
    if name not in names and not interpolation.references(name):
        raise InvalidDocumentContent(f"{path} {name[:60]!r}: there is no step of this name")


def _check_references(value: Any, path: str, known: set[str]) -> None:
    """`{{ name }}` and `{{ name.member }}` mean a parameter or a step; names with a colon come from elsewhere."""
    if isinstance(value, str):
        for name in sorted(interpolation.references(value)):
            if ":" not in name and name not in known and name.partition(".")[0] not in known:
                raise InvalidDocumentContent(f"{path}: {{{{ {name[:60]} }}}} is no parameter and no step's output")
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in _SCRIPT_INPUTS:
                _check_references(inner, f"{path}.{key}"[:200], known)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            named = isinstance(inner, dict) and path == "mainSteps"
            _check_references(inner, f"{path}.{inner['name']}" if named else f"{path}[{at}]"[:200], known)


def _assume_role(raw: Mapping[str, Any], known: set[str]) -> str:
    role: str = expect(raw, "assumeRole", str, "", "")
    _check_references(role, "assumeRole", known)
    return role


def _outputs(raw: Mapping[str, Any], names: set[str]) -> tuple[str, ...]:
    outputs = expect(raw, "outputs", list, "", [])
    for at, output in enumerate(outputs):
        if not isinstance(output, str):
            raise InvalidDocumentContent(f"outputs[{at}]: use text, as in stepName.OutputName")
        step, dot, name = output.strip("{} ").partition(".")
        if not (dot and name) or step not in names:
            raise InvalidDocumentContent(f"outputs[{at}] {output[:60]!r}: use stepName.OutputName of a step")
    return tuple(outputs)


def _check_step_outputs(entry: Mapping[str, Any], path: str) -> None:
    for at, output in enumerate(expect(entry, "outputs", list, path, [])):
        place = f"{path}.outputs[{at}]"
        if not isinstance(output, dict):
            raise InvalidDocumentContent(f"{place}: an output is an object with Name, Selector and Type")
        expect(output, "Name", str, place)
        expect(output, "Selector", str, place)
        kind = expect(output, "Type", str, place, "String")
        if kind not in OUTPUT_TYPES:
            raise InvalidDocumentContent(f"{place}.Type {kind[:60]!r}: use one of {', '.join(OUTPUT_TYPES)}")


def _check_number(entry: Mapping[str, Any], member: str, path: str, most: int | None) -> None:
    value = entry.get(member)
    if value is None or interpolation.references(value):
        return
    text = str(value)
    digits = not isinstance(value, bool) and text.isascii() and text.isdigit() and len(text) <= 9
    if not digits or int(text) < 1 or (most is not None and int(text) > most):
        limit = "from 1 on" if most is None else f"from 1 to {most}"
        raise InvalidDocumentContent(f"{path}.{member} {text[:60]!r}: use a whole number {limit}")


def _flag(entry: Mapping[str, Any], member: str, path: str, *, default: bool) -> bool:
    text = str(entry.get(member, default)).lower()
    if text not in ("true", "false"):
        raise InvalidDocumentContent(f"{path}.{member} {text[:60]!r}: use true or false")
    return text == "true"


def _refuse_unknown(members: Mapping[str, Any], known: frozenset[str], path: str, where: str) -> None:
    unknown = sorted(members.keys() - known)
    if unknown:
        place = f"{path}.{unknown[0][:60]}" if path else unknown[0][:60]
        raise InvalidDocumentContent(f"{place}: unknown member in {where}, use {', '.join(sorted(known))}")
