"""What the tags room announces."""

from __future__ import annotations

import msgspec

from stateward.access.principals import Scope


class TagsChanged(msgspec.Struct, frozen=True):
    """The tags of one resource were added to, overwritten or removed."""

    scope: Scope
    resource_type: str
    resource_id: str
