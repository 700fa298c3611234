"""The documents that AWS owns, against the table of spec 5.6."""

import json
from importlib import resources
from typing import Any

import pytest

from stateward.documents import automation, declarations, document_types, parameters, schema, shipping
from stateward.documents.parameters import Declaration

REQUIRED = object()
YES_NO = ("Enabled", "Disabled")
TRUE_FALSE = ("True", "False")
INSTANCES = {"InstanceId": ("StringList", REQUIRED, None), "AutomationAssumeRole": ("String", "", None)}
SCRIPT = {
    "commands": ("StringList", REQUIRED, None),
    "workingDirectory": ("String", "", None),
    "executionTimeout": ("String", "3600", None),
}
REBOOT = ("String", "RebootIfNeeded", ("RebootIfNeeded", "NoReboot"))
OPERATION = ("String", REQUIRED, ("Scan", "Install"))
ALL, UNIX, SERVERS = ["Windows", "Linux", "MacOS"], ["Linux", "MacOS"], ["Windows", "Linux"]

# Name → type, schema, platforms, {parameter: (type, default, allowed values)} in order.
TABLE: dict[str, tuple[str, str, list[str], dict[str, tuple[str, Any, Any]]]] = {
    "AWS-RunShellScript": ("Command", "1.2", UNIX, SCRIPT),
    "AWS-RunPowerShellScript": ("Command", "1.2", ALL, SCRIPT),
    "AWS-UpdateSSMAgent": (
        "Command",
        "1.2",
        ALL,
        {"version": ("String", "", None), "allowDowngrade": ("String", "false", ("true", "false"))},
    ),
    "AWS-GatherSoftwareInventory": (
        "Policy",
        "2.0",
        ALL,
        {
            "applications": ("String", "Enabled", YES_NO),
            "awsComponents": ("String", "Enabled", YES_NO),
            "files": ("String", "", None),
            "networkConfig": ("String", "Enabled", YES_NO),
            "windowsUpdates": ("String", "Enabled", YES_NO),
            "instanceDetailedInformation": ("String", "Enabled", YES_NO),
            "services": ("String", "Enabled", YES_NO),
            "windowsRegistry": ("String", "", None),
            "windowsRoles": ("String", "Enabled", YES_NO),
            "customInventory": ("String", "Enabled", YES_NO),
        },
    ),
    "AWS-ConfigureAWSPackage": (
        "Command",
        "2.2",
        ALL,
        {
            "action": ("String", REQUIRED, ("Install", "Uninstall")),
            "installationType": (
                "String",
                "Uninstall and reinstall",
                ("Uninstall and reinstall", "In-place update"),
            ),
            "name": ("String", REQUIRED, None),
            "version": ("String", "", None),
            "additionalArguments": ("StringMap", {}, None),
        },
    ),
    "AWS-RunDocument": (
        "Command",
        "2.2",
        ALL,
        {
            "sourceType": ("String", REQUIRED, ("GitHub", "S3", "SSMDocument")),
            "sourceInfo": ("StringMap", {}, None),
            "documentParameters": ("StringMap", {}, None),
        },
    ),
    "AWS-RunRemoteScript": (
        "Command",
        "2.2",
        ALL,
        {
            "sourceType": ("String", REQUIRED, ("GitHub", "S3")),
            "sourceInfo": ("StringMap", {}, None),
            "commandLine": ("String", REQUIRED, None),
            "workingDirectory": ("String", "", None),
            "executionTimeout": ("String", "3600", None),
        },
    ),
    "AWS-RefreshAssociation": ("Command", "2.0", ALL, {"associationIds": ("StringList", [], None)}),
    "AWS-ApplyAnsiblePlaybooks": (
        "Command",
        "2.2",
        ALL,
        {
            "SourceType": ("String", REQUIRED, ("GitHub", "S3")),
            "SourceInfo": ("StringMap", {}, None),
            "InstallDependencies": ("String", "True", TRUE_FALSE),
            "PlaybookFile": ("String", "hello-world-playbook.yml", None),
            "ExtraVariables": ("String", "SSM=True", None),
            "Check": ("String", "False", TRUE_FALSE),
            "Verbose": ("String", "-v", ("-v", "-vv", "-vvv", "-vvvv")),
            "TimeoutSeconds": ("String", "3600", None),
        },
    ),
    "AWS-RunAnsiblePlaybook": (
        "Command",
        "1.2",
        UNIX,
        {
            "playbook": ("String", "", None),
            "playbookurl": ("String", "", None),
            "extravars": ("String", "SSM=True", None),
            "check": ("String", "False", TRUE_FALSE),
        },
    ),
    "AWS-RunPatchBaseline": (
        "Command",
        "2.2",
        ALL,
        {
            "Operation": OPERATION,
            "SnapshotId": ("String", "", None),
            "InstallOverrideList": ("String", "", None),
            "BaselineOverride": ("String", "", None),
            "RebootOption": REBOOT,
        },
    ),
    "AWS-RunPatchBaselineAssociation": (
        "Command",
        "2.2",
        ALL,
        {
            "Operation": OPERATION,
            "BaselineTags": ("String", "", None),
            "AssociationId": ("String", "", None),
            "InstallOverrideList": ("String", "", None),
            "RebootOption": REBOOT,
        },
    ),
    "AWS-InstallApplication": (
        "Command",
        "1.2",
        ["Windows"],
        {
            "action": ("String", "Install", ("Install", "Repair", "Uninstall")),
            "parameters": ("String", "", None),
            "source": ("String", REQUIRED, None),
            "sourceHash": ("String", "", None),
        },
    ),
    "AWS-JoinDirectoryServiceDomain": (
        "Command",
        "2.2",
        SERVERS,
        {
            "directoryId": ("String", REQUIRED, None),
            "directoryName": ("String", REQUIRED, None),
            "directoryOU": ("String", "", None),
            "dnsIpAddresses": ("StringList", [], None),
        },
    ),
    "AmazonCloudWatch-ManageAgent": (
        "Command",
        "2.2",
        ALL,
        {
            "action": (
                "String",
                "configure",
                ("configure", "configure (append)", "configure (remove)", "start", "status", "stop"),
            ),
            "mode": ("String", "ec2", ("ec2", "onPremise", "auto")),
            "optionalConfigurationSource": ("String", "ssm", ("ssm", "default", "all")),
            "optionalConfigurationLocation": ("String", "", None),
            "optionalRestart": ("String", "yes", ("yes", "no")),
        },
    ),
    "AWS-ConfigureDocker": ("Command", "2.2", SERVERS, {"action": ("String", REQUIRED, ("Install", "Uninstall"))}),
    "AWS-StopEC2Instance": ("Automation", "0.3", ALL, INSTANCES),
    "AWS-StartEC2Instance": ("Automation", "0.3", ALL, INSTANCES),
    "AWS-RestartEC2Instance": ("Automation", "0.3", ALL, INSTANCES),
}
SHIPPED = {name: (document_type, text) for name, document_type, text in shipping.shipped()}


