"""The example of the page about the virtual clock does what it says."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from live_server import KEY_ID, REGION, SECRET

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = re.compile(r"<!-- run: fleet -->\n```sh\n(.*?)```", re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the example is for people who have curl")
def test_the_example_of_the_page_runs(server):
    (script,) = EXAMPLE.findall((ROOT / "docs" / "virtual-clock.md").read_text(encoding="utf-8"))
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {
        "PATH": programs,
        "HOME": str(ROOT / "tests"),
        "AWS_ENDPOINT_URL_SSM": server.url,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
    }
    ran = subprocess.run(
        ["sh", "-ec", script], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    first, *_ = ran.stdout.splitlines()
    assert len(json.loads(first)["nodes"]) == 20
    overview = json.loads(ran.stdout[ran.stdout.rindex("[\n") :])[0]
    assert (overview["Status"], overview["AssociationStatusAggregatedCount"]) == ("Success", {"Success": 20})
