"""`stateward commands tail`: what runs on real nodes, as it comes, with real processes on both sides (D58)."""

import json
import os
import signal
import sqlite3

import boto3
import httpx
import pytest
from botocore.config import Config

from live_server import KEY_ID, REGION, SECRET
from programs import ADMIN, run, serving, started
from waiting import until

pytestmark = pytest.mark.slow

KEYS = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}
GIGABYTE = 1_000_000_000
SHELL = "aws:runShellScript"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A server with two nodes, `left` and `right`."""
    folder = tmp_path_factory.mktemp("house")
    with serving(folder / "server", **ADMIN) as server, node(server, folder, "left"), node(server, folder, "right"):
        server.ssm = client(server)
        server.database = folder / "server" / "stateward.db"
        server.nodes = online(server.ssm, 2)
        yield server


@pytest.fixture
def fifo(tmp_path):
    """What a step waits at until the test writes into it."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def node(server, folder, name):
    """The real agent, joined to a server; its state lies in `folder`."""
    state = str(folder / name)
    return started("agent", "join", "--endpoint", server.url, "--state-dir", state, "--name", name, **KEYS)


def client(server):
    return boto3.client(
        "ssm",
        region_name=REGION,
        endpoint_url=server.url,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30),
    )


def online(ssm, count=1):
    """The ids of the nodes by name, when so many have a channel."""

    def look():
        found = ssm.describe_instance_information()["InstanceInformationList"]
        connected = [
            one for one in found if ssm.get_connection_status(Target=one["InstanceId"])["Status"] == "connected"
        ]
        return {one["Name"]: one["InstanceId"] for one in connected} if len(connected) == count else None

    return until(look)


def send(ssm, name, nodes, *scripts):
    """Run a new document, a step for each (name, script); the command's id."""
    steps = [{"action": SHELL, "name": step, "inputs": {"runCommand": [text]}} for step, text in scripts]
    content = json.dumps({"schemaVersion": "2.2", "mainSteps": steps})
    ssm.create_document(Name=name, Content=content, DocumentType="Command")
    return ssm.send_command(DocumentName=name, InstanceIds=nodes)["Command"]["CommandId"]


def status(ssm, command_id):
    return ssm.list_commands(CommandId=command_id)["Commands"][0]["Status"]


def tail(server, *words):
    return started("commands", "tail", "--endpoint-url", server.url, *words, **KEYS)


def ended(server, *words):
    return run("commands", "tail", "--endpoint-url", server.url, *words, timeout=90, **KEYS)


