"""How objects of output, and their addresses, are named (spec 4.10, node protocol 7.9)."""

import pytest

from stateward.commands import output_location
from stateward.commands.output_location import OutputFile, Outputs
from stateward.commands.rows import CommandRow
from stateward.commands.store_output import StreamKey
from stateward.engine.uploads import retry_wait_ms

COMMAND, NODE = "4a58b48e-6247-42b9-9e28-67cdea8f0dea", "mi-ac0b5d4c79e95af4b"


def command(**members):
    given = dict.fromkeys(CommandRow.__struct_fields__[: CommandRow.__struct_fields__.index("output_bucket")], "")
    return CommandRow(**{**given, "command_id": COMMAND, "region": "eu-west-1", **members})


def printed(step_name, stream, body):
    return StreamKey(COMMAND, NODE, step_name, stream), body


def test_the_recorded_key():
    """As the official agent wrote it."""
    actions = {"runShellScript": "aws:runShellScript"}
    (file,) = output_location.files("cmd", actions, [printed("runShellScript", "stdout", b"to-s3\n")])
    assert file == OutputFile(f"cmd/{COMMAND}/{NODE}/awsrunShellScript/runShellScript/stdout", b"to-s3\n")


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("", f"{COMMAND}/"), ("a/b", f"a/b/{COMMAND}/"), ("/a//", f"a/{COMMAND}/"), ("../a", f"../a/{COMMAND}/")],
)
def test_a_prefix_stands_before_the_command(prefix, expected):
    assert output_location.plugin_key(prefix, COMMAND, NODE, "aws:runShellScript").startswith(expected)


def test_each_stream_of_each_step_is_an_object_and_empty_ones_are_none():
    actions = {"first": "aws:runShellScript", "second": "aws:runPowerShellScript"}
    streams = [
        printed("first", "stdout", b"a"),
        printed("first", "stderr", b"b"),
        printed("second", "stdout", b""),
        printed("second", "stderr", b"\xff"),
    ]
    keys = {file.key: file.body for file in output_location.files("", actions, streams)}
    assert keys == {
        f"{COMMAND}/{NODE}/awsrunShellScript/first/stdout": b"a",
        f"{COMMAND}/{NODE}/awsrunShellScript/first/stderr": b"b",
        f"{COMMAND}/{NODE}/awsrunPowerShellScript/second/stderr": b"\xff",
    }


def test_a_plugin_of_schema_1_2_is_its_own_step():
    actions = {"aws:runShellScript": "aws:runShellScript"}
    files = output_location.files("", actions, [printed("aws:runShellScript", "stdout", b"a")])
    assert files[0].key == f"{COMMAND}/{NODE}/awsrunShellScript/0.awsrunShellScript/stdout"


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
