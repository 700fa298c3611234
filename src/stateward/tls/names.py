"""The names and addresses that a certificate is for, and those that a CA is limited to (design 3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec

Address = IPv4Address | IPv6Address
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
MOST_CHARACTERS = 253


class Names(msgspec.Struct, frozen=True):
    """DNS names in lower case, a leading `*.` allowed, and addresses; sorted, each once."""

    dns: tuple[str, ...]
    addresses: tuple[Address, ...]

    def __add__(self, other: Names) -> Names:
        return _sorted({*self.dns, *other.dns}, {*self.addresses, *other.addresses})

    def __sub__(self, other: Names) -> Names:
        return _sorted(set(self.dns) - set(other.dns), set(self.addresses) - set(other.addresses))

    @property
    def texts(self) -> tuple[str, ...]:
        return (*self.dns, *map(str, self.addresses))


def parse(texts: Iterable[str]) -> Names:
    """What `--tls-name` says. Raises ValueError with the text that is neither a name nor an address."""
    dns: set[str] = set()
    addresses: set[Address] = set()
    for text in texts:
        try:
            addresses.add(ip_address(text.strip("[]")))
        except ValueError:
            dns.add(_dns_name(text))
    return _sorted(dns, addresses)


def known(texts: Iterable[str]) -> Names:
    """Like parse, for what the machine calls itself: what no certificate can carry is left out."""
    found = LOOPBACK
    for text in texts:
        try:
            found += parse([text])
        except ValueError:
            continue
    return found


def _dns_name(text: str) -> str:
    try:
        name = text.strip().rstrip(".").lower().encode("idna" if not text.isascii() else "ascii").decode()
    except UnicodeError:
        name = ""
    labels = name.removeprefix("*.").split(".")
    # A name of digits and dots is a mistyped address, and `*.com` is nobody's.
    numeric = labels[-1].isdecimal()
    broad = name.startswith("*.") and len(labels) < 2
    if numeric or broad or len(name) > MOST_CHARACTERS or not all(LABEL.fullmatch(label) for label in labels):
        raise ValueError(
            f"{text[:MOST_CHARACTERS]!r} is neither a host name nor an address: write it as nodes do, without port"
        )
    return name


def _sorted(dns: set[str], addresses: set[Address]) -> Names:
    return Names(tuple(sorted(dns)), tuple(sorted(addresses, key=lambda one: (one.version, int(one)))))


LOOPBACK = parse(["localhost", "127.0.0.1", "::1"])
