"""What an agent tells about the machine that it runs on (node protocol 4.1)."""

from __future__ import annotations

import os
import platform
import pwd
import re
import socket
import sys
from importlib.metadata import version

import msgspec

AGENT_NAME = "stateward-agent"


class Machine(msgspec.Struct, frozen=True):
    """The machine and the agent; `platform_type` is AWS's word, `system` the one in replies."""

    agent_version: str
    platform_type: str
    platform_name: str
    platform_version: str
    computer_name: str
    home: str
    system: str


def describe() -> Machine:
    """Look at this machine."""
    name, release = _platform()
    return Machine(
        agent_version=four_numbers(version("stateward")),
        platform_type="MacOS" if sys.platform == "darwin" else "Linux",
        platform_name=name,
        platform_version=release,
        computer_name=socket.gethostname(),
        home=_home(),
        system=sys.platform,
    )


def four_numbers(package_version: str) -> str:
    """A package version in the official agent's form: `0.1.0` and `0.1.0rc1` become `0.1.0.0`."""
    release = re.match(r"[0-9]+(\.[0-9]+)*", package_version)
    numbers = release[0].split(".") if release else []
    return ".".join([*numbers, "0", "0", "0", "0"][:4])


def local_address(host: str, port: int) -> str:
    """The address from which this machine reaches a host, empty when it does not; nothing is sent."""
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(target)
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def _platform() -> tuple[str, str]:
    if sys.platform == "darwin":
        return "macOS", platform.mac_ver()[0]
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return platform.system(), platform.release()
    return release.get("NAME", platform.system()), release.get("VERSION_ID", "")


def _home() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return "/"
