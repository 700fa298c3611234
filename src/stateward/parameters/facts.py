"""What the Parameter Store announces."""

from __future__ import annotations

import msgspec

from stateward.access.principals import Scope


class ParameterChanged(msgspec.Struct, frozen=True):
    """PutParameter made a version; `value_changed` says whether its value or type is another than before.

    Labels that move and deletions are not announced: they start no run (D40).
    """

    scope: Scope
    name: str
    version: int
    value_changed: bool
