"""aws:softwareInventory."""

import asyncio
import json

import pytest
from agent_bench import ScriptedServer, steps_of

from stateward.agent.inventory import files, hardware, packages, services
from stateward.agent.plugins.step import StepFailed

DPKG = 'printf "installed\\tbash\\t5.2-1\\tamd64\\tshells\\tMatthias <m@debian.test>\\t\\tGNU shell\\n"\n'
DPKG += 'printf "config-files\\told\\t1\\tall\\tx\\ty\\t\\tz\\n"'
RPM = 'printf "amazon-ssm-agent\\t3.3\\t1.el9\\t\\tx86_64\\tAmazon/Tools\\t(none)\\tMon Jan 1 2026\\t(none)\\tAgent\\n"'
PIP = """echo '[{"name": "requests", "version": "2.32"}]'"""
SYSTEMCTL = """cat <<'E'
Id=ssh.service
Description=OpenBSD Secure Shell server
Type=notify
ActiveState=active
UnitFileState=enabled
LoadState=loaded

Id=gone.service
LoadState=not-found
E"""


@pytest.fixture
def programs(tmp_path):
    folder = tmp_path / "programs"
    folder.mkdir()
    scripts = {"dpkg-query": DPKG, "rpm": RPM, "pip3": PIP, "systemctl": SYSTEMCTL}
    for name, script in scripts.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)
    (folder / "cat").symlink_to("/bin/cat")
    return str(folder)


@pytest.fixture
def gather(bench, programs):
    def gather(server, **inputs):
        step = {"action": "aws:softwareInventory", "name": "collect", "inputs": inputs}

        async def work():
            table = bench(server=server, search_path=programs)
            try:
                return steps_of(await table.run({"schemaVersion": "2.0", "mainSteps": [step]}, {}, next(ids)))
            finally:
                table.drains.close()

        return asyncio.run(work())["collect"]

    ids = iter(f"command-{n}" for n in range(9))
    return gather


def contents(request):
    return {item["TypeName"]: item.get("Content") for item in request}


def test_applications_come_from_all_package_managers_agt_03(gather):
    server = ScriptedServer()
    step = gather(server, applications="Enabled", awsComponents="Enabled", services="Disabled")
    assert (step["status"], step["standardOutput"].split(",")[0]) == ("Success", "Inventory of 2 types was sent")
    (request,) = server.inventory
    found = contents(request)
    assert [row["Name"] for row in found["AWS:Application"]] == ["amazon-ssm-agent", "bash", "requests"]
    assert found["AWS:Application"][1] == {
        "Name": "bash",
        "ApplicationType": "shells",
        "Publisher": "Matthias <m@debian.test>",
        "Version": "5.2-1",
        "Architecture": "amd64",
        "Summary": "GNU shell",
        "PackageId": "bash_5.2-1_amd64.deb",
    }
    assert [row["Name"] for row in found["AWS:AWSComponent"]] == ["amazon-ssm-agent"]
    assert [item["SchemaVersion"] for item in request] == ["1.1", "1.0"]


def test_what_has_not_changed_is_sent_as_a_hash(gather):
    server = ScriptedServer()
    gather(server, applications="Enabled")
    gather(server, applications="Enabled", services="Enabled")
    first, second = server.inventory
    assert contents(second)["AWS:Application"] is None
    assert contents(second)["AWS:Service"][0]["Name"] == "ssh"
    assert first[0]["ContentHash"] == second[0]["ContentHash"]


@pytest.mark.parametrize("code", ["ItemContentMismatchException", "InvalidItemContentException"])
def test_a_server_that_lacks_the_content_gets_all_of_it(gather, code):
    server = ScriptedServer()
    gather(server, applications="Enabled")
    server.refusals.append(code)
    step = gather(server, applications="Enabled")
    assert step["status"] == "Success"
    assert [contents(one)["AWS:Application"] is None for one in server.inventory] == [False, True, False]


def test_another_error_fails_the_step(gather):
    server = ScriptedServer()
    server.refusals.append("InternalServerError")
    step = gather(server, networkConfig="Enabled")
    assert (step["status"], step["standardError"]) == ("Failed", "InternalServerError: no")


