"""Documents, commands, compliance, calendars, parameters, the clock, events and the console's addresses."""

import json

import pytest

from association_calls import create
from programs import started
from stateward.statuses import STATUSES

OLD = "schemaVersion: '2.2'\nmainSteps:\n- {action: aws:runShellScript, name: one, inputs: {runCommand: [echo one]}}\n"
HEAD = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//AWS//Change Calendar 1.0//EN\n"
FREEZE = f"{HEAD}X-CALENDAR-TYPE:DEFAULT_OPEN\nEND:VCALENDAR\n"


@pytest.fixture
def restart(cli, tmp_path):
    """A document of two versions; the file of the second."""
    path = tmp_path / "restart.yaml"
    path.write_text(OLD)
    cli.told("documents", "create", "restart", path)
    path.write_text(OLD.replace("echo one", "echo two"))
    cli.told("documents", "update", "restart", path)
    return path


def test_documents_in_versions(cli, restart):
    (row,) = cli.rows("documents", "list")
    assert (row["DOCUMENT"], row["FORMAT"]) == ("restart", "YAML")
    assert cli.told("documents", "show", "restart") == OLD
    cli.told("documents", "default", "restart", "2")
    assert "echo two" in cli.told("documents", "show", "restart")
    assert cli.told("documents", "show", "restart", "--document-version", "1") == OLD


def test_the_difference_between_versions_and_to_a_file(cli, restart):
    told = cli("documents", "diff", "restart", "--exit-code")
    assert told.exit_code == 2
    lines = told.stdout.splitlines()
    assert lines[:2] == ["--- restart version 1", "+++ restart version 2"]
    assert [line[0] for line in lines[2:] if line[0] in "+-"] == ["-", "+"]
    assert cli("documents", "diff", "restart", "2..2", "--exit-code").exit_code == 0
    assert "echo two" in cli.told("documents", "diff", "restart", restart)


def test_a_document_that_is_not_there(cli, restart):
    assert cli.refused("documents", "show", "restrat") == (
        3,
        "there is no document 'restrat'; did you mean restart?",
    )
    assert cli.refused("documents", "create", "x", "x.doc")[0] == 64


def test_delete_a_document(cli, restart):
    assert cli.refused("documents", "delete", "restart")[0] == 64
    cli.told("documents", "delete", "restart", "--yes")
    assert cli.rows("documents", "list") == []


def test_a_command_from_sending_to_its_output(cli, fleet, server):
    fleet.add(1, name="web-017")
    fleet.script(output="up 3 days\n")
    command_id = cli.told(
        "commands", "send", "AWS-RunShellScript", "-n", "web-017", "-p", "commands=uptime", "-o", "name"
    )
    command_id = command_id.strip()
    server.clock(advance="5s")
    (row,) = cli.rows("commands", "list", "--node", "web-017", "--status", "Success")
    assert (row["COMMAND"], row["NODES"]) == (command_id, "1 of 1")
    assert cli.told("commands", "output", command_id[:20], "web-017", "-q") == "up 3 days\n"
    shown = cli.told("commands", "show", command_id)
    assert "Parameters  commands=uptime" in shown
    assert "web-017\tSuccess" in shown


def test_a_command_needs_nodes(cli, fleet):
    assert cli.refused("commands", "send", "AWS-RunShellScript", "-p", "commands=uptime") == (
        64,
        "where? Give --node or --target; '*' is every node",
    )


def test_stop_a_command(cli, fleet, server, ssm):
    (node,) = fleet.add(1)
    fleet.script(delay="1h")
    words = ("AWS-RunShellScript", "-t", "*", "-p", "commands=uptime", "-o", "name", "-q")
    command_id = cli.told("commands", "send", *words).strip()
    server.settle()
    assert "is told to stop" in cli("commands", "stop", command_id, "--node", node).stderr
    server.clock(advance="2m")
    assert ssm.list_commands(CommandId=command_id)["Commands"][0]["Status"] == "Cancelled"


def test_compliance(cli, nightly):
    rows = cli.rows("compliance", "list", "--not-compliant")
    assert [row["STATUS"] for row in rows] == ["NON_COMPLIANT", "NON_COMPLIANT"]
    (item,) = cli.rows("compliance", "show", rows[0]["NODE"])
    assert (item["KIND"], item["STATUS"], item["ITEM"]) == ("Association", "NON_COMPLIANT", nightly)


def test_calendars(cli, tmp_path):
    path = tmp_path / "freeze.ics"
    path.write_text(FREEZE)
    cli.told("documents", "create", "freeze", path, "--type", "ChangeCalendar")
    (row,) = cli.rows("calendars", "list")
    assert (row["CALENDAR"], row["STATE"]) == ("freeze", "OPEN")
    assert cli.told("calendars", "show", "freeze", "--at", "2030-01-01T00:00:00Z", "-o", "name") == "OPEN\n"


