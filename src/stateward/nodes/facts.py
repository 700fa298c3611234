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


class CloneSuspected(msgspec.Struct, frozen=True):
    """Two machines seem to pass for one node: by another `fingerprint`, or by `channels` (D56)."""

    scope: Scope
    node_id: str
    kind: str
    addresses: tuple[str, ...]


class FingerprintAccepted(msgspec.Struct, frozen=True):
    """Another machine is the node from now on; what the one before holds is good no more."""

    scope: Scope
    node_id: str