def size_of(database):
    """Bytes of its rows: the pages that are in use."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    connection.close()
    return (pages - free) * size


def test_lines_come_while_the_step_runs_and_the_whole_at_the_end(house, fifo):
    ssm, here = house.ssm, house.nodes["left"]
    slow = f"echo before; cat {fifo}; echo no >&2"
    command_id = send(ssm, "slow-words", [here], ("slow", slow), ("after", "echo bye"))
    with tail(house, command_id) as follower:
        follower.line("before")
        assert status(ssm, command_id) == "InProgress"
        fifo.write_text("between\n")
        assert follower.wait() == 0
        assert f"{command_id}: Success" in follower.text
    again = ended(house, command_id)
    assert (again.returncode, sorted(again.stdout.split())) == (0, ["before", "between", "bye", "no"])
    assert again.stderr.splitlines() == [
        "slow: Success, exit code 0",
        "after: Success, exit code 0",
        f"{command_id}: Success",
    ]
    told = ssm.get_command_invocation(CommandId=command_id, InstanceId=here, PluginName="slow")
    assert (told["StandardOutputContent"], told["StandardErrorContent"]) == ("before\nbetween\n", "no\n")
    assert ended(house, command_id, "--step", "after").stdout == "bye\n"


def test_several_nodes_are_told_apart_and_the_exit_code_says_how_it_went(house):
    left, right = house.nodes["left"], house.nodes["right"]
    script = f'echo $AWS_SSM_INSTANCE_ID; [ "$AWS_SSM_INSTANCE_ID" = {left} ] || {{ echo oh no >&2; exit 3; }}'
    command_id = send(house.ssm, "who-are-you", [left, right], ("name", script))
    told = ended(house, command_id)
    assert told.returncode == 1
    lines = {f"{one} name: {one}" for one in (left, right)}
    lines |= {f"{right} name: oh no", f"{right} name: failed to run commands: exit status 3"}
    assert set(told.stdout.splitlines()) == lines
    assert f"{right} name: Failed, exit code 3" in told.stderr
    failed = house.ssm.get_command_invocation(CommandId=command_id, InstanceId=right)
    path = f"/_stateward/commands/{command_id}/output?node={right}&stream=stderr"
    shown = httpx.get(house.url + path, auth=(KEY_ID, SECRET), timeout=30)
    assert shown.text == failed["StandardErrorContent"] == "oh no\nfailed to run commands: exit status 3"
    assert ended(house, command_id, "--node", left).returncode == 0
    assert ended(house, command_id, "--node", "mi-00000000000000000").returncode == 3


def test_ctrl_c_leaves_the_command_running(house, fifo):
    command_id = send(house.ssm, "goes-on", [house.nodes["left"]], ("slow", f"echo begun; cat {fifo}"))
    with tail(house, command_id) as follower:
        follower.line("begun")
        follower.send(signal.SIGINT)
        assert follower.wait() == 130
        assert "the command goes on" in follower.text
    assert status(house.ssm, command_id) == "InProgress"
    fifo.write_text("end\n")
    assert ended(house, command_id).stdout == "begun\nend\n"


def test_a_server_that_is_killed_in_the_middle_loses_and_doubles_nothing(tmp_path, fifo):
    """The agent goes on behind what was stored, and so does who follows."""
    place = tmp_path / "server"
    with serving(place, **ADMIN) as first:
        port = first.url.rpartition(":")[2]
        with node(first, tmp_path, "alone"):
            ssm = client(first)
            count = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done"
            script = f"{count}; cat {fifo}; {count}"
            command_id = send(ssm, "counts-twice", [*online(ssm).values()], ("count", script))
            with tail(first, command_id) as follower:
                follower.line("line 1999")
                first.send(signal.SIGKILL)
                first.wait()
                fifo.write_text("between\n")
                with started("serve", "--port", port, "--data-dir", str(place), **ADMIN) as second:
                    second.line("Stateward is listening on http://")
                    assert follower.wait() == 0
            lines = [f"line {number}" for number in range(2000)]
            assert [line for line in follower.text.splitlines() if line.startswith(("line ", "between"))] == [
                *lines,
                "between",
                *lines,
            ]


def test_what_was_printed_before_the_agent_was_killed_stays_in_the_api(tmp_path, fifo):
    with serving(tmp_path / "server", **ADMIN) as server:
        with node(server, tmp_path, "alone") as agent:
            ssm = client(server)
            (here,) = online(ssm).values()
            command_id = send(ssm, "counts", [here], ("count", f"echo line 1; echo oh >&2; cat {fifo}"))
            with tail(server, command_id) as follower:
                follower.line("line 1")
                follower.line("oh")
                agent.send(signal.SIGKILL)
                agent.wait()
        with started("agent", "run", "--state-dir", str(tmp_path / "alone"), **KEYS):
            until(lambda: status(ssm, command_id) == "Failed")
        told = ssm.get_command_invocation(CommandId=command_id, InstanceId=here)
        assert told["StandardOutputContent"] == "line 1\n"
        assert told["StandardErrorContent"] == "oh\nthe agent was restarted while this step ran"
        (invocation,) = ssm.list_command_invocations(CommandId=command_id, Details=True)["CommandInvocations"]
        assert invocation["CommandPlugins"][0]["Output"].startswith("line 1\n\n----------ERROR-------\noh\n")


def test_lines_of_two_steps_are_never_one(house):
    steps = (("first", "printf one"), ("second", "printf two"))
    command_id = send(house.ssm, "no-ends", [house.nodes["left"]], *steps)
    assert ended(house, command_id).stdout == "one\ntwo"


def test_a_gigabyte_neither_fills_the_server_nor_holds_up_another_node(house, fifo):
    """The other node's command comes back while the gigabyte is still being printed."""
    ssm, left, right = house.ssm, house.nodes["left"], house.nodes["right"]
    before = size_of(house.database)
    print_it = f"head -c {GIGABYTE} /dev/zero | tr '\\0' x; cat {fifo}"
    noisy = send(ssm, "a-gigabyte", [left], ("print", print_it))
    path = f"/_stateward/commands/{noisy}/streams?node={left}"
    until(lambda: length(house, path) > 1_000_000)
    quiet = send(ssm, "a-word", [right], ("say", "echo hello"))
    assert ended(house, quiet).stdout == "hello\n"
    assert status(ssm, noisy) == "InProgress"
    fifo.write_text("the end\n")
    told = ended(house, noisy)
    assert told.returncode == 0
    assert told.stdout == "x" * 512 * 1024 + "x" * (512 * 1024 - len("the end\n")) + "the end\n"
    assert length(house, path) == GIGABYTE + len("the end\n")
    assert f"{GIGABYTE + 8 - 2 * 512 * 1024} bytes of stdout are left out here" in told.stderr
    assert size_of(house.database) - before < 3 * 1024 * 1024
    content = ssm.get_command_invocation(CommandId=noisy, InstanceId=left)["StandardOutputContent"]
    assert content.startswith("xxx")
    assert content.endswith("--output truncated--")


def length(server, path):
    answer = httpx.get(server.url + path, auth=(KEY_ID, SECRET), timeout=30)
    return sum(one["length"] for one in answer.json()["streams"])


def test_what_does_not_exist_and_who_is_not_there_have_exit_codes(tmp_path):
    with serving(tmp_path / "server", **ADMIN) as server:
        none = ended(server, "00000000-0000-0000-0000-000000000000")
        assert (none.returncode, none.stdout) == (3, "")
        assert "does not exist" in none.stderr
    gone = ended(server, "00000000-0000-0000-0000-000000000000")
    assert gone.returncode == 5
    assert "cannot be reached" in gone.stderr
