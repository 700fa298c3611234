"""What the documents room announces. `scope` is the owner's, also where other accounts use the document."""

from __future__ import annotations

import msgspec

from stateward.access.principals import Scope


class DefaultVersionMoved(msgspec.Struct, frozen=True):
    """`$DEFAULT` now means another version."""

    scope: Scope
    name: str
    version: int
    document_type: str


class DocumentVersionAdded(msgspec.Struct, frozen=True):
    """`$LATEST` now means this new version."""

    scope: Scope
    name: str
    version: int
    document_type: str


class DocumentDeleted(msgspec.Struct, frozen=True):
    """A document is gone with all its versions."""

    scope: Scope
    name: str
    document_type: str
