"""The shipped documents that are made of shell steps, run by the built-in agent with programs that only pretend."""

import asyncio
import json
import stat
from pathlib import Path

import agent_bench
import msgspec
import pytest
from agent_bench import Bench, steps_of

from stateward.documents import shipping

DOCUMENTS = {name: json.loads(text) for name, document_type, text in shipping.shipped() if document_type == "Command"}
APT = """\
echo "apt-get $*" >> "$HOME/calls"
case "$*" in
  *--simulate*)
    echo "Reading package lists..."
    [ -e "$HOME/done" ] || cat "$HOME/updates"
    echo "Conf libc6 (2.36-10 Debian:12/stable [amd64])"
    ;;
  *dist-upgrade*) : > "$HOME/done" ;;
esac
"""
APT_UPDATES = """\
Inst libc6 [2.36-9] (2.36-10 Debian:12/stable [amd64])
Inst linux-image (6.1.0 Debian:12/stable [amd64])
"""
DNF = """\
echo "dnf $*" >> "$HOME/calls"
case "$*" in
  *check-update*)
    [ -e "$HOME/done" ] && exit 0
    cat "$HOME/updates"
    exit 100
    ;;
  *upgrade*) : > "$HOME/done" ;;
esac
"""
DNF_UPDATES = """

bash.x86_64                 5.2.26-3.fc40          updates
openssl-libs.x86_64         1:3.2.1-2.fc40         updates
Obsoleting Packages
old.x86_64                  1-2                    updates
"""
ZYPPER = """\
echo "zypper $*" >> "$HOME/calls"
case "$*" in
  *list-updates*) [ -e "$HOME/done" ] || cat "$HOME/updates" ;;
  *needs-rebooting*) [ -e "$HOME/reboot" ] && exit 102 ;;
  *update*)
    [ -e "$HOME/itself" ] && rm "$HOME/itself" && exit 103
    : > "$HOME/done"
    ;;
esac
exit 0
"""
ZYPPER_UPDATES = """\
S | Repository | Name    | Current Version | Available Version | Arch
--+------------+---------+-----------------+-------------------+-------
v | Updates    | bash    | 5.1-1.1         | 5.2-1.1           | x86_64
v | Updates    | openssl | 3.0-1.1         | 3.1-1.1           | x86_64
"""
MANAGERS = {
    "apt-get": (APT, APT_UPDATES, "libc6 2.36-10\nlinux-image 6.1.0\n"),
    "dnf": (DNF, DNF_UPDATES, "bash.x86_64 5.2.26-3.fc40\nopenssl-libs.x86_64 1:3.2.1-2.fc40\n"),
    "zypper": (ZYPPER, ZYPPER_UPDATES, "bash 5.2-1.1\nopenssl 3.1-1.1\n"),
}
BORROWED = ("awk", "cat", "grep", "pwd", "rm", "sed", "sh")
ANSIBLE = 'echo "$@"; cat "$(eval echo \\${$#})"'


class Node:
    """A node whose PATH holds a few harmless programs and the ones that a test puts there."""

    def __init__(self, folder, monkeypatch):
        self._folder = folder
        self._runs = 0
        self.home = folder / "home"
        self.programs = folder / "programs"
        for one in (self.home, self.programs):
            one.mkdir()
        for name in BORROWED:
            found = next(path for path in (Path("/bin") / name, Path("/usr/bin") / name) if path.exists())
            (self.programs / name).symlink_to(found)
        machine = msgspec.structs.replace(agent_bench.MACHINE, home=str(self.home))
        monkeypatch.setattr(agent_bench, "MACHINE", machine)

    def program(self, name, script):
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def manager(self, name):
        script, updates, listed = MANAGERS[name]
        self.program(name, script)
        (self.home / "updates").write_text(updates)
        return listed

    @property
    def calls(self):
        path = self.home / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def run(self, name, **parameters):
        """Step name → step, after a run of a shipped document; always of one command, as after a reboot."""
        self._runs += 1
        folder = self._folder / f"agent-{self._runs}"
        folder.mkdir()

        async def work():
            table = Bench(folder, search_path=str(self.programs))
            try:
                return steps_of(await table.run(DOCUMENTS[name], parameters))
            finally:
                table.drains.close()

        return asyncio.run(work())

    def patch(self, operation="Scan", document="AWS-RunPatchBaseline", **parameters):
        steps = self.run(document, Operation=operation, **parameters)
        assert steps["PatchWindows"]["status"] == "Skipped"
        return steps["PatchLinux"]


@pytest.fixture
def node(tmp_path, monkeypatch):
    return Node(tmp_path, monkeypatch)


