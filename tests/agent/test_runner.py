import asyncio
import os
from pathlib import Path

import pytest
from agent_bench import steps_of
from agent_stub_server import NODE_ID, shell, steps

from stateward.agent import processes


def run(bench, document, parameters=None, **options):
    async def work():
        table = bench(**options)
        try:
            return await table.run(document, parameters)
        finally:
            table.drains.close()

    return asyncio.run(work())


def only_step(bench, document, parameters=None, **options):
    (step,) = steps_of(run(bench, document, parameters, **options)).values()
    return step


def verdict(step):
    return step["status"], step["code"]


def test_a_step_has_a_clean_environment(bench, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the agent's own")
    step = only_step(bench, shell("env"))
    found = dict(line.split("=", 1) for line in step["standardOutput"].splitlines())
    of_the_shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert {name: value for name, value in found.items() if name not in of_the_shell} == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/home/node",
        "LANG": "C.UTF-8",
        "AWS_SSM_INSTANCE_ID": NODE_ID,
        "AWS_SSM_REGION_NAME": "eu-test-1",
        "AWS_SSM_PLATFORM_NAME": "Debian GNU/Linux",
        "AWS_SSM_PLATFORM_VERSION": "12",
        "SSM_COMMAND_ID": "command-1",
    }


def test_the_script_is_a_file_that_only_its_owner_can_use(bench):
    step = only_step(bench, shell('stat -c %a "$0"', "pwd"))
    mode, folder = step["standardOutput"].split()
    assert mode == "700"
    assert folder.endswith("/runs/command-1/work")


def test_a_run_leaves_no_files(bench, tmp_path):
    run(bench, shell("touch something"))
    assert list((tmp_path / "runs").iterdir()) == []


def test_steps_of_a_run_share_their_folder(bench):
    replies = run(bench, steps(("one", ["echo kept > file"], {}), ("two", ["cat file"], {})))
    assert steps_of(replies)["two"]["standardOutput"] == "kept\n"


def test_a_step_has_no_input(bench):
    assert verdict(only_step(bench, shell("cat", timeoutSeconds=30))) == ("Success", 0)


def test_parameters_reach_the_script_as_text_and_as_variables(bench):
    document = {
        **shell("echo {{ word }}", 'echo "{{ data }}"'),
        "parameters": {
            "word": {"type": "String", "default": "unused"},
            "data": {"type": "String", "interpolationType": "ENV_VAR"},
        },
    }
    step = only_step(bench, document, {"word": "raw", "data": "$(echo not run)"})
    assert step["standardOutput"] == "raw\n$(echo not run)\n"


def test_a_precondition_of_another_platform_skips(bench):
    document = shell("echo never")
    document["mainSteps"][0]["precondition"] = {"StringEquals": ["platformType", "Windows"]}
    step = only_step(bench, document)
    assert verdict(step) == ("Skipped", 0)
    assert "platformType" in step["output"]


def test_a_plugin_that_the_node_lacks_fails_and_later_steps_run(bench):
    document = steps(("first", [], {}), ("second", ["echo here"], {}))
    document["mainSteps"][0] = {
        "action": "aws:configurePackage",
        "name": "first",
        "inputs": {"name": "x", "action": "Install"},
    }
    found = steps_of(run(bench, document))
    assert verdict(found["first"]) == ("Failed", 1)
    assert found["first"]["standardError"] == "aws:configurePackage is not available on this node"
    assert found["second"]["standardOutput"] == "here\n"


def test_a_time_out_ends_the_whole_group(bench, tmp_path):
    child = tmp_path / "child"
    step = only_step(bench, shell(f"sleep 300 & echo $! > {child}; echo before; wait", timeoutSeconds=1))
    assert verdict(step) == ("TimedOut", 137)
    assert step["standardOutput"] == "before\n"
    assert processes.birth_of(int(child.read_text())) is None


def test_a_child_that_holds_the_pipe_does_not_hold_the_step(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "GRACE_S", 0.01)
    child = tmp_path / "child"
    step = only_step(bench, shell(f"sleep 300 & echo $! > {child}; echo done"))
    assert verdict(step) == ("Success", 0)
    assert step["standardOutput"] == "done\n"
    os.kill(int(child.read_text()), 9)


def test_endless_output_is_read_and_forgotten(bench):
    step = only_step(bench, shell("head -c 200000000 /dev/zero | tr '\\0' x; echo end >&2"))
    assert verdict(step) == ("Success", 0)
    assert len(step["standardOutput"]) == 24_000
    assert step["standardOutput"].endswith("x--output truncated--")
    assert step["standardError"] == "end\n"


