"""Counting nodes by what they have: expressions, nested ones, and groups (spec 6.9)."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.inventory import filters
from stateward.inventory.filters import Filter, Inventory
from stateward.inventory.schemas import Types
from stateward.wire.errors import AwsError

MOST_CHAINS = 50
DEEPEST_CHAIN = 5
MOST_COMBINATIONS = 10_000
Attribute = tuple[str, str]
Chain = tuple[Attribute, ...]


class Group(msgspec.Struct, frozen=True):
    """Nodes that meet the filters are counted, and those that do not."""

    name: str
    filters: list[Filter]


class Aggregator(msgspec.Struct, frozen=True):
    """One entity of the answer: either chains of (type, attribute), each way from outside to inside, or groups."""

    chains: list[Chain]
    groups: list[Group]


class Tally:
    """The counts of one aggregator, node by node."""

    def __init__(self, aggregator: Aggregator) -> None:
        self._aggregator = aggregator
        self._combinations: list[Counter[tuple[str, ...]]] = [Counter() for _ in aggregator.chains]
        self._matching = [0] * len(aggregator.groups)
        self._nodes = 0

    def add(self, inventory: Inventory) -> None:
        """Count one node; a combination of values counts once a node, however often it has it."""
        self._nodes += 1
        for number, chain in enumerate(self._aggregator.chains):
            self._combinations[number].update(_combinations(inventory, chain))
            if len(self._combinations[number]) > MOST_COMBINATIONS:
                raise _too_many(chain)
        for number, group in enumerate(self._aggregator.groups):
            self._matching[number] += filters.matches(inventory, group.filters)

    def data(self) -> dict[str, Any]:
        """The Data of an entity: type or group → Content, the largest counts first."""
        found: dict[str, Any] = {}
        for chain, counts in zip(self._aggregator.chains, self._combinations, strict=True):
            content = found.setdefault(chain[0][0], {"Content": []})["Content"]
            names = [attribute for _, attribute in chain]
            for values, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
                content.append({**dict(zip(names, values, strict=True)), "Count": str(count)})
        for group, matching in zip(self._aggregator.groups, self._matching, strict=True):
            other = {"notMatchingCount": str(self._nodes - matching)}
            found[group.name] = {"Content": [other, {"matchingCount": str(matching)}]}
        return found


def aggregators_of(entries: Sequence[Mapping[str, Any]], types: Types) -> list[Aggregator]:
    """Raises InvalidAggregatorException, InvalidInventoryGroupException."""
    return [_aggregator(entry, types) for entry in entries]


def types_of(aggregators: Sequence[Aggregator]) -> set[str]:
    """The types that these aggregators look at."""
    found = {type_name for one in aggregators for chain in one.chains for type_name, _ in chain}
    for one in aggregators:
        for group in one.groups:
            found |= filters.types_of(group.filters)
    return found


def _aggregator(entry: Mapping[str, Any], types: Types) -> Aggregator:
    if ("Expression" in entry) == ("Groups" in entry):
        raise AwsError("InvalidAggregatorException", "An aggregator has either an Expression or Groups.")
    if "Groups" in entry:
        if "Aggregators" in entry:
            raise AwsError("InvalidAggregatorException", "An aggregator of Groups has no Aggregators inside.")
        return Aggregator([], _groups(entry["Groups"], types))
    chains = _chains(entry, types, 1)
    if len(chains) > MOST_CHAINS:
        raise AwsError("InvalidAggregatorException", f"{len(chains)} innermost aggregators; {MOST_CHAINS} are allowed.")
    return Aggregator(chains, [])


def _chains(entry: Mapping[str, Any], types: Types, depth: int) -> list[Chain]:
    if "Expression" not in entry:
        raise AwsError("InvalidAggregatorException", "An aggregator inside another has an Expression.")
    if depth > DEEPEST_CHAIN:
        raise AwsError("InvalidAggregatorException", f"Aggregators are nested up to {DEEPEST_CHAIN} deep.")
    own = filters.split_attribute(entry["Expression"], types, code="InvalidAggregatorException")
    inner = [chain for one in entry.get("Aggregators", ()) for chain in _chains(one, types, depth + 1)]
    chains: list[Chain] = [(own, *chain) for chain in inner] if inner else [(own,)]
    for chain in chains:
        names = [attribute for _, attribute in chain]
        if len(set(names)) < len(names):
            raise AwsError(
                "InvalidAggregatorException", f"{' / '.join(names)}: attributes of one chain must have different names."
            )
    return chains


def _groups(entries: Sequence[Mapping[str, Any]], types: Types) -> list[Group]:
    code = "InvalidInventoryGroupException"
    names = [entry["Name"] for entry in entries]
    if len(set(names)) < len(names):
        raise AwsError(code, "Each group needs a name of its own.")
    return [
        Group(entry["Name"], filters.filters_of(entry["Filters"], types, code=code, in_group=True)) for entry in entries
    ]


def _combinations(inventory: Inventory, chain: Chain) -> set[tuple[str, ...]]:
    """The values that the chain's attributes have together on a node: within a type those of one entry."""
    positions: dict[str, list[int]] = {}
    for position, (type_name, _) in enumerate(chain):
        positions.setdefault(type_name, []).append(position)
    per_type = []
    size = 1
    for type_name, own in positions.items():
        held = inventory.get(type_name)
        names = [chain[position][1] for position in own]
        entries = held.entries if held is not None else ()
        per_type.append(
            {tuple(entry[name] for name in names) for entry in entries if all(name in entry for name in names)}
        )
        size *= len(per_type[-1])
    if size > MOST_COMBINATIONS:
        raise _too_many(chain)
    order = [position for own in positions.values() for position in own]
    found = set()
    for parts in itertools.product(*per_type):
        values = dict(zip(order, itertools.chain.from_iterable(parts), strict=True))
        found.add(tuple(values[position] for position in range(len(chain))))
    return found


def _too_many(chain: Chain) -> AwsError:
    names = " / ".join(f"{type_name}.{attribute}" for type_name, attribute in chain)
    return AwsError(
        "InvalidAggregatorException", f"{names} has more than {MOST_COMBINATIONS} different values: add Filters."
    )
