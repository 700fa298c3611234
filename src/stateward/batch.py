"""Several operations that happen together: the form of `POST /_stateward/apply`, on both sides (D57a)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec


class Unfilled(ValueError):
    """A step wants a member of an earlier answer that is not there."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One operation. `label` is what whoever asks calls it, for errors.

    `fill` takes members from the answers of earlier steps: member → (number of the step, path in its answer).
    """

    operation: str
    request: dict[str, Any]
    fill: dict[str, tuple[int | str, ...]] = {}
    label: str = ""


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must still be so: an answer has these members."""

    operation: str
    request: dict[str, Any]
    answer: dict[str, Any]


class Untagged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No resource of this type has all of these tags: nobody has made it meanwhile."""

    resource_type: str
    tags: dict[str, str]


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request. `rehearse`: do everything, then let nothing of it have happened."""

    steps: list[Step] = []
    expect: list[Expectation] = []
    untagged: list[Untagged] = []
    rehearse: bool = False


def filled(step: Step, answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The request of a step with what earlier steps have answered. Raises Unfilled."""
    request = dict(step.request)
    for member, path in step.fill.items():
        number, *names = path or ("",)
        found: Any = answers[number] if isinstance(number, int) and 0 <= number < len(answers) else None
        for name in names:
            found = found.get(name) if isinstance(found, Mapping) else None
        if not isinstance(found, str):
            raise Unfilled(f"fill {member}: an earlier step has no answer {', '.join(map(str, path))}")
        request[member] = found
    return request


def differences(wanted: Any, found: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(path, expected, found) for each member that is not as expected; what is not expected may be anything."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name, value in wanted.items():
            yield from differences(value, found.get(name), f"{path}.{name}".lstrip("."))
    elif wanted != found:
        yield path, wanted, found