def test_custom_inventory_is_sent_and_bad_files_are_named(gather, tmp_path):
    folder = tmp_path / "inventory" / "custom"
    folder.mkdir(parents=True)
    rack = {"SchemaVersion": "1.0", "TypeName": "Custom:RackInfo", "Content": {"Rack": "B", "Units": 2}}
    (folder / "rack.json").write_text(json.dumps(rack))
    (folder / "bad.json").write_text("{")
    (folder / "wrong.json").write_text(json.dumps({**rack, "TypeName": "AWS:Application"}))
    server = ScriptedServer()
    step = gather(server, customInventory="Enabled")
    assert contents(server.inventory[0]) == {"Custom:RackInfo": [{"Rack": "B", "Units": "2"}]}
    assert (step["status"], step["code"]) == ("Failed", 1)
    assert "bad.json" in step["standardError"]
    assert "wrong.json: TypeName 'AWS:Application': use Custom:<name>" in step["standardError"]


def test_files_are_found_by_folder_and_pattern(gather, tmp_path):
    folder = tmp_path / "looked-at"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.conf", "b.txt", "sub/c.conf"):
        (folder / name).write_text("four")
    (folder / "link.conf").symlink_to("a.conf")
    server = ScriptedServer()
    wanted = [{"Path": str(folder), "Pattern": ["*.conf"], "Recursive": True}]
    assert gather(server, files=json.dumps(wanted))["status"] == "Success"
    rows = contents(server.inventory[0])["AWS:File"]
    assert [(row["Name"], row["Size"], row["InstalledDir"]) for row in rows] == [
        ("a.conf", "4", str(folder)),
        ("c.conf", "4", str(folder / "sub")),
    ]


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"applications": "yes"}, "applications 'yes': use Enabled or Disabled"),
        ({"files": "[{}]"}, "files: use a JSON list of objects"),
        ({"files": "{"}, "files: use a JSON list of objects"),
    ],
)
def test_inputs_that_cannot_be_used_fail_the_step(gather, inputs, told):
    step = gather(ScriptedServer(), **inputs)
    assert step["status"] == "Failed"
    assert told in step["standardError"]


def test_files_have_limits(tmp_path, monkeypatch):
    for n in range(4):
        (tmp_path / f"{n}.conf").touch()
    monkeypatch.setattr(files, "MOST_FILES", 3)
    with pytest.raises(StepFailed, match="more than 3 files match"):
        files.find([files.Wanted(str(tmp_path), ["*"])])


def test_processors_are_counted_by_sockets_and_cores(tmp_path):
    (tmp_path / "proc").mkdir()
    block = "processor : {0}\nmodel name : Example CPU\ncpu MHz : 2596.12\nphysical id : {1}\ncore id : {2}\n"
    blocks = [block.format(n, n // 4, n // 2 % 2) for n in range(8)]
    (tmp_path / "proc" / "cpuinfo").write_text("\n".join(blocks))
    (row,) = hardware.details(tmp_path)
    assert {name: row[name] for name in list(row)[:6]} == {
        "CPUModel": "Example CPU",
        "CPUCores": "4",
        "CPUs": "8",
        "CPUSpeedMHz": "2596",
        "CPUSockets": "2",
        "CPUHyperThreadEnabled": "true",
    }


def test_the_network_of_this_machine_has_no_loopback():
    assert "lo" not in [row["Name"] for row in hardware.network()]


def test_interfaces_are_read_from_linux(tmp_path):
    for name, text in {
        "sys/class/net/nope0/address": "02:00:00:00:00:01\n",
        "proc/net/route": "Iface Destination Gateway Flags\nnope0 00000000 010200C0 0003 0 0 0 0\n",
        "proc/net/if_inet6": "fe800000000000000000000000000001 02 40 20 80 nope0\n",
        "etc/resolv.conf": "search x\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (row,) = hardware.network(tmp_path)
    assert (row["Gateway"], row["IPV6"], row["MacAddress"]) == ("192.0.2.1", "fe80::1", "02:00:00:00:00:01")
    assert row["DNSServer"] == "10.0.0.1,10.0.0.2"


def test_listings_that_make_no_sense_give_nothing():
    assert packages.of_dpkg("x\ty\n\n") == packages.of_rpm("") == packages.of_pip("{}") == []
    assert services.of_systemd("garbage\n\nmore") == []
