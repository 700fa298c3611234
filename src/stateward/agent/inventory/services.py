"""The services that systemd knows."""

from __future__ import annotations

SHOW = (
    "systemctl",
    "show",
    "--all",
    "--no-pager",
    "--property=Id,Description,Type,ActiveState,UnitFileState,LoadState",
    "*.service",
)
_STATUS = {"active": "Running", "activating": "StartPending", "deactivating": "StopPending"}


def of_systemd(shown: str) -> list[dict[str, str]]:
    """One row a service; units that are only named by others are none."""
    rows = []
    for block in shown.split("\n\n"):
        found = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if found.get("Id") and found.get("LoadState") == "loaded":
            rows.append(
                {
                    "Name": found["Id"].removesuffix(".service"),
                    "DisplayName": found.get("Description", ""),
                    "ServiceType": found.get("Type", ""),
                    "Status": _STATUS.get(found.get("ActiveState", ""), "Stopped"),
                    "DependentServices": "",
                    "ServicesDependedOn": "",
                    "StartType": found.get("UnitFileState", ""),
                }
            )
    return sorted(rows, key=lambda row: row["Name"])
