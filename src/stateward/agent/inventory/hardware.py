"""The processors and the network of this machine, as Linux tells of them."""

from __future__ import annotations

import fcntl
import ipaddress
import os
import platform
import socket
import struct
from pathlib import Path

_GET_ADDRESS, _GET_NETMASK = 0x8915, 0x891B
_UP_WITH_GATEWAY = 0x3
Row = dict[str, str]


def details(root: Path = Path("/")) -> list[Row]:
    """One row on processors and kernel."""
    processors = [_members(block) for block in _text(root / "proc/cpuinfo").split("\n\n") if block.strip()]
    first = processors[0] if processors else {}
    count = len(processors) or os.cpu_count() or 1
    sockets = len({one.get("physical id", "0") for one in processors}) or 1
    cores = len({(one.get("physical id"), one["core id"]) for one in processors if "core id" in one}) or count
    return [
        {
            "CPUModel": first.get("model name") or platform.processor() or platform.machine(),
            "CPUCores": str(cores),
            "CPUs": str(count),
            "CPUSpeedMHz": first.get("cpu MHz", "").partition(".")[0],
            "CPUSockets": str(sockets),
            "CPUHyperThreadEnabled": str(count > cores).lower(),
            "OSServicePack": "",
            "KernelVersion": platform.release(),
        }
    ]


def network(root: Path = Path("/")) -> list[Row]:
    """A row for each interface but the loopback; the first IPv4 address of each, and all of IPv6."""
    servers = [line.split()[1] for line in _text(root / "etc/resolv.conf").splitlines() if line[:10] == "nameserver"]
    sixes, gateways = _ipv6(root), _gateways(root)
    folder = root / "sys/class/net"
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return [
        {
            "Name": name,
            "SubnetMask": _asked(name, _GET_NETMASK),
            "Gateway": gateways.get(name, ""),
            "DHCPServer": "",
            "DNSServer": ",".join(servers),
            "MacAddress": _text(folder / name / "address").strip(),
            "IPV4": _asked(name, _GET_ADDRESS),
            "IPV6": ",".join(sixes.get(name, ())),
        }
        for name in names
        if name != "lo"
    ]


def _members(block: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in block.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _asked(interface: str, request: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe, request, struct.pack("256s", interface.encode()[:15]))
        except OSError:
            return ""  # an interface without IPv4
    return socket.inet_ntoa(answer[20:24])


def _ipv6(root: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in _text(root / "proc/net/if_inet6").splitlines():
        fields = line.split()
        if len(fields) == 6:
            found.setdefault(fields[5], []).append(str(ipaddress.IPv6Address(bytes.fromhex(fields[0]))))
    return found


def _gateways(root: Path) -> dict[str, str]:
    found = {}
    for line in _text(root / "proc/net/route").splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[1] == "00000000" and int(fields[3], 16) & _UP_WITH_GATEWAY == _UP_WITH_GATEWAY:
            found[fields[0]] = socket.inet_ntoa(struct.pack("<I", int(fields[2], 16)))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
