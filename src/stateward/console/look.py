"""How a person wants the pages to look: theme, time zone, keys. Kept in a cookie, never in the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from urllib.parse import quote, unquote

import msgspec

from stateward.console.times import zone_named

COOKIE = "stateward-look"
READERS_ZONE_COOKIE = "stateward-zone"
EXACT_COOKIE = "stateward-times"
THEMES = ("system", "light", "dark")
READER, UTC_ZONE = "reader", "UTC"


class Look(msgspec.Struct, frozen=True):
    """`zone` is `reader` (the browser's), `UTC`, or the name of one."""

    theme: str = "system"
    zone: str = READER
    keys: bool = True
    readers_zone: str = UTC_ZONE
    exact: bool = False

    @property
    def zone_info(self) -> tzinfo:
        return zone_named(self.readers_zone if self.zone == READER else self.zone)

    def cookie(self) -> str:
        return "|".join((self.theme, quote(self.zone, safe=""), "on" if self.keys else "off"))


def look_of(cookies: Mapping[str, str]) -> Look:
    """What the cookies say, as far as it makes sense."""
    theme, _, rest = cookies.get(COOKIE, "").strip('"').partition("|")
    zone, _, keys = rest.partition("|")
    return Look(
        theme=theme if theme in THEMES else "system",
        zone=unquote(zone) or READER,
        keys=keys != "off",
        readers_zone=unquote(cookies.get(READERS_ZONE_COOKIE, UTC_ZONE)),
        exact=cookies.get(EXACT_COOKIE) == "exact",
    )
