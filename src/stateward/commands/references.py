"""References to Parameter Store, `{{ssm:name}}`: which there are, and what they stand for (spec 5.3, D40)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from stateward.access.principals import Scope
from stateward.documents import interpolation
from stateward.parameters import lookup, names
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError

PREFIX = "ssm:"
SECURE_PREFIX = "ssm-secure:"
"""What the node itself asks for, so that the secret stands in no command."""
NONE: Mapping[str, str] = {}


class Fetched(msgspec.Struct, frozen=True):
    """Reference (`name`, `name:version`, `name:label`) → text, and → the version that it was."""

    values: Mapping[str, str] = NONE
    versions: Mapping[str, int] = {}


def within(value: Any) -> frozenset[str]:
    """Every reference in a value, wherever it stands in lists and maps."""
    found = interpolation.references(value)
    return frozenset(name.removeprefix(PREFIX) for name in found if name.startswith(PREFIX))


def named(*values: Any) -> list[str]:
    """Every reference in these values, resolved here or left to the node, without its prefix."""
    prefixes = (PREFIX, SECURE_PREFIX)
    found = interpolation.references(values)
    return sorted({name.partition(":")[2] for name in found if name.startswith(prefixes)})


def followed(parameters: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """The names whose change starts a run, as the store spells them (`/name` is `name`).

    A reference that pins a version or label is none.
    """
    return frozenset(names.canonical(reference) for reference in within(parameters) if ":" not in reference)


async def fetch(tx: Snapshot, scope: Scope, references: Collection[str]) -> Fetched:
    """What references stand for now. Raises InvalidParameters for the first that stands for nothing (V17)."""
    if not references:
        return Fetched()
    wanted = sorted(references)
    found = await lookup.resolve(tx, scope, wanted)
    values, versions = {}, {}
    for reference in wanted:
        one = found[reference]
        if one.problem is not None:
            raise AwsError("InvalidParameters", f"{{{{{PREFIX}{reference}}}}}: {one.problem}")
        values[reference], versions[reference] = one.value, one.version
    return Fetched(values, versions)
