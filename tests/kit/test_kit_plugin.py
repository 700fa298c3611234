"""The pytest plugin in projects of others: each test is a project, run by pytest in a process of its own (D59)."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from waiting import until

pytest_plugins = ["pytester"]
WITHOUT = "-p no:hypothesispytest -p no:anyio"  # plugins of our own environment, which take long to load

PROJECT = """
import json
import boto3

CONTENT = {
    "schemaVersion": "2.2",
    "mainSteps": [{"action": "aws:runShellScript", "name": "restart", "inputs": {"runCommand": ["true"]}}],
}


def deploy():
    ssm = boto3.client("ssm")
    ssm.create_document(Name="nightly", DocumentType="Command", Content=json.dumps(CONTENT))
    created = ssm.create_association(
        Name="nightly", Targets=[{"Key": "InstanceIds", "Values": ["*"]}], ScheduleExpression="rate(1 day)"
    )
    return created["AssociationDescription"]["AssociationId"]
"""


@pytest.fixture
def project(pytester):
    """Runs pytest over one test module of a project that has nothing but Stateward and pytest."""
    pytester.makepyfile(jobs=PROJECT)
    pytester.makeini(f"[pytest]\nfilterwarnings = error\naddopts = -p no:cacheprovider {WITHOUT}\n")

    def run(tests, *arguments):
        pytester.makepyfile(test_jobs=tests)
        return pytester.runpytest_subprocess(*arguments, timeout=100)

    return run


def test_a_failing_test_says_what_the_server_has_seen(project):
    ran = project(
        """
        from jobs import deploy

        def test_nightly(state_manager):
            state_manager.fleet.add(2)
            state_manager.fleet.script("Failed", nodes=1, step="restart", error="no space left")
            association_id = deploy()
            state_manager.clock.advance(hours=1)
            assert state_manager.executions(association_id)[0]["Status"] == "Success"
        """
    )
    ran.assert_outcomes(failed=1)
    ran.stdout.re_match_lines(
        [
            "-+ State Manager when the test failed -+",
            r"time: .*",
            "simulated nodes: 2",
            r'script: \{"nodes": 1, "step": "restart", "status": "Failed", "error": "no space left"\}',
            r"association .* \(nightly\): Failed \(Failed=1, Success=1\)",
            r"  .* Failed \{Failed=1, Success=1\} .*",
            "    mi-00000000000000001 restart: Failed, exit code 1: no space left",
        ],
        consecutive=False,
    )


def test_names_that_fit_nothing_fail_a_test_whose_asserts_hold(project):
    ran = project(
        """
        from jobs import deploy

        def test_step(state_manager):
            deploy()
            state_manager.fleet.script("Failed", step="restrat")

        def test_document(state_manager):
            state_manager.fleet.script("Failed", document="nihgtly")

        def test_good(state_manager):
            pass
        """
    )
    ran.assert_outcomes(failed=2, passed=1)
    ran.stdout.fnmatch_lines(
        [
            "the script names what there is not: step 'restrat': *or correct the name: your documents have restart",
            "the script names what there is not: document 'nihgtly': does not exist here; *",
        ]
    )
    ran.stdout.no_fnmatch_line("*During handling of the above exception*")


def test_an_error_inside_the_server_fails_the_test_that_made_it(project):
    ran = project(
        """
        from botocore.exceptions import ClientError
        import pytest

        @pytest.fixture
        def broken(state_manager, monkeypatch):
            async def list_associations(call, request):
                raise ZeroDivisionError("broken for this test")

            operations = state_manager._server.server.performer.operations
            monkeypatch.setitem(operations, "ListAssociations", list_associations)

        def test_swallowed(state_manager, broken):
            with pytest.raises(ClientError):
                state_manager.client.list_associations()

        def test_next(state_manager):
            assert state_manager.client.list_associations()["Associations"] == []
        """
    )
    ran.assert_outcomes(failed=1, passed=1)
    ran.stdout.fnmatch_lines(["the server failed: failed (operation=ListAssociations, *", "ZeroDivisionError: broken*"])


def test_work_that_does_not_end_fails_the_test(project):
    ran = project(
        """
        import boto3

        def test_left_alone(state_manager):
            node = state_manager.fleet.add_real()
            state_manager.clock.node_patience_s = 0.2
            boto3.client("ssm").send_command(
                DocumentName="AWS-RunShellScript", InstanceIds=[node], Parameters={"commands": ["sleep 600"]}
            )
        """
    )
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(["nodes have not ended their work within 0.2 s of real time: command * on mi-*"])


def test_a_test_that_fails_by_itself_is_not_blamed_for_more(project):
    ran = project(
        """
        def test_first_mistake(state_manager):
            state_manager.fleet.script("Failed", step="restrat")
            assert 1 == 2
        """
    )
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(["E*assert 1 == 2", "script: * (step 'restrat': no document here *"])
    ran.stdout.no_fnmatch_line("*the script names what there is not*")


def test_processes_of_xdist_share_nothing(project):
    ran = project(
        """
        import pytest
        from jobs import deploy

        @pytest.mark.parametrize("number", range(6))
        def test_alone(state_manager, number):
            assert state_manager.client.list_associations()["Associations"] == []
            state_manager.fleet.add(number + 1)
            association_id = deploy()
            (execution,) = state_manager.executions(association_id)
            assert execution["ResourceCountByStatus"] == f"{{Success={number + 1}}}"
        """,
        "-n2",
    )
    ran.assert_outcomes(passed=6)


def test_a_project_says_once_what_its_servers_are_like(project, pytester):
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def state_manager_settings():
            return {"region": "eu-central-1", "account_id": "210987654321"}
        """
    )
    ran = project(
        """
        import boto3
        from jobs import deploy

        def test_elsewhere(state_manager):
            state_manager.fleet.add(1)
            assert state_manager.executions(deploy())[0]["Status"] == "Success"
            assert boto3.client("ssm").meta.region_name == "eu-central-1"
        """
    )
    ran.assert_outcomes(passed=1)


