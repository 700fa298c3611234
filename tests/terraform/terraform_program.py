"""The real `terraform` in a folder of its own, and the AWS provider where it is on this machine: none is downloaded."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from live_server import KEY_ID, REGION, SECRET

FLEET = Path(__file__).parent / "fleet"
PROVIDER = "registry.terraform.io/hashicorp/aws"
WAIT_S = 120
CLI_CONFIGURATION = """
disable_checkpoint = true
provider_installation {{
  filesystem_mirror {{
    path    = {mirror}
    include = ["hashicorp/aws"]
  }}
}}
"""


def plugin_folders():
    """Where Terraform itself would look for providers, then where people put them."""
    named = [os.environ.get(name) for name in ("TF_PLUGIN_CACHE_DIR", "TF_PLUGIN_DIR")]
    yield from (Path(folder) for folder in named if folder)
    home = Path.home() / ".terraform.d"
    yield from (home / "plugins", home / "plugin-cache")
    for share in ("/usr/local/share", "/usr/share"):
        yield Path(share) / "terraform" / "plugins"
    yield from sorted(Path("/opt").glob("*"))


def find_terraform():
    """(program, mirror), or a skipped test that says what is missing."""
    program = shutil.which("terraform")
    if program is None:
        pytest.skip("terraform is not on the PATH; the same calls are tested through boto3")
    for folder in plugin_folders():
        if (folder / PROVIDER).is_dir():
            return program, folder
    pytest.skip("no folder of plugins holds the provider hashicorp/aws; the same calls are tested through boto3")


class Terraform:
    """One working directory with its state; every command answers the JSON lines that it printed."""

    def __init__(self, folder, url):
        program, mirror = find_terraform()
        self.folder = folder
        self._program = program
        configuration = folder / "terraform.rc"
        configuration.write_text(CLI_CONFIGURATION.format(mirror=json.dumps(str(mirror))))
        shutil.copytree(FLEET, folder, dirs_exist_ok=True)
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "GOGC": "300",  # the provider spends a third of its time collecting garbage
            "TF_CLI_CONFIG_FILE": str(configuration),
            "TF_IN_AUTOMATION": "1",
            "TF_VAR_endpoint": url,
        }
        self._run("init")

    def apply(self, phase):
        """Resource address → what was done to it."""
        return applied(self._run("apply", "-auto-approve", *_phase(phase)))

    def plan(self, phase, *options):
        """Resource address → what would be done to it: empty when nothing differs."""
        changes = of(self._run("plan", *options, *_phase(phase)), "planned_change", "change")
        return {one["resource"]["addr"]: one["action"] for one in changes}

    def plan_of_import(self, phase, ids):
        """What a plan without any state would do when it is to import these: as `plan`, `noop` for a mere import."""
        blocks = self.folder / "import.tf"
        blocks.write_text(import_blocks(ids))
        planned = self.plan(phase, "-state=nothing.tfstate")
        blocks.unlink()
        return planned

    def destroy(self, phase):
        return applied(self._run("destroy", "-auto-approve", *_phase(phase)))

    def outputs(self):
        return {name: one["value"] for name, one in self._state()["outputs"].items()}

    def ids(self):
        """Resource address → the id by which it can be imported."""
        return {
            f"{one['type']}.{one['name']}": one["instances"][0]["attributes"]["id"]
            for one in self._state()["resources"]
            if one["mode"] == "managed"
        }

    def _state(self):
        return json.loads((self.folder / "terraform.tfstate").read_text())

    def _run(self, command, *arguments):
        ended = subprocess.run(
            [self._program, command, "-json", "-input=false", *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert ended.returncode == 0, f"terraform {command}: {ended.stdout}{ended.stderr}"
        return [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]


def of(lines, kind, member):
    """What the lines of this kind say about resources; data sources are read, not made."""
    told = [line[member] for line in lines if line["type"] == kind]
    return [one for one in told if not one["resource"]["addr"].startswith("data.")]


def applied(lines):
    return {one["resource"]["addr"]: one["action"] for one in of(lines, "apply_complete", "hook")}


def import_blocks(ids):
    """The configuration that imports each of these instead of creating it."""
    return "\n".join(f"import {{\n  to = {address}\n  id = {json.dumps(own)}\n}}" for address, own in ids.items())


def _phase(phase):
    """The variable that chooses a phase of the fleet; a configuration without phases is given none."""
    return () if phase is None else ("-var", f"phase={phase}")