def test_a_reply_fits_into_a_frame_whatever_is_printed(bench):
    step = only_step(bench, shell("head -c 30000 /dev/zero; head -c 30000 /dev/zero >&2"))
    assert step["standardOutput"].endswith("--output truncated--")
    assert 5_000 < len(step["standardOutput"]) < 24_000


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        pytest.param({"workingDirectory": "/no/such/folder"}, "/no/such/folder is not a folder", id="no folder"),
        pytest.param({"runCommand": [["list in a list"]]}, "runCommand must be a list", id="no script"),
    ],
)
def test_inputs_that_cannot_be_used_fail_the_step(bench, inputs, told):
    document = {
        "schemaVersion": "1.2",
        "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": "{{ lines }}", **inputs}]}},
        "parameters": {"lines": {"type": "StringList"}},
    }
    if "runCommand" in inputs:
        document["runtimeConfig"]["aws:runShellScript"]["properties"][0]["runCommand"] = "{{ lines }}"
    given = {} if "runCommand" in inputs else {"lines": ["true"]}
    step = only_step(bench, document, given)
    assert verdict(step) == ("Failed", 1)
    assert told in step["standardError"]


def test_another_signal_fails_the_step(bench):
    assert verdict(only_step(bench, shell("kill -15 $$"))) == ("Failed", 143)


def test_a_reboot_without_a_reboot_command_fails_the_step(bench):
    step = only_step(bench, shell("echo please; exit 194"))
    assert verdict(step) == ("Failed", 194)
    assert "--reboot-command" in step["standardError"]


def test_a_reboot_runs_the_same_step_again_after_the_boot(bench, tmp_path):
    marks = tmp_path / "marks"
    document = steps(
        ("first", [f"echo first >> {marks}"], {}),
        ("again", [f"echo again >> {marks}", f"wc -l < {marks}", f"[ $(grep -c again {marks}) = 2 ] || exit 194"], {}),
        ("last", [f"echo last >> {marks}"], {}),
    )

    async def until_the_boot():
        table = bench(reboot_command=f"touch {tmp_path / 'rebooted'}")
        await table.run(document)
        (entry,) = table.journal.unfinished()
        return table.replies()[-1], entry

    reply, entry = asyncio.run(until_the_boot())
    assert reply["documentStatus"] == "SuccessAndReboot"
    assert reply["runtimeStatus"]["again"]["status"] == "SuccessAndReboot"
    assert entry.rebooting

    async def after_the_boot():
        table = bench(reboot_command="true")
        (left,) = table.journal.unfinished()
        table.journal.save(type(left)(**{**_members(left), "rebooting": "an earlier boot"}))
        table.intake.take_up()
        await table.intake.idle()
        return table.replies()

    replies = asyncio.run(after_the_boot())
    assert replies[-1]["documentStatus"] == "Success"
    assert steps_of(replies)["again"]["standardOutput"] == "2\n3\n"
    assert marks.read_text().split() == ["first", "again", "again", "last"]


def test_an_agent_start_without_a_boot_does_not_run_the_step_again(bench, tmp_path):
    marks = tmp_path / "marks"

    async def work():
        first = bench(reboot_command="true")
        before = await first.run(shell(f"echo run | tee -a {marks}; exit 194"))
        assert first.intake.rebooting == ("command-1",)
        table = bench(reboot_command="true")
        table.intake.take_up()
        await table.intake.idle()
        assert table.intake.rebooting == ()
        return steps_of(before)["run"], table.replies()

    asked, replies = asyncio.run(work())
    assert replies[-1]["documentStatus"] == "Failed"
    assert marks.read_text() == "run\n"
    step = steps_of(replies)["run"]
    assert verdict(step) == ("Failed", 194), "it had ended, and is not said to have been interrupted"
    assert step["standardOutput"] == "run\n"
    assert "without the reboot that this step asked for" in step["standardError"]
    assert step["startDateTime"] == asked["startDateTime"]


def test_a_step_begins_only_once_the_journal_knows_its_process(bench, tmp_path):
    mark = tmp_path / "mark"

    async def work():
        table = bench()
        table.start(shell(f"touch {mark}"))
        save = table.journal.save

        def full_disk(entry):
            if entry.running is not None:
                raise OSError(28, "No space left on device")
            save(entry)

        table.journal.save = full_disk
        await table.intake.idle()
        return steps_of(table.replies())["run"]

    step = asyncio.run(work())
    assert verdict(step) == ("Failed", 1)
    assert "the journal cannot be written" in step["standardError"]
    assert not mark.exists()


def _members(entry):
    return {name: getattr(entry, name) for name in entry.__struct_fields__}


def test_a_process_is_told_from_a_later_one_of_its_number():
    birth = processes.birth_of(os.getpid())
    assert birth is not None
    assert birth == processes.birth_of(os.getpid())
    assert not processes.end_group(os.getpid(), birth + "0")
    assert not processes.end_group(2**22 + 1, birth)
    assert Path("/proc/self").exists()
