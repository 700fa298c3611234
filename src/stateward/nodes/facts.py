"""What the nodes room announces."""

from __future__ import annotations

import msgspec

from stateward.access.principals import Scope


class NodeArrived(msgspec.Struct, frozen=True):
    """A node came online for the first time (D12)."""

    scope: Scope
    node_id: str


class NodeConnected(msgspec.Struct, frozen=True):
    """A node has got a channel; `was_long_away`: it was not heard of for thirty days (spec 4.1)."""

    scope: Scope
    node_id: str
    was_long_away: bool


class NodeRemoved(msgspec.Struct, frozen=True):
    """A node was deregistered; what it had not finished will not be (spec 4.7)."""

    scope: Scope
    node_id: str
    who: str


class GroupsChanged(msgspec.Struct, frozen=True):
    """The resource groups are others now; every node is noted to be compared with the associations (D52)."""