def test_a_secret_is_shown_only_when_asked_for(cli, ssm):
    ssm.put_parameter(Name="/app/password", Type="SecureString", Value="hush")
    for form in ("table", "json", "yaml", "wide"):
        shown = cli.told("parameters", "show", "/app/password", "-o", form)
        assert "hush" not in shown
        assert "--reveal shows it" in shown
    assert cli.json("parameters", "show", "/app/password", "--reveal")["Value"] == "hush"
    assert "hush" not in cli.told("parameters", "list", "-o", "json")
    assert cli.refused("parameters", "show", "/app/none")[0] == 3


def test_the_clock(cli, start_server, tmp_path):
    before = cli.json("clock", "show")["now"]
    assert cli.json("clock", "advance", "1h")["now"][:13] != before[:13]
    code, told = cli.refused("clock", "advance", "an hour")
    assert (code, told.startswith("duration 'an hour': write a number and a unit")) == (64, True)


def test_tail_tells_what_happens(cli, nightly):
    with started("tail", "nightly-patch", "--since", "1d", **cli.env) as program:
        program.line("nightly-patch", "\tSuccess\t10 Success")
        program.line("nightly-patch", "\tFailed\t8 Success, 2 Failed")
        cli.told("run", "nightly-patch", "-q")
        cli.told("clock", "advance", "1m")
        assert program.lives


def test_open_prints_the_address(cli, nightly, server, ssm):
    assert cli.told("open") == f"{server.url}/console/\n"
    assert cli.told("open", "nightly-patch") == f"{server.url}/console/a/{nightly}\n"
    last = cli.json("executions", "show", "nightly-patch/last")["execution"]
    assert cli.told("open", "nightly-patch/last") == f"{server.url}/console/e/{last}\n"


def test_completion_has_names_from_the_server(cli, nightly, ssm):
    def completed(line):
        words = {"_STATEWARD_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
        return cli(**words).stdout.split()

    assert completed("stateward why nig") == ["nightly-patch"]
    assert completed("stateward history nig") == ["nightly-patch"]
    assert completed("stateward retry nig") == ["nightly-patch/last"]
    assert "complete" in cli.told("completion", "bash")
    assert cli.refused("completion", "tcsh")[0] == 64


def test_completion_is_silent_without_a_server(cli):
    words = {"_STATEWARD_COMPLETE": "complete_bash", "COMP_WORDS": "stateward why nig", "COMP_CWORD": "2"}
    told = cli(**words, AWS_ENDPOINT_URL_SSM="http://127.0.0.1:9")
    assert (told.stdout.strip(), told.stderr) == ("", "")


# Presentation


def test_every_form_of_an_answer(cli, nightly):
    two = ("history", "nightly-patch")
    assert cli.told(*two, "-o", "name").split() == ["nightly-patch/2", "nightly-patch/1"]
    assert [json.loads(line)["Status"] for line in cli.told(*two, "-o", "jsonl").splitlines()] == ["Failed", "Success"]
    assert "- AssociationId: " in cli.told(*two, "-o", "yaml")
    assert "EXECUTION" in cli.told(*two, "-o", "wide").splitlines()[0]
    assert len(cli.told(*two, "--limit", "1", "--no-header").splitlines()) == 1
    assert cli.told(*two, "--query", "[].Status") == "Failed\nSuccess\n"
    assert cli.refused(*two, "--query", "[")[0] == 64
    assert cli.refused(*two, "-o", "xml") == (
        64,
        "--output 'xml': use one of table, wide, json, jsonl, yaml, name",
    )


def test_on_a_pipe_nothing_is_coloured_or_cut(cli, nightly):
    assert "\x1b" not in cli.told("history", "nightly-patch", TERM="xterm", COLORTERM="truecolor")
    shown = cli.told("history", "nightly-patch", "--color", "always", COLUMNS="60")
    assert "\x1b[91m✕ Failed" in shown
    assert "…" in shown


def test_a_node_cannot_command_the_terminal(cli, ssm, server, fleet, document):
    fleet.add(1)
    fleet.script(status="Failed", error="\x1b[2Jgone", output="\x1b]0;owned\x07")
    create(ssm, document(), AssociationName="evil")
    server.clock(advance="1m")
    told = cli("executions", "output", "evil/last", "--color", "always")
    for text in (told.stdout, told.stderr):
        assert "\x1b[2J" not in text
        assert "\x1b]0" not in text


def test_help_begins_with_two_examples(cli):
    for words in ([], ["run"], ["history"], ["history", "show"], ["associations"], ["executions", "output"]):
        lines = cli.told(*words, "--help").splitlines()
        assert [line.startswith("  $ stateward ") for line in lines[2:4]] == [True, True], words


def test_every_status_has_a_colour():
    from stateward.cli import colours

    assert set(colours.LIGHT) == set(colours.DARK) == set(colours.SIXTEEN) == set(STATUSES)
