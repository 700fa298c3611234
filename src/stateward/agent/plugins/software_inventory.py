"""aws:softwareInventory: looks at the machine and tells the server (spec 5.5, node protocol 8.2)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from stateward.agent.client import CallFailed, CallRefused
from stateward.agent.durable import write_durably
from stateward.agent.inventory import custom, files, hardware, packages, services
from stateward.agent.inventory.items import Item, to_send
from stateward.agent.plugins import running
from stateward.agent.plugins.calling_off import CalledOff, end_of, unless_called_off
from stateward.agent.plugins.step import NO_PROCESS, StepEnd, StepFailed, StepSetting, failed
from stateward.agent.reports import instant

CUSTOM_FOLDER = Path("inventory", "custom")
OFFICIAL_FOLDER = "/var/lib/amazon/ssm/{node}/inventory/custom"
HASHES_FILE = "inventory-hashes.json"
MOST_OUTPUT_BYTES = 16 * 1024 * 1024
_MISMATCH = ("ItemContentMismatchException", "InvalidItemContentException")


async def run(inputs: Mapping[str, Any], setting: StepSetting) -> StepEnd:
    """Gather what is enabled, and send what has changed since the server last took it."""
    try:
        setting.began(*NO_PROCESS)
        return await unless_called_off(_Inventory(inputs, setting).send(), setting)
    except CalledOff as called_off:
        return called_off.end
    except (StepFailed, CallFailed, OSError) as error:
        return failed(str(error))


class _Inventory:
    """One gathering."""

    def __init__(self, inputs: Mapping[str, Any], setting: StepSetting) -> None:
        self._inputs = inputs
        self._setting = setting
        self._problems: list[str] = []

    async def send(self) -> StepEnd:
        items = await self._items()
        known = self._known()
        capture_time = instant(self._setting.clock.wall())[:19] + "Z"
        if items:
            try:
                await self._setting.server.put_inventory(to_send(items, known, capture_time))
            except CallRefused as error:
                if error.code not in _MISMATCH:
                    raise
                await self._setting.server.put_inventory(to_send(items, {}, capture_time))
        hashes = {item.type_name: item.content_hash for item in items}
        write_durably(self._setting.state_dir / HASHES_FILE, msgspec.json.encode({**known, **hashes}))
        changed = sum(known.get(name) != value for name, value in hashes.items())
        output = f"Inventory of {len(items)} types was sent, {changed} of them with new content\n"
        status = "Failed" if self._problems else "Success"
        return StepEnd(status, int(bool(self._problems)), output, "\n".join(self._problems))

    async def _items(self) -> list[Item]:
        found: list[Item] = []
        if self._wants("applications") or self._wants("awsComponents"):
            applications = await self._applications()
            if self._wants("applications"):
                found.append(Item("AWS:Application", "1.1", applications))
            if self._wants("awsComponents"):
                found.append(Item("AWS:AWSComponent", "1.0", packages.aws_components(applications)))
        wanted = files.read_wanted(self._inputs.get("files"))
        if wanted:
            found.append(Item("AWS:File", "1.0", await asyncio.to_thread(files.find, wanted)))
        if self._wants("networkConfig"):
            found.append(Item("AWS:Network", "1.0", await asyncio.to_thread(hardware.network)))
        if self._wants("services"):
            found.append(Item("AWS:Service", "1.0", services.of_systemd(await self._listed(services.SHOW))))
        if self._wants("instanceDetailedInformation"):
            found.append(Item("AWS:InstanceDetailedInformation", "1.0", await asyncio.to_thread(hardware.details)))
        if self._wants("customInventory"):
            node = self._setting.environment["AWS_SSM_INSTANCE_ID"]
            folders = (self._setting.state_dir / CUSTOM_FOLDER, Path(OFFICIAL_FOLDER.format(node=node)))
            items, problems = await asyncio.to_thread(custom.read, folders)
            found += items
            self._problems += problems
        return found

    def _wants(self, name: str) -> bool:
        value = self._inputs.get(name, "Disabled")
        if value not in ("Enabled", "Disabled", "", None):
            raise StepFailed(f"{name} {str(value)[:60]!r}: use Enabled or Disabled")
        return bool(value == "Enabled")

    async def _applications(self) -> list[dict[str, str]]:
        rows = [
            *packages.of_dpkg(await self._listed(packages.DPKG)),
            *packages.of_rpm(await self._listed(packages.RPM)),
            *packages.of_pip(await self._listed(packages.PIP)),
        ]
        return sorted(rows, key=lambda row: (row["Name"], row["Version"], row["PackageId"]))

    async def _listed(self, program: Sequence[str]) -> str:
        """What a program prints; nothing where it is not there, or does not work here."""
        setting = self._setting
        path = shutil.which(program[0], path=setting.environment["PATH"])
        if path is None:
            return ""
        environment = {**setting.environment, "LC_ALL": "C.UTF-8"}
        ended = await running.run(
            [path, *program[1:]], setting.own_folder, environment, setting, keep_bytes=MOST_OUTPUT_BYTES
        )
        if ended.timed_out or (ended.code < 0 and setting.interruption.reason):
            raise CalledOff(end_of(setting.interruption.reason))
        return ended.standard_output if ended.code == 0 else ""

    def _known(self) -> dict[str, str]:
        """The hashes that the server has, as far as this node knows; wrong ones only cost a second request."""
        try:
            text = (self._setting.state_dir / HASHES_FILE).read_bytes()
            return msgspec.json.decode(text, type=dict[str, str])
        except (OSError, msgspec.MsgspecError):
            return {}
