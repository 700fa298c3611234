"""What Command and Policy documents are: read, checked and brought into one shape (spec 5.1 to 5.4)."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.documents import content, declarations, interpolation
from stateward.documents.parameters import Declaration
from stateward.documents.platforms import PLATFORMS, PLUGINS
from stateward.documents.problems import InvalidDocumentContent, InvalidDocumentSchemaVersion, expect

__all__ = ["Declaration", "Document", "InvalidDocumentContent", "InvalidDocumentSchemaVersion", "Step"]

DEFAULT_TIMEOUT_S = 3600
MAX_TIMEOUT_S = 172_800
STEP_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
ACTION = re.compile(r"[a-zA-Z]+:[a-zA-Z0-9]+")
# What agents read like these; 2.0.1 to 2.0.3 never differed from 2.0 for a node.
WITHOUT_PRECONDITIONS = ("2.0", "2.0.1", "2.0.2", "2.0.3")
MAIN_STEPS = (*WITHOUT_PRECONDITIONS, "2.2")
_MEMBERS = frozenset(("schemaVersion", "description", "parameters", "outputs", "files"))
_ELSEWHERE = ("ssm:", "ssm-secure:")
_PLATFORM = "platformType"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step as it stands in the document, references not yet replaced.

    `input_sets` are the objects that the plugin runs through in order: one in schema 2.x; in 1.2 as many as the plugin
    has properties, all of them one step with joined outputs. `inputs` is the first.
    """

    name: str
    action: str
    inputs: dict[str, Any]
    input_sets: tuple[dict[str, Any], ...]
    precondition: dict[str, Any] | None = None
    on_failure: str = ""
    on_success: str = ""
    finally_step: bool = False
    timeout_s: int | str = DEFAULT_TIMEOUT_S


class Document(msgspec.Struct, frozen=True):
    """A checked Command or Policy document; `raw` is the parsed object itself."""

    schema_version: str
    description: str
    parameters: dict[str, Declaration]
    steps: tuple[Step, ...]
    raw: dict[str, Any]


def read(text: str, document_format: str) -> Any:
    """The value of a document's text, `JSON` or `YAML`. Raises InvalidDocumentContent.

    An unquoted schemaVersion in YAML stays text (D23).
    """
    try:
        if document_format == "JSON":
            return content.read_json(text)
        if document_format == "YAML":
            return content.read_yaml(text, keep_text=frozenset(("schemaVersion",)))
    except content.Unreadable as error:
        raise InvalidDocumentContent(f"The {document_format} content can not be read: {error}") from error
    raise InvalidDocumentContent(f"document format {document_format}: use JSON or YAML")


def load(text: str, document_format: str) -> dict[str, Any]:
    """The object that a document's text holds. Raises InvalidDocumentContent."""
    value = read(text, document_format)
    if not isinstance(value, dict):
        raise InvalidDocumentContent("A document is an object with the member schemaVersion.")
    return value


def parse_command(raw: dict[str, Any], document_type: str = "Command") -> Document:
    """A Command or Policy document, checked as a whole; messages name the path of what is wrong.

    Raises InvalidDocumentSchemaVersion for a version that the type does not have, else InvalidDocumentContent.
    Unknown plugins pass: they are the node's business (D51).
    """
    version = expect(raw, "schemaVersion", str, "")
    oldest, named = ((), "2.0 or 2.2") if document_type == "Policy" else (("1.2",), "1.2, 2.0 or 2.2")
    if version not in (*oldest, *MAIN_STEPS):
        raise InvalidDocumentSchemaVersion(
            f"schemaVersion {version[:60]!r} is not supported for {document_type} documents: use {named}"
        )
    root = "runtimeConfig" if version == "1.2" else "mainSteps"
    unknown = sorted(raw.keys() - _MEMBERS - {root})
    if unknown:
        known = ", ".join(sorted({*_MEMBERS, root}))
        raise InvalidDocumentContent(f"{unknown[0]}: unknown member in schema {version}, use {known}")
    declared = declarations.parse(expect(raw, "parameters", dict, "", {}), version)
    steps = _plugin_steps(raw) if version == "1.2" else _main_steps(raw, version, declared)
    for step in steps:
        _check_inputs(step, f"{root}.{step.name}", declared)
    return Document(version, expect(raw, "description", str, "", ""), declared, steps, raw)


