"""Plugins other than aws:runShellScript."""

import asyncio
import json

import pytest
from agent_bench import ScriptedServer, steps_of
from agent_stub_server import shell, steps


def document(action, name="the-step", version="2.2", **inputs):
    return {"schemaVersion": version, "mainSteps": [{"action": action, "name": name, "inputs": inputs}]}


@pytest.fixture
def run(bench):
    """Runs a document; the server, then the replies."""

    def run(content, parameters=None, server=None, **options):
        async def work():
            table = bench(server=server or ScriptedServer(), **options)
            try:
                return await table.run(content, parameters)
            finally:
                table.drains.close()

        return asyncio.run(work())

    return run


def only_step(replies):
    (step,) = steps_of(replies).values()
    return step


def verdict(step):
    return step["status"], step["code"], step["standardOutput"], step["standardError"]


@pytest.fixture
def pwsh(tmp_path):
    """A search path with a PowerShell that only pretends: it runs its script under sh, and tells its options."""
    folder = tmp_path / "programs"
    folder.mkdir()
    program = folder / "pwsh"
    program.write_text('#!/bin/sh\necho "$1 $2 $3 $4"\nexec /bin/sh "$5"\n')
    program.chmod(0o700)
    return f"{folder}:/usr/bin:/bin"


def test_power_shell_runs_where_it_is(run, pwsh):
    found = only_step(run(document("aws:runPowerShellScript", runCommand=["echo here; exit 3"]), search_path=pwsh))
    assert verdict(found) == (
        "Failed",
        3,
        "-NoLogo -NoProfile -NonInteractive -File\nhere\n",
        "failed to run commands: exit status 3",
    )


def test_power_shell_parameters_reach_the_script_as_variables(run, pwsh):
    content = document("aws:runPowerShellScript", runCommand=["echo '{{ word }}'", 'echo "$SSM_word"'])
    content["parameters"] = {"word": {"type": "String", "interpolationType": "ENV_VAR"}}
    found = only_step(run(content, {"word": "$(echo data)"}, search_path=pwsh))
    assert found["standardOutput"].splitlines()[1:] == ["${env:SSM_word}", "$(echo data)"]


def test_power_shell_is_not_available_where_it_is_missing(run):
    found = only_step(run(document("aws:runPowerShellScript", runCommand=["ls"]), search_path="/nowhere"))
    assert verdict(found) == ("Failed", 1, "", "aws:runPowerShellScript is not available on this node")


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        pytest.param([], "All associations have been requested to execute immediately", id="all"),
        pytest.param([""], "All associations have been requested to execute immediately", id="one empty id"),
        pytest.param(["a", "b"], "Associations [a b] have been requested to execute immediately", id="two"),
    ],
)
def test_refresh_answers_in_the_official_words_agt_04(run, ids, told):
    content = document("aws:refreshAssociation", version="2.0", associationIds="{{ ids }}")
    content["parameters"] = {"ids": {"type": "StringList"}}
    assert verdict(only_step(run(content, {"ids": ids}))) == ("Success", 0, told, "")


def test_the_official_agent_s_updater_is_skipped_d51(run):
    content = document("aws:updateSsmAgent", agentName="amazon-ssm-agent", allowDowngrade="false", source="x")
    replies = run(content)
    found = only_step(replies)
    assert verdict(found) == ("Skipped", 0, "", "")
    assert "stateward agent update" in found["output"]
    assert replies[-1]["documentStatus"] == "Success"


def test_a_policy_document_runs_as_any_other(run):
    content = {
        "schemaVersion": "2.0",
        "mainSteps": [
            {"action": "aws:refreshAssociation", "name": "first", "inputs": {}},
            {"action": "aws:runShellScript", "name": "second", "inputs": {"runCommand": ["echo second"]}},
        ],
    }
    found = steps_of(run(content))
    assert [(name, one["status"]) for name, one in found.items()] == [("first", "Success"), ("second", "Success")]


# aws:runDocument


def holding(**documents):
    server = ScriptedServer()
    for name, content in documents.items():
        server.hold(name, content)
    return server


def nested(name, **inputs):
    return document("aws:runDocument", name="outside", documentType="SSMDocument", documentPath=name, **inputs)


