"""How many files a process may have open: each node holds a connection."""

from __future__ import annotations

import resource
from contextlib import suppress

BESIDE_NODES = 96
"""Connections for calls, the state folder, the interpreter's own files."""


class TooFewFiles(Exception):
    """This process may not open enough files; the text says what helps."""


def allow(nodes: int) -> None:
    """Take what the system's hard limit gives. Raises TooFewFiles when it is not enough for so many nodes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = nodes + BESIDE_NODES
    if soft != resource.RLIM_INFINITY and soft < needed:
        wanted = needed if hard == resource.RLIM_INFINITY else hard
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        raise TooFewFiles(
            f"{nodes:,} nodes need {needed:,} open files, and this process may have {soft:,}: raise the hard limit "
            f"(`ulimit -n {needed}` as root, or nofile in /etc/security/limits.conf), "
            f"or hold at most {max(0, soft - BESIDE_NODES):,} nodes"
        )
