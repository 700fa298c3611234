"""What was looked at for Why?, in order, and how it stands: from the reasons that hold (associations/why.py). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

FINE, WAITS, WRONG = "fine", "waits", "wrong"


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at; `stands` is fine, waits or wrong."""

    title: str
    stands: str

    @property
    def sign(self) -> str:
        return {FINE: "✓", WAITS: "○", WRONG: "✕"}[self.stands]


ORDER: tuple[tuple[str, str, bool], ...] = (
    ("deleted", "the association is there", False),
    ("paused", "not paused", False),
    ("unknown-node other-scope deregistered", "the node is registered here", True),
    ("not-listed tag-missing group-missing not-on-nodes no-target", "the targets match", False),
    ("document-missing document-version parameter-bad cannot-start", "document and parameters", False),
    ("calendar-closed calendar-missing", "calendars open", False),
    ("slot error-limit resolving", "released by rate control", False),
    ("offline never-online other-association waits-for-cancel sent-no-answer", "the node can be reached", True),
    ("catch-up-owed delivery-timeout joined-later", "no run is owed", True),
    (
        "failed step-timeout superseded cancelled-by alarm duration-over undeliverable",
        "the newest run ended well",
        True,
    ),
    ("old-version", "runs the newest version", True),
)
"""(the codes that speak against it, its title, whether it asks for a node), in the order in which the rule looks."""
HOLDS_UP = frozenset(
    [
        "paused",
        "calendar-closed",
        "slot",
        "resolving",
        "offline",
        "never-online",
        "other-association",
        "waits-for-cancel",
        "sent-no-answer",
        "catch-up-owed",
        "joined-later",
        "old-version",
        "no-target",
    ]
)
"""Codes of what passes by itself, or when somebody lets it."""
LAST_LOOKED_AT = frozenset(
    ["deleted", "unknown-node", "other-scope", "deregistered", "not-listed", "tag-missing", "not-on-nodes"]
)
"""Codes after which nothing else is looked at."""


def checks(reasons: Sequence[Mapping[str, Any]], *, of_node: bool) -> list[Check]:
    """Every check up to the one that ends the question."""
    codes = [reason["code"] for reason in reasons]
    found = []
    for against, title, asks_for_node in ORDER:
        if asks_for_node and not of_node:
            continue
        hits = [code for code in codes if code in against.split()]
        stands = FINE if not hits else WAITS if set(hits) <= HOLDS_UP else WRONG
        found.append(Check(title, stands))
        if any(code in LAST_LOOKED_AT for code in hits):
            break
    return found
