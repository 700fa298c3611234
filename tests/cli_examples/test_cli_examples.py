"""The example commands that the AWS CLI prints in its help work as printed, with only names and ids changed.

They run inside this process, which spares half a second each; a few run as the real program too.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from awscli.clidriver import create_clidriver
from botocore import xform_name
from example_house import Region
from example_table import TABLE, NotHere
from printed_examples import of

from every_run import with_the_rest_slow
from live_server import LiveServer

LOGGED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]")
AWS = Path(sys.executable).parent / "aws"
AS_A_PROGRAM = ("create-association 2", "describe-association-executions 2", "get-parameters 2")
NO_PAGE_OF_THE_SERVICE = {"NextToken"}
"""The CLI walks through all pages by itself and shows no token but its own."""

SHOWN_SINCE = {"get-document": {"CreatedDate"}}
"""What the service has come to answer since the page was written."""

OUTPUT_OF_ANOTHER = {"get-parameters 3"}
"""The output on the page is not that of its command."""


@pytest.fixture(scope="module")
def house(server_thread, model, tmp_path_factory):
    server = LiveServer(server_thread, tmp_path_factory.mktemp("server"), model)
    yield server
    server.stop()


@pytest.fixture
def region(house, node_thread, tmp_path, request):
    """A region that is named after the example, since what one makes must not be seen by another."""
    example = request.node.callspec.params["example"].name.replace(" ", "-")
    made = Region(house, node_thread, f"{example}-{'program' in request.node.name}".lower(), tmp_path)
    yield made
    made.close()


def examples():
    """Every example of an operation that the table has rows for."""
    operations = {name.rpartition(" ")[0] for name in TABLE}
    return [example for operation in sorted(operations) for example in of(operation)]


EXAMPLES = {example.name: example for example in examples()}
REFUSED = [example for name, example in EXAMPLES.items() if isinstance(TABLE.get(name), NotHere)]
APPLICABLE = [example for name, example in EXAMPLES.items() if not isinstance(TABLE.get(name), NotHere)]


def prepared(example, region):
    """The words of the command, with what the server made up put in."""
    command = example.command
    for printed, own in TABLE[example.name](region).items():
        command = command.replace(printed, own)
    return example.replaced(command).words


def without_log(text):
    """Standard output less what the server, in the same process, has to say meanwhile."""
    return "\n".join(line for line in text.splitlines() if not LOGGED.match(line))


def check(example, exit_code, output, errors):
    assert (exit_code, errors) == (0, "")
    if example.members is None or example.name in OUTPUT_OF_ANOTHER:
        return
    shown = set(json.loads(output)) - SHOWN_SINCE.get(example.operation, set())
    assert shown - NO_PAGE_OF_THE_SERVICE == example.members - NO_PAGE_OF_THE_SERVICE


@pytest.mark.parametrize("example", with_the_rest_slow(APPLICABLE, APPLICABLE[::2], lambda one: one.name))
def test_the_example_works_as_printed(region, example, monkeypatch, capsys):
    words = prepared(example, region)
    for name, value in region.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(region.folder)
    exit_code = create_clidriver().main(words)
    shown = capsys.readouterr()
    check(example, exit_code, without_log(shown.out), shown.err)


@pytest.mark.parametrize("example", [EXAMPLES[name] for name in AS_A_PROGRAM], ids=lambda one: one.name)
def test_the_example_works_as_a_program(region, example):
    words = prepared(example, region)
    ended = subprocess.run(
        [AWS, *words],
        env={"PATH": "/usr/bin:/bin", **region.environment},
        cwd=region.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    check(example, ended.returncode, ended.stdout, ended.stderr)


def test_every_example_of_an_operation_stands_in_the_table(house):
    operations = {xform_name(name, "-") for name in house.thread_server.performer.operations}
    printed = {example.name for operation in operations for example in of(operation)}
    assert printed - set(TABLE) == set()
    assert len(printed) > 100


@pytest.mark.parametrize("example", REFUSED, ids=lambda one: one.name)
def test_what_does_not_exist_here_is_refused_with_its_reason(region, example, monkeypatch, capsys):
    for name, value in region.environment.items():
        monkeypatch.setenv(name, value)
    exit_code = create_clidriver().main(example.words)
    assert exit_code == 255
    assert TABLE[example.name].told in capsys.readouterr().err
