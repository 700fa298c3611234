"""The pages that are always one click away."""

from __future__ import annotations

import msgspec

from stateward.console.visit import Visit


class Entry(msgspec.Struct, frozen=True):
    """A place in the navigation; `gap` begins the second group."""

    label: str
    path: str
    gap: bool = False
    only_virtual: bool = False

    def shown(self, visit: Visit) -> bool:
        return visit.services.is_virtual or not self.only_virtual

    def is_here(self, visit: Visit) -> bool:
        below = visit.request.url.path.removeprefix(visit.base)
        return below == self.path if self.path == "/" else (below + "/").startswith(self.path + "/")


NAVIGATION = (
    Entry("Overview", "/"),
    Entry("Associations", "/associations"),
    Entry("Nodes", "/nodes"),
    Entry("Commands", "/commands"),
    Entry("Documents", "/documents"),
    Entry("Compliance", "/compliance"),
    Entry("Calendars", "/calendars", gap=True),
    Entry("Parameters", "/parameters"),
    Entry("Events", "/events"),
    Entry("Join a node", "/join"),
    Entry("Access keys", "/keys"),
    Entry("Settings", "/settings"),
    Entry("Clock", "/clock", only_virtual=True),
)
