"""How much there may be of everything: AWS's numbers unless told otherwise (spec 6.8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields


class BadQuota(ValueError):
    """A quota was not given as NAME=N with a known name; the text says what would be right."""


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """The limits of one server."""

    associations: int = 2_000
    """Per account and region."""
    association_versions: int = 1_000
    """Per association."""
    documents: int = 500
    """Per account and region."""
    document_versions: int = 1_000
    """Per document."""
    document_shares: int = 1_000
    """Accounts that a document is shared with."""
    parameters: int = 10_000
    """Per account and region."""
    tags: int = 50
    """Per resource."""

    @classmethod
    def parse(cls, given: Iterable[str]) -> Quotas:
        """AWS's numbers but for those in `given`, such as `document-versions=20`. Raises BadQuota."""
        known = {field.name.replace("_", "-"): field.name for field in fields(cls)}
        changed: dict[str, int] = {}
        for text in given:
            name, _, number = text.partition("=")
            if name.strip() not in known:
                raise BadQuota(f"--quota {text!r}: there is no quota {name.strip()!r}, use one of {', '.join(known)}")
            if not (number.strip().isascii() and number.strip().isdecimal() and len(number.strip()) <= 9):
                raise BadQuota(f"--quota {text!r}: write {name.strip()}=N with a whole number from 0 to 999999999")
            changed[known[name.strip()]] = int(number)
        return cls(**changed)