def test_a_document_inside_is_one_step_as_recorded(run):
    inner = steps(("one", ["echo one; echo warn >&2"], {}), ("two", ["echo two; echo boom >&2; exit 3"], {}))
    server = holding(inner=inner)
    found = only_step(run(nested("inner:4"), server=server))
    assert verdict(found) == ("Failed", 1, "one\ntwo\n", "warn\nboom\nfailed to run commands: exit status 3")
    assert found["name"] == "aws:runDocument"
    assert server.asked == [("inner", "4")]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"commands": ["echo a", "echo b"]}, id="an object"),
        pytest.param('{"commands": ["echo a", "echo b"]}', id="text of an object"),
        pytest.param({"commands": '["echo a", "echo b"]', "unknown": "ignored"}, id="text of a list"),
    ],
)
def test_parameters_of_a_document_inside(run, given):
    inner = {**shell("{{ commands }}"), "parameters": {"commands": {"type": "StringList"}}}
    inner["mainSteps"][0]["inputs"]["runCommand"] = "{{ commands }}"
    found = only_step(run(nested("inner", documentParameters=given), server=holding(inner=inner)))
    assert verdict(found) == ("Success", 0, "a\nb\n", "")


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        pytest.param(
            {"documentPath": "nope"}, "InvalidDocument: Document with name nope does not exist.", id="missing"
        ),
        pytest.param({"documentPath": ""}, "documentPath must name a document", id="no path"),
        pytest.param({"documentType": "Web"}, "use SSMDocument or LocalPath", id="unknown type"),
        pytest.param({"documentPath": "robot"}, "of type Automation, use one of type Command", id="automation"),
        pytest.param(
            {"documentParameters": "{"}, "documentParameters: not valid JSON", id="parameters that are no JSON"
        ),
        pytest.param({"documentParameters": "[1]"}, "must be an object", id="parameters that are a list"),
        pytest.param({}, 'Parameter "word" requires a value.', id="parameter missing"),
        pytest.param({"documentParameters": {"word": "c"}}, 'Parameter "word" has value "c"', id="not allowed"),
        pytest.param({"documentType": "LocalPath", "documentPath": "none.json"}, "is not a file", id="no such file"),
        pytest.param({"documentType": "LocalPath", "documentPath": "/dev/zero"}, "is not a file", id="a device"),
    ],
)
def test_a_document_that_cannot_be_used_fails_the_step(run, inputs, told):
    inner = {**shell("echo {{ word }}"), "parameters": {"word": {"type": "String", "allowedValues": ["a"]}}}
    server = holding(inner=inner)
    server.hold("robot", {}, "Automation")
    status, code, _, error = verdict(only_step(run(_with(inputs), server=server)))
    assert (status, code) == ("Failed", 1)
    assert told in error


def _with(inputs):
    content = nested("inner")
    content["mainSteps"][0]["inputs"] |= inputs
    return content


def test_a_local_document_is_read_where_the_steps_work(run):
    content = {
        "schemaVersion": "2.2",
        "mainSteps": [
            {
                "action": "aws:runShellScript",
                "name": "write",
                "inputs": {
                    "runCommand": [
                        "cat > there.yaml <<'E'",
                        "schemaVersion: '2.2'",
                        "mainSteps:",
                        "- {action: aws:runShellScript, name: inner, inputs: {runCommand: [echo from a file]}}",
                        "E",
                    ]
                },
            },
            {
                "action": "aws:runDocument",
                "name": "read",
                "inputs": {"documentType": "LocalPath", "documentPath": "there.yaml"},
            },
        ],
    }
    assert verdict(steps_of(run(content))["read"]) == ("Success", 0, "from a file\n", "")


def test_documents_inside_each_other_have_an_end(run):
    server = holding(again=nested("again"))
    status, code, _, error = verdict(only_step(run(nested("again"), server=server)))
    assert (status, code) == ("Failed", 1)
    assert error == "more than 3 documents inside each other: call them one after another instead"
    assert len(server.asked) == 3


def test_flow_inside_of_a_document_stays_there(run):
    inner = steps(
        ("one", ["echo one; exit 1"], {"onFailure": "exit"}),
        ("two", ["echo two"], {}),
        ("last", ["echo last"], {"finallyStep": True}),
    )
    content = nested("inner")
    content["mainSteps"].append({"action": "aws:runShellScript", "name": "next", "inputs": {"runCommand": ["echo on"]}})
    found = steps_of(run(content, server=holding(inner=inner)))
    assert found["outside"]["standardOutput"] == "one\nlast\n"
    assert found["outside"]["status"] == "Failed"
    assert found["next"]["standardOutput"] == "on\n"


def test_a_cancel_ends_the_documents_inside(bench):
    async def work():
        server = holding(inner=steps(("one", ["echo begun; sleep 300"], {}), ("two", ["echo never"], {})))
        table = bench(server=server)
        table.start(nested("inner"))
        await table.journal.until(lambda entries: any(one.running and one.running.process_id for one in entries))
        table.intake.cancel("command-1")
        await table.intake.idle()
        return table.replies()

    replies = asyncio.run(work())
    found = only_step(replies)
    assert (found["status"], found["code"]) == ("Cancelled", 137)
    assert "never" not in found["standardOutput"]
    assert replies[-1]["documentStatus"] == "Cancelled"


def test_a_restart_in_a_document_inside_reports_the_step(bench):
    async def until_stopped():
        server = holding(inner=steps(("one", ["sleep 300"], {}), ("two", ["echo never"], {})))
        table = bench(server=server)
        table.start(nested("inner"))
        await table.journal.until(lambda entries: any(one.running and one.running.process_id for one in entries))
        await table.intake.stop()
        return table.replies()

    replies = asyncio.run(until_stopped())
    found = only_step(replies)
    assert (found["status"], found["code"]) == ("Failed", -1)
    assert found["standardError"].endswith("the agent was restarted while this step ran")
    assert json.dumps(replies).count("never") == 0