@pytest.mark.parametrize("manager", sorted(MANAGERS))
@pytest.mark.parametrize("document", ["AWS-RunPatchBaseline", "AWS-RunPatchBaselineAssociation"])
def test_scan_lists_updates_and_installs_none_d51(node, manager, document):
    listed = node.manager(manager)
    step = node.patch(document=document)
    assert (step["status"], step["code"]) == ("Success", 0)
    assert step["standardOutput"] == (
        f"Operation: Scan\nPackage manager: {manager.removesuffix('-get')}\nUpdates available: 2\n{listed}"
    )
    assert not (node.home / "done").exists()


@pytest.mark.parametrize("manager", sorted(MANAGERS))
def test_install_installs_what_scan_lists_d51(node, manager):
    node.manager(manager)
    step = node.patch("Install", RebootOption="NoReboot")
    assert (step["status"], step["code"]) == ("Success", 0)
    assert "Updates available: 2\n" in step["standardOutput"]
    assert step["standardOutput"].endswith("Updates installed: 2\nNo reboot is needed\n")
    assert (node.home / "done").exists()
    assert "Updates available: 0\n" in node.patch("Scan")["standardOutput"]


def test_nothing_is_installed_where_nothing_is_missing(node):
    node.manager("apt-get")
    (node.home / "done").touch()
    step = node.patch("Install")
    assert "Updates available: 0\nNo reboot is needed\n" in step["standardOutput"]
    assert not [call for call in node.calls if "-y" in call]


def test_zypper_goes_on_after_it_has_updated_itself(node):
    node.manager("zypper")
    (node.home / "itself").touch()
    step = node.patch("Install")
    assert step["status"] == "Success"
    assert sum(" update" in call for call in node.calls) == 2


def test_a_needed_reboot_is_asked_for_once(node):
    node.manager("zypper")
    (node.home / "reboot").touch()
    step = node.patch("Install", RebootOption="NoReboot")
    assert step["standardOutput"].endswith("A reboot is needed, and left to you (RebootOption NoReboot)\n")
    step = node.patch("Install")
    assert step["code"] == 194
    assert step["standardOutput"].startswith("Operation: Install\n")
    assert "Rebooting\n" in step["standardOutput"]
    step = node.patch("Install")
    assert (step["status"], step["code"]) == ("Failed", 1)
    assert "the node was rebooted and still asks for a reboot" in step["standardError"]
    assert node.patch("Install")["code"] == 194
    (node.home / "reboot").unlink()
    step = node.patch("Install")
    assert step["standardOutput"].endswith("No reboot is needed\n")
    assert [one.name for one in node.home.iterdir() if "patched" in one.name] == []


@pytest.mark.parametrize(
    ("document", "member"),
    [
        ("AWS-RunPatchBaseline", "InstallOverrideList"),
        ("AWS-RunPatchBaseline", "BaselineOverride"),
        ("AWS-RunPatchBaselineAssociation", "BaselineTags"),
        ("AWS-RunPatchBaselineAssociation", "InstallOverrideList"),
    ],
)
def test_what_patching_does_not_know_fails_the_step_d66(node, document, member):
    node.manager("apt-get")
    step = node.patch(document=document, **{member: "x; echo injected"})
    assert (step["status"], step["code"], step["standardOutput"]) == ("Failed", 1, "")
    assert f"{member} is not supported on nodes of Stateward: leave it empty\n" in step["standardError"]
    assert node.calls == []


def test_the_ids_of_a_run_are_shown(node):
    node.manager("apt-get")
    one = "12345678-1234-1234-1234-123456789012"
    assert f"SnapshotId: {one}\n" in node.patch(SnapshotId=one)["standardOutput"]
    step = node.patch(document="AWS-RunPatchBaselineAssociation", AssociationId=one)
    assert f"AssociationId: {one}\n" in step["standardOutput"]


def test_a_node_without_a_package_manager_says_so(node):
    step = node.patch()
    assert (step["status"], step["code"]) == ("Failed", 1)
    assert "there is no apt-get, dnf or zypper on this node\n" in step["standardError"]


def test_updates_that_cannot_be_listed_fail_the_step(node):
    node.program("dnf", "echo broken >&2; exit 1")
    step = node.patch()
    assert step["status"] == "Failed"
    assert "broken\nthe updates could not be listed with dnf\n" in step["standardError"]


def test_updates_that_cannot_be_installed_fail_the_step(node):
    node.program("apt-get", 'case "$*" in *simulate*) echo "Inst a (1 x)" ;; *upgrade*) exit 100 ;; esac')
    step = node.patch("Install")
    assert step["status"] == "Failed"
    assert "the updates could not be installed with apt\n" in step["standardError"]


def playbook(node, **parameters):
    (step,) = node.run("AWS-RunAnsiblePlaybook", **parameters).values()
    return step