def test_the_fixture_may_be_asked_for_late_and_from_a_class(project):
    ran = project(
        """
        import unittest
        import pytest

        def test_late(request):
            state_manager = request.getfixturevalue("state_manager")
            state_manager.fleet.script("Failed", step="restrat")

        class Jobs(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def kit(self, state_manager):
                self.state_manager = state_manager

            def test_class(self):
                self.state_manager.fleet.script("Failed", step="restrat")
        """
    )
    ran.assert_outcomes(failed=2)


def test_the_log_of_the_code_under_test_is_left_as_it_is(project):
    ran = project(
        """
        import structlog

        def test_log(state_manager, capsys):
            structlog.get_logger().info("mine")
            state_manager.client.list_associations()
            assert capsys.readouterr().out.count("\\n") == 1
        """
    )
    ran.assert_outcomes(passed=1)


def test_a_project_that_does_not_ask_for_it_pays_nothing(project):
    ran = project(
        """
        import sys

        def test_nothing():
            assert not {"boto3", "botocore", "apsw", "stateward.app"} & set(sys.modules)
        """
    )
    ran.assert_outcomes(passed=1)


def test_the_first_test_takes_less_than_half_a_second_and_the_next_much_less(project, pytester):
    """Of a processor: how many others there are on the machine is not the kit's doing."""
    pytester.makeconftest(
        """
        import time
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_protocol(item, nextitem):
            start = time.process_time()
            result = yield
            with open("took", "a") as took:
                took.write(f"{time.process_time() - start}\\n")
            return result
        """
    )
    ran = project(
        """
        import pytest
        from jobs import deploy

        @pytest.mark.parametrize("number", range(8))
        def test_nightly(state_manager, number):
            state_manager.fleet.add(20)
            association_id = deploy()
            state_manager.clock.advance(days=1)
            assert len(state_manager.executions(association_id)) == 2
        """
    )
    ran.assert_outcomes(passed=8)
    took = [float(line) for line in (pytester.path / "took").read_text().splitlines()]
    assert took[0] < 0.5
    assert sorted(took)[4] < 0.25


def test_nothing_is_left_when_pytest_has_ended(project, pytester, monkeypatch):
    folder = pytester.mkdir("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    ran = project(
        """
        def test_one(state_manager):
            state_manager.fleet.add_real()

        def test_two(state_manager):
            state_manager.fleet.add(1)
        """,
        "-p",
        "no:tmpdir",
    )
    ran.assert_outcomes(passed=2)
    assert list(folder.glob("stateward-*")) == []


def test_a_program_that_forgets_to_stop_ends_all_the_same(tmp_path):
    program = "from stateward.testing import StateManager; print(StateManager().start().fleet.add_real())"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_an_agent_ends_also_with_a_program_that_is_killed(tmp_path):
    program = """
import os
from stateward.testing import StateManager

StateManager().start().fleet.add_real()
print(os.getpid(), flush=True)
os.kill(os.getpid(), 9)
"""
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True, timeout=60, check=False
    )
    assert ran.returncode == -9
    assert ran.stdout
    until(lambda: agents_of(tmp_path) == [])


def agents_of(folder):
    """The processes that have a node's state below the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if f"{folder}/stateward-node-".encode() in path.read_bytes():
                found.append(path.parent.name)
    return found
