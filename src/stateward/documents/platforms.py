"""Plugins and the platforms that they run on (spec 5.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from stateward.documents.schema import Document, Step

# In the order of AWS's answers.
PLATFORMS = ("Windows", "Linux", "MacOS")
_UNIX = ("Linux", "MacOS")
_SERVERS = ("Windows", "Linux")
_WINDOWS = ("Windows",)


class Plugin(msgspec.Struct, frozen=True):
    """What is known of a plugin without running it; `required` are the inputs that a document must have."""

    platforms: tuple[str, ...]
    required: tuple[str, ...] = ()


PLUGINS: dict[str, Plugin] = {
    "aws:runShellScript": Plugin(_UNIX, ("runCommand",)),
    "aws:runPowerShellScript": Plugin(PLATFORMS, ("runCommand",)),
    "aws:runDocument": Plugin(PLATFORMS, ("documentType",)),
    "aws:downloadContent": Plugin(PLATFORMS, ("sourceType", "sourceInfo")),
    "aws:softwareInventory": Plugin(PLATFORMS),
    "aws:configurePackage": Plugin(PLATFORMS, ("name", "action")),
    "aws:configureDocker": Plugin(_SERVERS, ("action",)),
    "aws:runDockerAction": Plugin(_SERVERS, ("action",)),
    "aws:applications": Plugin(_WINDOWS, ("action", "source")),
    "aws:psModule": Plugin(_WINDOWS, ("source",)),
    "aws:domainJoin": Plugin(_SERVERS, ("directoryId", "directoryName", "dnsIpAddresses")),
    "aws:refreshAssociation": Plugin(PLATFORMS),
    "aws:updateSsmAgent": Plugin(PLATFORMS, ("agentName", "allowDowngrade", "source")),
    "aws:updateAgent": Plugin(_WINDOWS, ("agentName", "allowDowngrade", "source")),
    "aws:cloudWatch": Plugin(_WINDOWS),
}


def platform_types(document: Document) -> list[str]:
    """The platforms that a document is for, as DescribeDocument shows them (spec 5.7).

    In schema 2.2 a step that does not fit is skipped, so one fitting step is enough; before, it fails, so every step
    must fit (where none fits all of them, again one is enough). Unknown plugins say nothing; nothing known: all.
    """
    known = [set(_platforms(step)) for step in document.steps if step.action in PLUGINS]
    found: set[str] = set().union(*known)
    if document.schema_version != "2.2" and known:
        found = set.intersection(*known) or found
    return [platform for platform in PLATFORMS if platform in (found or PLATFORMS)]


def _platforms(step: Step) -> tuple[str, ...]:
    platforms = PLUGINS[step.action].platforms
    wanted = _wanted(step)
    return platforms if wanted is None else tuple(one for one in platforms if one == wanted)


def _wanted(step: Step) -> str | None:
    """The platform that a step's precondition names."""
    operands = (step.precondition or {}).get("StringEquals", ())
    for one, other in (operands, operands[::-1]) if len(operands) == 2 else ():
        if one.replace(" ", "") in ("platformType", "{{platformType}}"):
            return str(other) if other in PLATFORMS else None
    return None
