"""aws:runDocument: another document as one step of this one, whatever is inside (spec 5.5, node protocol 5.7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stateward.agent.client import CallFailed
from stateward.agent.plugins.calling_off import CalledOff, unless_called_off
from stateward.agent.plugins.step import NO_PROCESS, StepEnd, StepFailed, StepSetting, failed
from stateward.agent.stored_document import StoredDocument, read_name
from stateward.documents import content, parameters, schema
from stateward.documents.parameters import Declaration
from stateward.documents.schema import InvalidDocumentContent, InvalidDocumentSchemaVersion

MOST_BYTES = 64 * 1024
_RUNNABLE = ("Command", "Policy")


async def run(inputs: Mapping[str, Any], setting: StepSetting) -> StepEnd:
    """Fetch or read the document, and run its steps."""
    try:
        setting.began(*NO_PROCESS)
        stored = await unless_called_off(_stored(inputs, setting), setting)
        document = schema.parse_command(_parsed(stored), stored.document_type)
        values = _values(document.parameters, _given(inputs.get("documentParameters")))
    except CalledOff as called_off:
        return called_off.end
    except (StepFailed, CallFailed, InvalidDocumentContent, InvalidDocumentSchemaVersion, OSError) as error:
        return failed(str(error))
    return await setting.run_inside(document, values)


async def _stored(inputs: Mapping[str, Any], setting: StepSetting) -> StoredDocument:
    kind, path = inputs.get("documentType"), inputs.get("documentPath")
    if not isinstance(path, str) or not path:
        raise StepFailed("documentPath must name a document, as a text")
    if kind == "LocalPath":
        return _local(setting.folder / path)
    if kind != "SSMDocument":
        raise StepFailed(f"documentType {str(kind)[:60]!r}: use SSMDocument or LocalPath")
    stored = await setting.server.get_document(*read_name(path))
    if stored.document_type not in _RUNNABLE:
        raise StepFailed(f"{path[:200]} is a document of type {stored.document_type}, use one of type Command")
    return stored


def _local(path: Path) -> StoredDocument:
    if not path.is_file():
        raise StepFailed(f"documentPath {path} is not a file on this node")
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise StepFailed(f"documentPath {path} is larger than {MOST_BYTES} bytes, which no document is")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise StepFailed(f"documentPath {path} is not UTF-8 text") from None
    return StoredDocument(str(path), text, "JSON" if text.lstrip()[:1] == "{" else "YAML", "Command")


def _parsed(stored: StoredDocument) -> dict[str, Any]:
    return schema.load(stored.content, stored.document_format)


def _given(value: Any) -> dict[str, Any]:
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = content.read_json(value)
        except content.Unreadable as error:
            raise StepFailed(f"documentParameters: {error}") from None
    if not isinstance(value, dict):
        raise StepFailed("documentParameters must be an object, or the JSON text of one")
    return value


def _values(declared: Mapping[str, Declaration], given: Mapping[str, Any]) -> dict[str, Any]:
    """The effective values; parameters that the document does not declare are ignored, as the official agent does."""
    typed = {name: _typed(name, declared[name], value) for name, value in given.items() if name in declared}
    missing = [name for name, one in declared.items() if one.required and name not in typed]
    if missing:
        raise StepFailed(f'Parameter "{missing[0]}" requires a value.')
    return parameters.effective_values(declared, typed)


def _typed(name: str, declared: Declaration, value: Any) -> Any:
    if not parameters.has_type(declared.type, value):
        value = _converted(declared.kind, value)
    if not parameters.has_type(declared.type, value):
        raise StepFailed(f'Parameter "{name}" is not of type {declared.type}.')
    problem = parameters.problem_with(declared, value)
    if problem is None and declared.allowed_pattern is not None:
        texts = [one for one in parameters.items_of(declared, value) if isinstance(one, str)]
        found = (parameters.pattern_problem(declared.allowed_pattern, text) for text in texts)
        # The value may be a secret: it is not told.
        problem = "has a value that does not match its allowed pattern." if any(found) else None
    if problem is not None:
        raise StepFailed(f'Parameter "{name}" {problem}')
    return value


def _converted(kind: str, value: Any) -> Any:
    """What was meant by a value in another form: the API's one-element lists, and everything as text."""
    if kind == "String":
        if isinstance(value, list) and len(value) == 1:
            return value[0]
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if not isinstance(value, str):
        return value
    try:
        found = content.read_json(value)
    except content.Unreadable:
        found = value
    return [value] if kind == "StringList" and not isinstance(found, list) else found
