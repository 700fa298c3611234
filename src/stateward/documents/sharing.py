"""Which versions of a document another account may use, by the SharedDocumentVersion of its share (D50)."""

from __future__ import annotations

DEFAULT, LATEST, ALL_VERSIONS = "$DEFAULT", "$LATEST", "$ALL"
_WORDS = (None, "", DEFAULT, LATEST)


def means_only(version: int, version_name: str | None, asked: str | None, asked_name: str | None) -> bool:
    """Whether a request means the one version that is shared; `$DEFAULT` and `$LATEST` both do."""
    return (asked in _WORDS or asked == str(version)) and asked_name in (None, version_name)
