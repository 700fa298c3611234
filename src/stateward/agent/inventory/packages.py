"""Installed applications: what dpkg, rpm and pip list."""

from __future__ import annotations

import platform
from collections.abc import Iterable

import msgspec

DPKG = (
    "dpkg-query",
    "-W",
    "-f",
    "${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\t${Section}\t${Maintainer}\t${Homepage}\t"
    "${binary:Summary}\n",
)
RPM = (
    "rpm",
    "-qa",
    "--queryformat",
    "%{NAME}\t%{VERSION}\t%{RELEASE}\t%|EPOCH?{%{EPOCH}}:{}|\t%{ARCH}\t%{GROUP}\t%{VENDOR}\t%{INSTALLTIME:day}\t"
    "%{URL}\t%{SUMMARY}\n",
)
PIP = ("pip3", "list", "--format=json", "--disable-pip-version-check", "--no-input")
AWS_COMPONENTS = frozenset(
    {"amazon-ssm-agent", "amazon-cloudwatch-agent", "awscli", "aws-cfn-bootstrap", "ec2-instance-connect"}
)
Row = dict[str, str]


def of_dpkg(listed: str) -> list[Row]:
    """The packages that are installed, not those that only left their configuration."""
    rows = []
    for fields in _fields(listed, 8):
        status, name, version, architecture, section, maintainer, homepage, summary = fields
        if status == "installed":
            row = {
                "Name": name,
                "ApplicationType": section,
                "Publisher": maintainer,
                "Version": version,
                "Architecture": architecture,
                "URL": homepage,
                "Summary": summary,
                "PackageId": f"{name}_{version}_{architecture}.deb",
            }
            rows.append(_without_empty(row))
    return rows


def of_rpm(listed: str) -> list[Row]:
    """The packages of the RPM database; keys that it lists as packages are none."""
    rows = []
    for name, version, release, epoch, architecture, group, vendor, installed, url, summary in _fields(listed, 10):
        if name != "gpg-pubkey":
            row = {
                "Name": name,
                "ApplicationType": _known(group),
                "Publisher": _known(vendor),
                "Version": version,
                "Release": release,
                "Epoch": epoch,
                "InstalledTime": installed,
                "Architecture": _known(architecture),
                "URL": _known(url),
                "Summary": summary,
                "PackageId": f"{name}-{version}-{release}.{architecture}.rpm",
            }
            rows.append(_without_empty(row))
    return rows


def of_pip(listed: str) -> list[Row]:
    """The distributions that the system's Python has."""
    try:
        found = msgspec.json.decode(listed, type=list[dict[str, str]])
    except msgspec.MsgspecError:
        return []
    return [
        {
            "Name": one["name"],
            "ApplicationType": "Python",
            "Version": one["version"],
            "Architecture": platform.machine(),
            "PackageId": f"pip:{one['name']}=={one['version']}",
        }
        for one in found
        if one.get("name") and one.get("version")
    ]


def aws_components(applications: Iterable[Row]) -> list[Row]:
    """Those applications that AWS calls its components."""
    kept = ("Name", "ApplicationType", "Publisher", "Version", "InstalledTime", "Architecture", "URL")
    return [
        {member: value for member, value in row.items() if member in kept}
        for row in applications
        if row["Name"] in AWS_COMPONENTS
    ]


def _fields(listed: str, count: int) -> Iterable[list[str]]:
    for line in listed.splitlines():
        fields = line.split("\t", count - 1)
        if len(fields) == count and fields[0]:
            yield fields


def _known(text: str) -> str:
    return "" if text == "(none)" else text


def _without_empty(row: Row) -> Row:
    return {name: value for name, value in row.items() if value}
