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

BLOCKS = [block for page in pages() for block in blocks_of(page)]
SHELL = ("sh", "console")
LANGUAGES = (*SHELL, "", "text", "json", "yaml", "toml", "python", "javascript", "hcl", "sql", "nginx", "ini")
EXAMPLES = "examples"


def ids(block):
    return block.place


def test_there_are_blocks_to_look_at():
    assert len(BLOCKS) > 50


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


# Files of a folder as code


@pytest.mark.parametrize(
    "block", [one for one in BLOCKS if one.text.startswith("# documents/")], ids=lambda one: one.place
)
def test_a_document_in_the_pages_is_one(block, ssm):
    content = yaml.safe_load(block.text)["Content"]
    created = ssm.create_document(Name="of-the-page", DocumentType="Command", Content=json.dumps(content))
    assert created["DocumentDescription"]["Status"] == "Creating"
