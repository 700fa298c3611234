"""Who calls, and what part of the world they see."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Scope(NamedTuple):
    """The account and region that every row belongs to; two scopes never see each other (D17)."""

    account_id: str
    region: str


class Principal(msgspec.Struct, frozen=True):
    """Somebody whose identity was checked: an administrator's access key, a node, or nobody (registration)."""

    kind: str
    name: str
    scope: Scope
    role: str = ""

    @property
    def is_node(self) -> bool:
        return self.kind == "node"


def administrator(access_key_id: str, scope: Scope) -> Principal:
    """The holder of an access key with every right."""
    return Principal("key", access_key_id, scope, "administrator")


def node(node_id: str, scope: Scope) -> Principal:
    """A managed node, which sees only its own work; account and region are those of its activation (D17)."""
    return Principal("node", node_id, scope)