def raw(name: str) -> dict[str, Any]:
    return schema.load(SHIPPED[name][1], "JSON")


def declared(name: str) -> dict[str, Declaration]:
    document = raw(name)
    return declarations.parse(document["parameters"], document["schemaVersion"])


def test_every_document_of_the_table_is_shipped_and_no_other() -> None:
    assert SHIPPED.keys() == TABLE.keys()


def test_no_file_is_left_out() -> None:
    folder = resources.files("stateward.documents").joinpath("shipped")
    files = [entry for one in folder.iterdir() for entry in (one.iterdir() if one.is_dir() else [one])]
    assert len(files) == len(TABLE)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_shipped_document_is_what_the_table_says(name: str) -> None:
    document_type, version, platforms, expected = TABLE[name]
    assert SHIPPED[name][0] == document_type
    told = document_types.described(document_type, SHIPPED[name][1], "JSON")
    assert (told.schema_version, list(told.platform_types)) == (version, platforms)
    assert told.description
    found = {
        parameter: (one.type, REQUIRED if one.required else one.default, one.allowed_values)
        for parameter, one in declared(name).items()
    }
    assert found == expected
    assert list(found) == list(expected)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_parameter_is_explained_and_used(name: str) -> None:
    document = raw(name)
    text = json.dumps({member: value for member, value in document.items() if member != "parameters"})
    for parameter, one in declared(name).items():
        assert one.description.startswith("(Required)" if one.required else ("(Optional)", "(Required)"))
        if one.interpolation_type:
            assert f"SSM_{parameter}" in text
        else:
            assert f"{{{{ {parameter} }}}}" in text


@pytest.mark.parametrize("name", sorted(TABLE))
def test_no_default_breaks_a_rule_of_its_own(name: str) -> None:
    given = {
        parameter: [str(one.default)]
        for parameter, one in declared(name).items()
        if one.type == "String" and not one.required
    }
    missing = frozenset(parameter for parameter, one in declared(name).items() if one.required)
    parameters.check(declared(name), given, may_be_missing=missing)


@pytest.mark.parametrize("name", [name for name in sorted(TABLE) if TABLE[name][1] == "2.2"])
def test_in_our_scripts_parameters_are_variables(name: str) -> None:
    """But for a command line, which is meant as code."""
    for step in schema.parse_command(raw(name)).steps:
        for line in step.inputs.get("runCommand", ()):
            assert "{{" not in line or line == "{{ commandLine }}"


def test_both_patch_documents_run_the_same_script() -> None:
    one, other = (
        schema.parse_command(raw(name)).steps for name in ("AWS-RunPatchBaseline", "AWS-RunPatchBaselineAssociation")
    )
    assert one == other


def test_restarting_stops_and_starts() -> None:
    steps = automation.parse(raw("AWS-RestartEC2Instance")).steps
    assert [(one.action, one.inputs["DesiredState"]) for one in steps] == [
        ("aws:changeInstanceState", "stopped"),
        ("aws:changeInstanceState", "running"),
    ]