def step_names(document: Document) -> tuple[str, ...]:
    """The names under which a node reports the steps, in order; in schema 1.2 the plugins (D15)."""
    return tuple(step.name for step in document.steps)


def execution_timeouts_s(document: Document, values: Mapping[str, Any]) -> tuple[int, ...]:
    """How long each step may run, with these effective parameter values (spec 6.4, D2)."""
    return tuple(sum(timeout_s(inputs, values) for inputs in step.input_sets) for step in document.steps)


def timeout_s(inputs: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """The timeoutSeconds of one set of inputs; an hour where it is no number from 1 to 172800."""
    found = _seconds(interpolation.interpolate(inputs.get("timeoutSeconds"), values))
    return DEFAULT_TIMEOUT_S if found is None else found


def _main_steps(raw: Mapping[str, Any], version: str, declared: Mapping[str, Declaration]) -> tuple[Step, ...]:
    entries = expect(raw, "mainSteps", list, "")
    if not entries:
        raise InvalidDocumentContent("mainSteps: empty, a document has at least one step")
    steps = tuple(_main_step(entry, f"mainSteps[{at}]", version, declared) for at, entry in enumerate(entries))
    repeated = [name for name, count in Counter(step.name for step in steps).items() if count > 1]
    if repeated:
        raise InvalidDocumentContent(f"mainSteps: the name {repeated[0]} stands on more than one step")
    for at, step in enumerate(steps[:-1]):
        if step.finally_step:
            raise InvalidDocumentContent(
                f"mainSteps[{at}].inputs.finallyStep: only the last step can be the finallyStep"
            )
    return steps


def _main_step(entry: Any, path: str, version: str, declared: Mapping[str, Declaration]) -> Step:
    if not isinstance(entry, dict):
        raise InvalidDocumentContent(f"{path}: a step is an object with action, name and inputs")
    name, action = expect(entry, "name", str, path), _action(expect(entry, "action", str, path), path)
    if not STEP_NAME.fullmatch(name):
        raise InvalidDocumentContent(f"{path}.name {name[:60]!r}: use up to 128 letters, digits, _ and -")
    inputs = expect(entry, "inputs", dict, path, {})
    precondition = expect(entry, "precondition", dict, path, None)
    if precondition is not None:
        if version != "2.2":
            raise InvalidDocumentContent(f"{path}.precondition: needs schema 2.2, not {version}")
        _check_precondition(precondition, f"{path}.precondition", declared)
    return Step(
        name=name,
        action=action,
        inputs=inputs,
        input_sets=(inputs,),
        precondition=precondition,
        on_failure=_one_of(inputs, "onFailure", ("exit", "successAndExit"), path),
        on_success=_one_of(inputs, "onSuccess", ("exit",), path),
        finally_step=_flag(inputs, "finallyStep", path),
        timeout_s=inputs.get("timeoutSeconds", DEFAULT_TIMEOUT_S),
    )


def _plugin_steps(raw: Mapping[str, Any]) -> tuple[Step, ...]:
    config = expect(raw, "runtimeConfig", dict, "")
    if not config:
        raise InvalidDocumentContent("runtimeConfig: empty, a document has at least one plugin")
    return tuple(_plugin_step(action, config, f"runtimeConfig.{action[:60]}") for action in config)


def _plugin_step(action: str, config: Mapping[str, Any], path: str) -> Step:
    _action(action, path)
    properties = expect(config, action, dict, "runtimeConfig").get("properties")
    if isinstance(properties, str) and interpolation.references(properties):
        properties = {"properties": properties}
    sets = properties if isinstance(properties, list) else [properties]
    if not sets or not all(isinstance(one, dict) for one in sets):
        raise InvalidDocumentContent(f"{path}.properties: use an object, or a list of them that is not empty")
    first = sets[0]
    return Step(
        name=action,
        action=action,
        inputs=first,
        input_sets=tuple(sets),
        timeout_s=first.get("timeoutSeconds", DEFAULT_TIMEOUT_S),
    )


def _check_inputs(step: Step, path: str, declared: Mapping[str, Declaration]) -> None:
    plugin = PLUGINS.get(step.action)
    for inputs in step.input_sets:
        _check_references(inputs, path, declared)
        missing = [] if plugin is None or set(inputs) == {"properties"} else [*_missing(plugin.required, inputs)]
        if missing:
            near = difflib.get_close_matches(missing[0], map(str, inputs), 1)
            instead = f", not {near[0][:60]}" if near else ""
            raise InvalidDocumentContent(f"{path}: {step.action} requires the input {missing[0]}{instead}")
        for member in ("timeoutSeconds", "maxAttempts"):
            _check_number(inputs, member, path)
        if step.action in ("aws:runShellScript", "aws:runPowerShellScript") and "runCommand" in inputs:
            _check_script(inputs["runCommand"], f"{path}.runCommand")
        for name in interpolation.commands_from_environment(step.action, inputs, declared):
            raise InvalidDocumentContent(
                f"{path}.runCommand: {name} has interpolationType ENV_VAR, so it can not be a whole command: "
                f'use it as data, as in "${{SSM_{name}}}"'
            )


def _check_references(value: Any, path: str, declared: Mapping[str, Declaration]) -> None:
    for name in sorted(interpolation.references(value)):
        if name not in declared and name != _PLATFORM and not name.startswith(_ELSEWHERE):
            raise InvalidDocumentContent(f"{path}: {{{{ {name[:60]} }}}} is not a parameter of this document")


def _check_script(script: Any, path: str) -> None:
    if isinstance(script, str) and interpolation.REFERENCE.fullmatch(script):
        return
    if not isinstance(script, list) or not script or not all(isinstance(line, str) for line in script):
        raise InvalidDocumentContent(f"{path}: use a list of text lines, or a reference to a StringList parameter")


def _check_number(inputs: Mapping[str, Any], member: str, path: str) -> None:
    value = inputs.get(member)
    if value is None or interpolation.references(value):
        return
    if _seconds(value) is None:
        raise InvalidDocumentContent(
            f"{path}.{member} {str(value)[:60]!r}: use a whole number from 1 to {MAX_TIMEOUT_S}"
        )


def _check_precondition(precondition: Mapping[str, Any], path: str, declared: Mapping[str, Declaration]) -> None:
    if list(precondition) != ["StringEquals"]:
        shown = ", ".join(precondition)[:60]
        raise InvalidDocumentContent(f"{path}: has {shown or 'no operator'}, use StringEquals and nothing else")
    operands = precondition["StringEquals"]
    if not isinstance(operands, list) or len(operands) != 2 or not all(isinstance(one, str) for one in operands):
        raise InvalidDocumentContent(f"{path}.StringEquals: use a list of two texts")
    _check_references(operands, path, declared)
    platform = [one == _PLATFORM or interpolation.references(one) == {_PLATFORM} for one in operands]
    if not any(platform) and not interpolation.references(operands):
        raise InvalidDocumentContent(f"{path}.StringEquals: one side must be platformType or {{{{ parameter }}}}")
    for other, is_platform in zip(operands[::-1], platform, strict=True):
        if is_platform and other not in PLATFORMS and not interpolation.references(other):
            raise InvalidDocumentContent(f"{path}.StringEquals: platformType is one of {', '.join(PLATFORMS)}")


def _action(action: str, path: str) -> str:
    if not ACTION.fullmatch(action):
        raise InvalidDocumentContent(f"{path}: action {action[:60]!r}: use a plugin's name, as in aws:runShellScript")
    return action


def _missing(required: Sequence[str], inputs: Mapping[str, Any]) -> list[str]:
    return [name for name in required if name not in inputs]


def _one_of(inputs: Mapping[str, Any], member: str, values: Sequence[str], path: str) -> str:
    value = inputs.get(member, "")
    if value != "" and value not in values:
        raise InvalidDocumentContent(f"{path}.inputs.{member} {str(value)[:60]!r}: use {' or '.join(values)}")
    return str(value)


def _flag(inputs: Mapping[str, Any], member: str, path: str) -> bool:
    value = str(inputs.get(member, "false")).lower()
    if value not in ("true", "false"):
        raise InvalidDocumentContent(f"{path}.inputs.{member} {value[:60]!r}: use true or false")
    return value == "true"


def _seconds(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0
    return number if 1 <= number <= MAX_TIMEOUT_S else None
