from typing import Any

import pytest

from stateward.documents import platforms, schema


def document(version: str, *steps: tuple[str, str | None]) -> schema.Document:
    if version == "1.2":
        config = {action: {"properties": [{"runCommand": ["a"]}]} for action, _ in steps}
        return schema.parse_command({"schemaVersion": version, "runtimeConfig": config})
    entries: list[dict[str, Any]] = []
    for at, (action, platform) in enumerate(steps):
        inputs = {name: ["x"] for name in platforms.PLUGINS[action].required} if action in platforms.PLUGINS else {}
        entry: dict[str, Any] = {"name": f"s{at}", "action": action, "inputs": inputs}
        if platform is not None:
            entry["precondition"] = {"StringEquals": ["platformType", platform]}
        entries.append(entry)
    return schema.parse_command(
        {"schemaVersion": version, "parameters": {"os": {"type": "String"}}, "mainSteps": entries}
    )


SHELL, POWERSHELL, MODULE = "aws:runShellScript", "aws:runPowerShellScript", "aws:psModule"


@pytest.mark.parametrize(
    ("version", "steps", "expected"),
    [
        ("2.2", [(SHELL, None)], ["Linux", "MacOS"]),
        ("2.2", [(SHELL, "Linux")], ["Linux"]),
        ("2.2", [(SHELL, "{{ os }}")], ["Linux", "MacOS"]),
        ("2.2", [(SHELL, "Linux"), (POWERSHELL, "Windows")], ["Windows", "Linux"]),
        ("2.2", [(SHELL, None), (MODULE, None)], ["Windows", "Linux", "MacOS"]),
        ("2.2", [("aws:nothing", None)], ["Windows", "Linux", "MacOS"]),
        ("2.2", [("aws:nothing", None), (SHELL, None)], ["Linux", "MacOS"]),
        ("2.0", [(SHELL, None), (POWERSHELL, None)], ["Linux", "MacOS"]),
        ("2.0", [(SHELL, None), (MODULE, None)], ["Windows", "Linux", "MacOS"]),
        ("1.2", [(SHELL, None)], ["Linux", "MacOS"]),
    ],
)
def test_platform_types_follow_the_plugins(
    version: str, steps: list[tuple[str, str | None]], expected: list[str]
) -> None:
    assert platforms.platform_types(document(version, *steps)) == expected


def test_every_plugin_has_a_platform() -> None:
    assert all(
        plugin.platforms and set(plugin.platforms) <= set(platforms.PLATFORMS) for plugin in platforms.PLUGINS.values()
    )
