"""Running, following, trying again, comparing and looking back, as people type it (console 6, D60, D61)."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading

import pytest

from association_calls import executions, start_once
from programs import environment, started


def test_run_names_what_it_starts(cli, nightly, ssm, server):
    told = cli("run", "nightly-patch", "-o", "name")
    assert (told.exit_code, told.stdout) == (0, "nightly-patch/3\n")
    assert f"→ {server.url} · " in told.stderr
    assert len(executions(ssm, nightly)) == 3


def test_run_on_some_nodes_only(cli, nightly, ssm, server):
    told = cli.told("run", "nightly-patch", "--node", "simulated-1", "-n", "mi-00000000000000004", "-o", "name")
    assert told == "nightly-patch/3\n"
    server.clock(advance="1m")
    rows = cli.rows("executions", "targets", "nightly-patch/3")
    assert [row["NODE"] for row in rows] == ["mi-00000000000000001", "mi-00000000000000004"]
    assert [row["STATUS"] for row in rows] == ["Success", "Success"]


def test_run_on_a_node_that_is_no_target(cli, nightly, ssm, fleet):
    (stranger,) = fleet.add(1, name="stranger")
    code, told = cli.refused("run", "nightly-patch", "--node", "simulated-1", "--node", "stranger", "-q")
    assert (code, told) == (
        1,
        f"ValidationException: The association cannot run on {stranger} (not a target)",
    )
    assert len(executions(ssm, nightly)) == 2


def test_quiet_says_only_the_answer(cli, nightly):
    told = cli("run", "nightly-patch", "-q", "-o", "jsonl")
    assert told.stderr == ""
    assert json.loads(told.stdout)["Number"] == 3


def test_watch_ends_with_the_result(cli, nightly, turning):
    told = cli("run", "nightly-patch", "--watch")
    assert told.exit_code == 0
    (row,) = [line.split("\t") for line in told.stdout.splitlines()[1:]]
    assert row[:2] == ["nightly-patch/3", "Success"]
    assert row[2].startswith("10 Success, ")
    assert "nightly-patch #3 · version 1 · 10 nodes" in told.stderr


def test_failures_come_in_groups_and_the_exit_code_is_1(cli, nightly, fleet, turning):
    fleet(scripts=[{"status": "Failed", "nodes": 3, "step": "second", "error": "disk full"}])
    told = cli("run", "nightly-patch", "--watch")
    assert told.exit_code == 1
    (line,) = [line for line in told.stderr.splitlines() if " × " in line]
    assert line.startswith("✕ 3 × second exit 1: disk full   ")
    assert line.endswith("   simulated-1 simulated-2 simulated-3")


def test_what_is_over_ends_at_once_with_its_result(cli, nightly):
    assert cli("executions", "watch", "nightly-patch/1").exit_code == 0
    assert cli("executions", "watch", "nightly-patch/2").exit_code == 1
    assert cli("executions", "watch", "nightly-patch/1", "nightly-patch/2").exit_code == 1


def test_the_time_out_leaves_it_running(cli, nightly, ssm, fleet):
    fleet(scripts=[{"silent": True}])
    code, told = cli.refused("run", "nightly-patch", "--watch", "--timeout", "500ms", "-q")
    assert (code, told) == (6, "--timeout has passed; it goes on: stateward executions watch nightly-patch/3")
    assert executions(ssm, nightly)[0]["Status"] == "InProgress"


def test_retry_runs_on_the_failed_nodes_only(cli, nightly, turning):
    told = cli("retry", "nightly-patch/last", "--failed", "--watch")
    assert told.exit_code == 0
    assert "nightly-patch #3: on 2 of the nodes of nightly-patch #2" in told.stderr
    assert "nightly-patch/3\tSuccess\t2 Success, " in told.stdout


def test_retry_must_be_told_what(cli, nightly):
    assert cli.refused("retry", "nightly-patch/last") == (
        64,
        "retry what? Give --failed, --timed-out, --not-started, or several of them",
    )


def test_retry_of_what_went_well(cli, nightly):
    code, told = cli.refused("retry", "nightly-patch/1", "--failed", "-q")
    assert (code, told) == (1, "Conflict: No target of the execution ended Failed.")


def test_stop(cli, nightly, ssm, server, fleet):
    fleet(scripts=[{"delay": "1h"}])
    start_once(ssm, nightly)
    told = cli("executions", "stop", "nightly-patch/last")
    assert "nightly-patch #3: 0 cancelled, 10 told to stop" in told.stderr
    server.clock(advance="2m")
    assert executions(ssm, nightly)[0]["Status"] != "InProgress"


def test_history_tells_runs_and_what_changed(cli, nightly):
    second, first = cli.rows("history", "nightly-patch")
    assert (second["RUN"], second["STATUS"], second["NODES"]) == ("#2", "Failed", "8 Success, 2 Failed")
    assert second["CHANGED"] == "2 S→F"
    assert (first["RUN"], first["STATUS"], first["CHANGED"]) == ("#1", "Success", "")
    assert first["CAUSE"].startswith("version 1 by ")
    assert first["STARTED"].endswith("Z")


def test_history_of_failures_and_of_a_time(cli, nightly, server):
    assert [row["RUN"] for row in cli.rows("history", "nightly-patch", "--failed")] == ["#2"]
    server.clock(advance="2h")
    assert cli.rows("history", "nightly-patch", "--since", "1h") == []
    assert len(cli.rows("history", "nightly-patch", "--since", "3h")) == 2
    code, told = cli.refused("history", "nightly-patch", "--since", "yesterday")
    assert (code, told.startswith("--since 'yesterday': write ")) == (64, True)


def test_history_as_a_map(cli, nightly):
    assert cli.told("history", "nightly-patch", "--map").splitlines() == [
        "nightly-patch   #1 to #2, newest on the right; worst first",
        "2 nodes                   SF",
        "8 nodes                   SS",
    ]


def test_history_export_lives_beside_it(cli, nightly):
    lines = cli.told("history", "export", "--association", "nightly-patch").splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2]


def test_diff_tells_who_changed(cli, nightly):
    told = cli.told("diff", "nightly-patch/1", "nightly-patch/2").splitlines()
    assert told[0] == ("#1 Success → #2 Failed   version 1 = 1   document 1 = 1   nodes 10 = 10   Success in both 8")
    assert told[1] == "✕ 2 fail now, and were well"
    assert told[2].endswith("   second exit 1: disk full")


def test_the_exit_code_of_diff_is_2_only_when_asked_for(cli, nightly):
    pair = ("nightly-patch/1", "nightly-patch/2")
    assert cli("diff", *pair).exit_code == 0
    assert cli("diff", *pair, "--exit-code").exit_code == 2
    assert cli("diff", pair[0], pair[0], "--exit-code").exit_code == 0


def test_why_tells_the_reason_that_decides_first(cli, nightly):
    failed, *others = cli.told("why", "nightly-patch", "mi-00000000000000001").splitlines()
    assert failed.startswith("failed: second exit 1: disk full")
    assert any(line.startswith("  no-schedule: ") for line in others)
    assert cli.told("why", "nightly-patch", "mi-00000000000000001", "-o", "name") == "failed\n"


def test_targets_and_output(cli, nightly):
    rows = cli.rows("executions", "targets", "nightly-patch/last", "--status", "Failed")
    assert [row["STATUS"] for row in rows] == ["Failed", "Failed"]
    told = cli("executions", "output", "nightly-patch/last", rows[0]["NODE"], "--step", "second")
    assert (told.stdout, told.stderr) == ("checking\n", "disk full\n")
    whole = cli("executions", "output", "nightly-patch/last")
    assert "second: Failed, exit code 1" in whole.stderr


def test_ctrl_c_leaves_it_running(cli, nightly, ssm, fleet):
    fleet(scripts=[{"silent": True}])
    with started("run", "nightly-patch", "--watch", **cli.env) as program:
        program.line("nightly-patch #3")
        program.send(signal.SIGINT)
        assert program.wait() == 130
    assert (
        "Watch again: stateward executions watch nightly-patch/3   stop it: stateward executions stop" in program.text
    )
    assert executions(ssm, nightly)[0]["Status"] == "InProgress"


def test_on_a_terminal_one_region_is_drawn_over_itself(cli, nightly, server, fleet, ssm):
    fleet(
        scripts=[
            {"delay": "20s"},
            {"status": "Failed", "nodes": 2, "step": "first", "error": "disk full", "delay": "5s"},
        ]
    )
    with Terminal(cli, "run", "nightly-patch", "--watch") as terminal:
        terminal.wait_for("▸ 10")
        server.clock(advance="10s")
        terminal.wait_for("first exit 1: disk full")
        server.clock(advance="1m")
        assert terminal.exit_code() == 1
    last = terminal.screen()
    assert last[1].startswith("nightly-patch #3 · version 1 · 10 nodes")
    assert last[2].startswith("✓ 8 ━")
    assert " 100 %   ✕ 2" in last[2]
    assert last[4].startswith("✕ Failed  8 Success, 2 Failed, ")
    assert last[4].endswith("retry: stateward retry nightly-patch/3 --failed --watch")
    assert len(last) == 5


@pytest.fixture
def turning(server):
    """Turns the clock, a second after the other, until the test has ended."""
    ended = threading.Event()

    def turn():
        while not ended.wait(0.05):
            server.clock(advance="1s")

    thread = threading.Thread(target=turn)
    thread.start()
    yield
    ended.set()
    thread.join()


class Terminal:
    """`stateward …` on a terminal of 120 by 24."""

    def __init__(self, cli, *words):
        self._ours, theirs = pty.openpty()
        more = {"COLUMNS": "120", "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "stateward", *words],
            env=environment(**cli.env, **more),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.text = ""
        self._heard = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        os.close(self._ours)

    def wait_for(self, text):
        with self._heard:
            assert self._heard.wait_for(lambda: text in self.text, 30), self.text

    def exit_code(self):
        return self._process.wait(30)

    def screen(self):
        """The lines that stand there."""
        import pyte

        screen = pyte.Screen(120, 24)
        pyte.Stream(screen).feed(self.text)
        return [line.rstrip() for line in screen.display if line.strip()]

    def _read(self):
        data = b""
        while True:
            try:
                part = os.read(self._ours, 65536)
            except OSError:
                return
            if not part:
                return
            data += part
            with self._heard:
                self.text = data.decode("utf-8", "replace")
                self._heard.notify_all()
