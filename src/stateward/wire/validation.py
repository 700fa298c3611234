"""Requests against the shapes of the service model (spec 0.2).

A shape is compiled once into a tree of nodes; checking a value walks both trees together, gathers every violation and
gives back the value as the rooms want it: known members only, instants as milliseconds, blobs as bytes.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

from stateward.wire.scalars import MASK, Bounds, Node, Shape, scalar_node, wrong_type
from stateward.wire.violations import NOT_NULL, EnoughViolations, Violations


class Validator:
    """Checks the input of one operation."""

    __slots__ = ("_root",)

    def __init__(self, root: Node) -> None:
        self._root = root

    def __call__(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The request as the rooms want it, a new dict; a ValidationException names all violations together.

        Unknown members are dropped, null is absent (spec 0.1).
        """
        found = Violations()
        checked: dict[str, Any] = {}
        with contextlib.suppress(EnoughViolations):
            checked = self._root.check(request, "", found)
        if found:
            raise found.error()
        return checked


class ShapeCompiler:
    """Compiles shapes on first use and keeps them; shapes may contain themselves."""

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self._shapes = shapes
        self._nodes: dict[tuple[str, bool], Node] = {}

    def node(self, name: str, *, sensitive: bool = False) -> Node:
        """The node of a shape; inside something `sensitive` everything is."""
        shape = self._shapes[name]
        sensitive = sensitive or bool(shape.get("sensitive"))
        known = self._nodes.get((name, sensitive))
        return known or self._compile(name, shape, sensitive)

    def _compile(self, name: str, shape: Shape, sensitive: bool) -> Node:
        # Containers are noted before their contents are compiled: a shape that contains itself then finds itself.
        match shape["type"]:
            case "structure":
                structure = StructureNode(sensitive)
                self._nodes[name, sensitive] = structure
                required = frozenset(shape.get("required", ()))
                for member, target in shape.get("members", {}).items():
                    node = self.node(target["shape"], sensitive=sensitive)
                    structure.members.append((member, _lower_first(member), node, member in required))
                return structure
            case "list":
                elements = ListNode(shape, sensitive)
                self._nodes[name, sensitive] = elements
                elements.element = self.node(shape["member"]["shape"], sensitive=sensitive)
                return elements
            case "map":
                entries = MapNode(shape, sensitive)
                self._nodes[name, sensitive] = entries
                entries.key = self.node(shape["key"]["shape"], sensitive=sensitive)
                entries.value = self.node(shape["value"]["shape"], sensitive=sensitive)
                return entries
            case _:
                scalar = scalar_node(name, shape, sensitive)
                self._nodes[name, sensitive] = scalar
                return scalar


class StructureNode:
    """Known members in the model's order: (name, name in paths, node, required)."""

    __slots__ = ("_sensitive", "members")

    def __init__(self, sensitive: bool) -> None:
        self._sensitive = sensitive
        self.members: list[tuple[str, str, Node, bool]] = []

    def check(self, value: Any, path: str, found: Violations) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise wrong_type(path, "an object", value)
        prefix = f"{path}." if path else ""
        checked = {}
        for name, lower_name, node, required in self.members:
            given = value.get(name)
            if given is not None:
                checked[name] = node.check(given, prefix + lower_name, found)
            elif required:
                found.add(None, prefix + lower_name, NOT_NULL)
        return checked

    def text(self, value: Any) -> str:
        if self._sensitive or not isinstance(value, Mapping):
            return MASK
        given = ((name, node, value.get(name)) for name, _, node, _ in self.members)
        return "{" + ", ".join(f"{name}={node.text(item)}" for name, node, item in given if item is not None) + "}"


class ListNode:
    """Elements of one shape; paths count them from 1."""

    __slots__ = ("_length", "_sensitive", "element")

    element: Node

    def __init__(self, shape: Shape, sensitive: bool) -> None:
        self._length = Bounds(shape, "length")
        self._sensitive = sensitive

    def check(self, value: Any, path: str, found: Violations) -> list[Any]:
        if not isinstance(value, list):
            raise wrong_type(path, "a list", value)
        for rule in self._length.broken(len(value)):
            found.add(self.text(value), path, rule)
        checked = []
        for number, item in enumerate(value, 1):
            if item is None:
                found.add(None, f"{path}.{number}.member", NOT_NULL)
            else:
                checked.append(self.element.check(item, f"{path}.{number}.member", found))
        return checked

    def text(self, value: Any) -> str:
        if self._sensitive or not isinstance(value, list):
            return MASK
        return "[" + ", ".join("null" if item is None else self.element.text(item) for item in value) + "]"


class MapNode:
    """String keys to values of one shape; a null value is as good as an absent key."""

    __slots__ = ("_length", "_sensitive", "key", "value")

    key: Node
    value: Node

    def __init__(self, shape: Shape, sensitive: bool) -> None:
        self._length = Bounds(shape, "length")
        self._sensitive = sensitive

    def check(self, value: Any, path: str, found: Violations) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise wrong_type(path, "an object", value)
        for rule in self._length.broken(len(value)):
            found.add(self.text(value), path, rule)
        checked = {}
        for key, item in value.items():
            self.key.check(key, f"{path}.key", found)
            if item is not None:
                checked[key] = self.value.check(item, f"{path}.member", found)
        return checked

    def text(self, value: Any) -> str:
        if self._sensitive or not isinstance(value, Mapping):
            return MASK
        given = ((key, item) for key, item in value.items() if item is not None)
        return "{" + ", ".join(f"{self.key.text(key)}={self.value.text(item)}" for key, item in given) + "}"


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
