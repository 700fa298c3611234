"""How objects of output, and their addresses, are named (spec 4.10, node protocol 7.9)."""

import pytest

from stateward.commands import output_location
from stateward.commands.output_location import OutputFile, Outputs
from stateward.commands.rows import CommandRow, StepRow
from stateward.engine.uploads import retry_wait_ms

COMMAND, NODE = "4a58b48e-6247-42b9-9e28-67cdea8f0dea", "mi-ac0b5d4c79e95af4b"


def command(**members):
    given = dict.fromkeys(CommandRow.__struct_fields__[: CommandRow.__struct_fields__.index("output_bucket")], "")
    return CommandRow(**{**given, "command_id": COMMAND, "region": "eu-west-1", **members})


def step(name, output="", error="", plugin="aws:runShellScript"):
    return StepRow(COMMAND, NODE, name, 0, plugin, "Success", 0, None, None, output, output, error)


def test_the_recorded_key():
    """As the official agent wrote it."""
    (file,) = output_location.files(
        "cmd", COMMAND, NODE, {"runShellScript": "aws:runShellScript"}, [step("runShellScript", "to-s3\n")]
    )
    assert file == OutputFile(f"cmd/{COMMAND}/{NODE}/awsrunShellScript/runShellScript/stdout", b"to-s3\n")


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("", f"{COMMAND}/"), ("a/b", f"a/b/{COMMAND}/"), ("/a//", f"a/{COMMAND}/"), ("../a", f"../a/{COMMAND}/")],
)
def test_a_prefix_stands_before_the_command(prefix, expected):
    assert output_location.plugin_key(prefix, COMMAND, NODE, "aws:runShellScript").startswith(expected)


def test_each_stream_of_each_step_is_an_object_and_empty_ones_are_none():
    actions = {"first": "aws:runShellScript", "second": "aws:runPowerShellScript"}
    steps = [step("first", "a", "b"), step("second", "", "\ud800ü")]
    keys = {file.key: file.body for file in output_location.files("", COMMAND, NODE, actions, steps)}
    assert keys == {
        f"{COMMAND}/{NODE}/awsrunShellScript/first/stdout": b"a",
        f"{COMMAND}/{NODE}/awsrunShellScript/first/stderr": b"b",
        f"{COMMAND}/{NODE}/awsrunPowerShellScript/second/stderr": "?ü".encode(),
    }


def test_a_plugin_of_schema_1_2_is_its_own_step():
    files = output_location.files(
        "", COMMAND, NODE, {"aws:runShellScript": "aws:runShellScript"}, [step("aws:runShellScript", "a")]
    )
    assert files[0].key == f"{COMMAND}/{NODE}/awsrunShellScript/0.awsrunShellScript/stdout"


def test_what_a_node_calls_its_plugin_decides_nothing():
    told = step("first", "a", plugin="../../elsewhere")
    (file,) = output_location.files("p", COMMAND, NODE, {"first": "aws:runShellScript"}, [told])
    assert file.key == f"p/{COMMAND}/{NODE}/awsrunShellScript/first/stdout"


@pytest.mark.parametrize(
    ("endpoint", "members", "start"),
    [
        (None, {}, "https://s3.eu-west-1.amazonaws.com/bucket/"),
        (None, {"output_region": "us-east-2"}, "https://s3.us-east-2.amazonaws.com/bucket/"),
        ("http://minio:9000/", {}, "http://minio:9000/bucket/"),
        (None, {"output_prefix": "a b/ü"}, "https://s3.eu-west-1.amazonaws.com/bucket/a%20b/%C3%BC/"),
    ],
)
def test_addresses(endpoint, members, start):
    outputs = Outputs(command(output_bucket="bucket", **members), {"first": "aws:runShellScript"}, endpoint)
    assert outputs.url(NODE, "first", "stdout") == f"{start}{COMMAND}/{NODE}/awsrunShellScript/first/stdout"


def test_without_a_bucket_there_is_no_address():
    outputs = Outputs(command(), {}, None)
    assert (outputs.url(NODE, "first", "stdout"), outputs.folder(NODE, "first")) == ("", "")


def test_tries_become_rarer():
    waits_s = [retry_wait_ms(attempts) // 1000 for attempts in (1, 2, 3, 4, 8, 9, 1000)]
    assert waits_s == [5, 10, 20, 40, 640, 900, 900]