def test_a_playbook_is_applied_to_the_node(node):
    node.program("ansible-playbook", ANSIBLE)
    text = '- hosts: all\n  tasks:\n  - debug: {msg: "it\'s $HOME `id`"}'
    step = playbook(node, playbook=text, extravars="a=1 b=$x", check="True")
    assert (step["status"], step["standardOutput"]) == (
        "Success",
        f"--inventory localhost, --connection local --check --extra-vars a=1 b=$x playbook.yml\n{text}\n",
    )


def test_a_playbook_can_be_fetched(node):
    node.program("ansible-playbook", ANSIBLE)
    node.program("curl", 'echo "fetched by $*" > "$3"')
    step = playbook(node, playbookurl="https://example.com/a.yml?b=c&d=$e", extravars="")
    assert step["standardOutput"] == (
        "--inventory localhost, --connection local playbook.yml\n"
        "fetched by -fsSL --output playbook.yml https://example.com/a.yml?b=c&d=$e\n"
    )
    node.program("curl", "exit 22")
    step = playbook(node, playbookurl="https://example.com/a.yml")
    assert "playbookurl https://example.com/a.yml could not be fetched\n" in step["standardError"]


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "no playbook: give playbook or playbookurl\n"),
        ({"playbook": "a", "playbookurl": "https://b"}, "two playbooks: give playbook or playbookurl, not both\n"),
    ],
)
def test_there_is_one_playbook(node, parameters, reason):
    node.program("ansible-playbook", ANSIBLE)
    step = playbook(node, **parameters)
    assert step["status"] == "Failed"
    assert reason in step["standardError"]


def test_a_node_without_ansible_says_so_d51(node):
    step = playbook(node, playbook="- hosts: all")
    assert step["status"] == "Failed"
    assert "ansible-playbook is not installed on this node: install Ansible first\n" in step["standardError"]


class TestApplyAnsiblePlaybooks:
    """Its script alone: what was downloaded is already there."""

    @pytest.fixture
    def apply(self, node, monkeypatch):
        document = DOCUMENTS["AWS-ApplyAnsiblePlaybooks"]
        script = document["mainSteps"][-1]
        there = {"action": script["action"], "name": "there", "inputs": {"runCommand": ["echo text > play.yml"]}}
        monkeypatch.setitem(DOCUMENTS, "only-the-script", {**document, "mainSteps": [there, script]})

        def run(**parameters):
            given = {"SourceType": "S3", "PlaybookFile": "play.yml", **parameters}
            return node.run("only-the-script", **given)["runShellScript"]

        return run

    def test_the_playbook_is_applied(self, node, apply):
        node.program("ansible-playbook", ANSIBLE)
        step = apply(Verbose="-vvv", Check="True", ExtraVariables="a=$HOME b=`id`")
        assert (step["status"], step["standardOutput"]) == (
            "Success",
            "--inventory localhost, --connection local -vvv --check --extra-vars a=$HOME b=`id` play.yml\ntext\n",
        )

    def test_ansible_is_installed_where_it_is_missing(self, node, apply):
        target = node.programs / "ansible-playbook"
        node.program("apt-get", f'echo "apt-get $*"; printf "#!/bin/sh\\necho done\\n" > {target}; {{ chmod; }}')
        (node.programs / "chmod").write_text(f"#!/bin/sh\n/bin/chmod +x {target}\n")
        (node.programs / "chmod").chmod(0o700)
        step = apply()
        assert (step["status"], step["standardOutput"]) == (
            "Success",
            "ansible-playbook is not on this node: installing it\n"
            "apt-get -q update\napt-get -q -y install ansible\ndone\n",
        )

    @pytest.mark.parametrize("install", ["True", "False"])
    def test_a_node_without_ansible_says_so_d51(self, apply, install):
        step = apply(InstallDependencies=install)
        assert step["status"] == "Failed"
        assert (
            "ansible-playbook is not installed on this node: install Ansible, or set InstallDependencies to True\n"
        ) in step["standardError"]

    def test_a_playbook_that_is_not_there_is_named(self, node, apply):
        node.program("ansible-playbook", ANSIBLE)
        step = apply(PlaybookFile="other.yml")
        assert "PlaybookFile other.yml: there is no such file in what was downloaded\n" in step["standardError"]


def test_the_cloudwatch_agent_is_missed_in_words(node):
    steps = node.run("AmazonCloudWatch-ManageAgent", action="status")
    assert steps["ControlCloudWatchAgentWindows"]["status"] == "Skipped"
    step = steps["ControlCloudWatchAgentLinux"]
    assert step["status"] == "Failed"
    assert "the CloudWatch agent is not installed on this node: there is no /opt/aws/" in step["standardError"]


def test_run_shell_script_runs_its_commands(node):
    (step,) = node.run("AWS-RunShellScript", commands=["echo one", "pwd"], workingDirectory="/").values()
    assert (step["status"], step["standardOutput"]) == ("Success", "one\n/\n")
