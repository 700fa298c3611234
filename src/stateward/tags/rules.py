"""What tags may look like (spec 6.2, 6.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def problem_with(tags: Sequence[Mapping[str, str]], limit: int) -> str | None:
    """Why these tags cannot be taken as given at a creation, or None (spec 2.2 V25)."""
    for tag in tags:
        if tag["Key"].lower().startswith("aws:"):
            return f"The tag key {tag['Key']} is not valid: keys beginning with aws: are reserved."
    if len({tag["Key"] for tag in tags}) > limit:
        return f"A resource can have {limit} tags, {len(tags)} were given."
    return None
