"""Every block of code in the pages is run, or says why not; what nothing runs is at least well-formed."""

import ast
import json
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml
from blocks import ROOT, blocks_of, pages
from tour import Tour

BLOCKS = [block for page in pages() for block in blocks_of(page)]
SHELL = ("sh", "console")
LANGUAGES = (*SHELL, "", "text", "json", "yaml", "toml", "python", "javascript", "hcl", "sql", "nginx", "ini")
OWN_TESTS = {
    ("docs/test-kit.md", ""): "tests/kit/test_kit_page.py",
    ("docs/virtual-clock.md", "fleet"): "tests/simulation/test_fleet_page.py",
    ("README.md", ""): "tests/kit/test_kit_page.py",
}
"""Page and word behind `run:` of the blocks that a test of their own plays."""
EXAMPLES = "examples"
TOURS = [page for page in pages() if any(block.kind == "tour" for block in blocks_of(page))]
SERVED = [block for block in BLOCKS if block.kind == "run" and (block.page, block.what) not in OWN_TESTS]


def ids(block):
    return block.place


def test_there_are_blocks_to_look_at():
    assert len(BLOCKS) > 50
    assert len(TOURS) >= 1


@pytest.mark.parametrize("page", pages())
def test_no_block_is_overlooked(page):
    fences = re.findall(r"^ *```", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(blocks_of(page))


@pytest.mark.parametrize("block", BLOCKS, ids=ids)
def test_a_block_says_its_language(block):
    assert block.language in LANGUAGES


@pytest.mark.parametrize("block", [one for one in BLOCKS if one.language in (*SHELL, "python")], ids=ids)
def test_what_can_be_run_is_run_or_says_why_not(block):
    """In an example's README it is the example's own test that runs what it says."""
    if block.page.startswith(EXAMPLES):
        return
    assert block.kind, (
        f"{block.place}: say before the block who runs it: <!-- tour: client -->, <!-- run: client --> "
        "(a server is there, and its credentials in the environment), or <!-- not run: why -->"
    )
    assert block.kind == "run" or block.what, f"{block.place}: {block.kind}: what, or why?"


@pytest.mark.parametrize("block", [one for one in BLOCKS if one.language in SHELL], ids=ids)
@pytest.mark.skipif(not shutil.which("bash"), reason="what a shell would read is asked of bash")
def test_what_is_typed_can_be_read_by_a_shell(block):
    read = subprocess.run(["bash", "-n"], input=block.commands, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    assert read.stderr == ""


@pytest.mark.parametrize("block", [one for one in BLOCKS if one.language == "json"], ids=ids)
def test_json_is_json(block):
    json.loads(block.text)


@pytest.mark.parametrize("block", [one for one in BLOCKS if one.language in ("yaml", "toml")], ids=ids)
def test_yaml_and_toml_can_be_read(block):
    assert (yaml.safe_load if block.language == "yaml" else tomllib.loads)(block.text)


@pytest.mark.parametrize("block", [one for one in BLOCKS if one.language == "python"], ids=ids)
def test_python_is_python(block):
    ast.parse(block.text)


@pytest.mark.parametrize("block", [one for one in BLOCKS if one.language == "hcl"], ids=ids)
@pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not there to read its language")
def test_terraform_can_read_its_language(block):
    read = subprocess.run(["terraform", "fmt", "-"], input=block.text, capture_output=True, text=True, check=False)
    assert read.stdout == block.text, read.stderr


# The pages, played


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="the tours need bash and curl")
@pytest.mark.parametrize("page", TOURS)
def test_a_tour_works_as_it_is_written(page, tmp_path):
    tour = Tour(tmp_path, (ROOT / page).read_text(encoding="utf-8"))
    try:
        for block in (one for one in blocks_of(page) if one.kind == "tour"):
            if block.language == "console":
                tour.play(block.what, block.text)
            else:
                tour.run(block.what, block.text)
    finally:
        tour.close()


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="the blocks need bash and curl")
@pytest.mark.parametrize("page", sorted({block.page for block in SERVED}))
def test_blocks_work_with_a_server_that_is_there(page, tmp_path):
    """Its clock is virtual; the name behind `run:` is the terminal."""
    tour = Tour(tmp_path, "")
    try:
        tour.play("server", "$ stateward serve --clock virtual --tls-port 8443 --data-dir data\n")
        for block in (one for one in SERVED if one.page == page):
            if block.what not in tour:
                tour.run_here(block.what, 'export STATEWARD_DATA_DIR="$PWD/data"; eval "$(stateward credentials)"')
            if block.language == "console":
                tour.play(block.what, block.text)
            else:
                tour.run(block.what, block.text)
    finally:
        tour.close()


# Files of a folder as code


@pytest.mark.parametrize(
    "block", [one for one in BLOCKS if one.text.startswith("# documents/")], ids=lambda one: one.place
)
def test_a_document_in_the_pages_is_one(block, ssm):
    content = yaml.safe_load(block.text)["Content"]
    created = ssm.create_document(Name="of-the-page", DocumentType="Command", Content=json.dumps(content))
    assert created["DocumentDescription"]["Status"] == "Creating"
