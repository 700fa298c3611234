"""What references to parameters stand for, for every room that uses them (spec 5.3, D40)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from stateward.access.principals import Scope
from stateward.parameters import names, store
from stateward.parameters.names import Reference
from stateward.parameters.store import VersionRow
from stateward.parameters.vault import SECURE
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError


class Resolved(msgspec.Struct, frozen=True):
    """One reference: the parameter's name, version, type and value, or the `problem` that there is with it.

    `pinned` references name a version and never change; where there is a problem the value is empty.
    """

    name: str
    pinned: bool
    version: int = 0
    parameter_type: str = ""
    value: str = ""
    problem: str | None = None


async def find(tx: Snapshot, scope: Scope, wanted: Reference) -> VersionRow:
    """The version that a reference means. Raises ParameterNotFound or ParameterVersionNotFound."""
    if not wanted.selector:
        row = await store.latest(tx, scope, wanted.name)
    elif wanted.version is not None:
        row = await store.numbered(tx, scope, wanted.name, wanted.version)
    else:
        row = await store.labelled(tx, scope, wanted.name, wanted.selector)
    if row is not None:
        return row
    if not wanted.selector or not await store.exists(tx, scope, wanted.name):
        raise not_found(wanted.name)
    raise version_not_found("label" if wanted.version is None else "version", wanted.selector, wanted.name)


def version_not_found(kind: str, selector: str | int, name: str) -> AwsError:
    return AwsError(
        "ParameterVersionNotFound",
        f"Systems Manager could not find {kind} {selector} of {name}. Verify the {kind} and try again.",
    )


def not_found(name: str) -> AwsError:
    return AwsError("ParameterNotFound", f"Parameter {name} not found.")


async def resolve(tx: Snapshot, scope: Scope, references: Sequence[str]) -> Mapping[str, Resolved]:
    """Reference → what it stands for, for texts as in `{{ssm:…}}`: `name`, `name:3`, `/a/b:label`.

    A SecureString is refused: the master key is not at hand where runs are made, and rows would hold it in clear.
    """
    return {text: await _resolve(tx, scope, text) for text in dict.fromkeys(references)}


async def _resolve(tx: Snapshot, scope: Scope, text: str) -> Resolved:
    name, pinned = text, False
    try:
        wanted = names.reference(text, scope)
        name, pinned = wanted.name, wanted.version is not None
        row = await find(tx, scope, wanted)
    except AwsError as error:
        return Resolved(name, pinned, problem=error.message)
    if row.parameter_type == SECURE:
        problem = f"Parameter {name} is a SecureString, which can not be used here: use a String or StringList."
        return Resolved(name, pinned, row.version, row.parameter_type, problem=problem)
    return Resolved(name, pinned, row.version, row.parameter_type, row.value)
