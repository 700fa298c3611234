"""The script of a simulated fleet, member by member (D45)."""

import json

import pytest

from association_calls import EVERY_NODE, create, executions, newest_targets, start_once, statuses, targets
from live_server import Refused

ONE_STEP = {
    "schemaVersion": "2.2",
    "mainSteps": [{"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": ["true"]}}],
}
FAILED, SUCCESS = ("Failed", "Failed"), ("Success", "Success")


def ids(*numbers):
    return [f"mi-{number:017d}" for number in numbers]


def run(server, ssm, association_id=None, name="echo-twice", settle="1h"):
    """Run an association on every node to its end; its id."""
    if association_id is None:
        association_id = create(ssm, name)["AssociationId"]
    else:
        start_once(ssm, association_id)
    server.clock(advance=settle)
    return association_id


def invocation(ssm, association_id, node_id, step):
    """What the node said of a step in the newest run."""
    newest = executions(ssm, association_id)[0]
    row = next(one for one in targets(ssm, association_id, newest["ExecutionId"]) if one["ResourceId"] == node_id)
    return ssm.get_command_invocation(
        CommandId=row["OutputSource"]["OutputSourceId"], InstanceId=node_id, PluginName=step
    )


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param([], [SUCCESS] * 3, id="without rules all succeed"),
        pytest.param([{"status": "Failed"}], [FAILED] * 3, id="a rule without conditions holds for all"),
        pytest.param([{"status": "Failed", "nodes": 2}], [FAILED, FAILED, SUCCESS], id="the first N by id"),
        pytest.param([{"status": "Failed", "nodes": ids(3, 1)}], [FAILED, SUCCESS, FAILED], id="nodes by id"),
        pytest.param([{"status": "Failed", "document": "echo-twice"}], [FAILED] * 3, id="its document"),
        pytest.param([{"status": "Failed", "document": "other-doc"}], [SUCCESS] * 3, id="another document"),
        pytest.param([{"status": "Failed", "step": "first"}], [FAILED] * 3, id="a step that the document has"),
        pytest.param([{"status": "Failed", "step": "only"}], [SUCCESS] * 3, id="a step of another document"),
        pytest.param([{"status": "Failed", "run": 1}], [FAILED] * 3, id="the first run"),
        pytest.param([{"status": "Failed", "run": 2}], [SUCCESS] * 3, id="not the second run"),
        pytest.param([{"exit_code": 3}], [FAILED] * 3, id="an exit code is a failure"),
        pytest.param([{"status": "TimedOut"}], [("TimedOut", "ExecutionTimedOut")] * 3, id="timed out"),
        pytest.param([{"status": "Skipped"}], [("Skipped", "Skipped")] * 3, id="D65 skipped"),
        pytest.param(
            [{"status": "Failed"}, {"status": "TimedOut", "nodes": 1}],
            [("TimedOut", "ExecutionTimedOut"), FAILED, FAILED],
            id="the newest that matches decides",
        ),
        pytest.param(
            [{"status": "Failed", "nodes": 1}, {"status": "Success"}], [SUCCESS] * 3, id="a newer rule hides older ones"
        ),
    ],
)
def test_rules_decide_the_result_of_each_node(server, ssm, fleet, document, rules, expected):
    node_ids = fleet.add(3)
    assert node_ids == ids(1, 2, 3)
    document()
    document("other-doc", ONE_STEP)
    for rule in rules:
        fleet.script(**rule)
    association_id = run(server, ssm)
    found = newest_targets(ssm, association_id)
    assert [found[node_id] for node_id in node_ids] == expected


def test_run_is_the_associations_nth_execution(server, ssm, fleet, document):
    fleet.add(2)
    document()
    fleet.script(status="Failed", run=2)
    first, second = (create(ssm, "echo-twice")["AssociationId"] for _ in range(2))
    server.clock(advance="1m")
    for _ in range(2):
        run(server, ssm, first)
    run(server, ssm, second)
    assert [row[0] for row in statuses(ssm, first)] == ["Success", "Failed", "Success"]
    assert [row[0] for row in statuses(ssm, second)] == ["Failed", "Success"]


def test_times_uses_a_rule_up_after_so_many_executions(server, ssm, fleet, document):
    fleet.add(3)
    document()
    fleet.script(status="Failed", nodes=2, times=2)
    association_id = run(server, ssm)
    assert fleet()["rules"] == [{"rule": 1, "script": {"nodes": 2, "times": 2, "status": "Failed"}, "used": 1}]
    for _ in range(2):
        run(server, ssm, association_id)
    assert statuses(ssm, association_id) == [
        ("Success", "Success", "{Success=3}"),
        ("Failed", "Failed", "{Failed=2, Success=1}"),
        ("Failed", "Failed", "{Failed=2, Success=1}"),
    ]
    assert fleet()["rules"][0]["used"] == 2


def test_the_first_n_are_counted_among_the_executions_rows(server, ssm, fleet, document):
    fleet.add(2, tags={"env": "test"})
    fleet.add(2, tags={"env": "prod"})
    document()
    fleet.script(status="Failed", nodes=1)
    association_id = create(ssm, "echo-twice", Targets=[{"Key": "tag:env", "Values": ["prod"]}])["AssociationId"]
    server.clock(advance="1m")
    assert newest_targets(ssm, association_id) == {ids(3)[0]: FAILED, ids(4)[0]: SUCCESS}


def test_output_error_and_exit_code_stand_on_the_scripted_step(server, ssm, fleet, document):
    (node_id,) = fleet.add()
    document()
    fleet.script(status="Failed", output="so far so good", error="disk full", exit_code=28)
    association_id = run(server, ssm)
    told = invocation(ssm, association_id, node_id, "second")
    assert (told["Status"], told["ResponseCode"]) == ("Failed", 28)
    assert (told["StandardOutputContent"], told["StandardErrorContent"]) == ("so far so good", "disk full")
    other = invocation(ssm, association_id, node_id, "first")
    assert (other["Status"], other["ResponseCode"], other["StandardOutputContent"]) == ("Success", 0, "")


@pytest.mark.parametrize(("status", "code"), [("Success", 0), ("Skipped", 0), ("Failed", 1), ("TimedOut", 137)])
def test_exit_codes_have_defaults(server, ssm, fleet, document, status, code):
    (node_id,) = fleet.add()
    document()
    fleet.script(status=status, step="first")
    association_id = run(server, ssm)
    assert invocation(ssm, association_id, node_id, "first")["ResponseCode"] == code
    assert invocation(ssm, association_id, node_id, "second")["ResponseCode"] == 0


def test_a_step_takes_a_second_unless_delayed(server, ssm, fleet, document):
    (node_id,) = fleet.add()
    document()
    fleet.script(delay="90s")
    association_id = create(ssm, "echo-twice")["AssociationId"]
    server.settle()
    assert newest_targets(ssm, association_id)[node_id] == ("InProgress", "InProgress")
    server.clock(advance="1s")
    assert invocation(ssm, association_id, node_id, "first")["Status"] == "Success"
    server.clock(advance="89999ms")
    assert newest_targets(ssm, association_id)[node_id] == ("InProgress", "InProgress")
    server.clock(advance="1ms")
    assert newest_targets(ssm, association_id)[node_id] == SUCCESS
    assert invocation(ssm, association_id, node_id, "second")["ExecutionElapsedTime"] == "PT90.000S"


def test_a_silent_node_takes_its_work_and_never_answers_lif_10(server, ssm, fleet, document):
    (node_id,) = fleet.add()
    document()
    fleet.script(silent=True)
    association_id = create(ssm, "echo-twice")["AssociationId"]
    server.clock(advance="2h59m")
    assert newest_targets(ssm, association_id)[node_id] == ("InProgress", "InProgress")
    server.clock(advance="2m")
    assert newest_targets(ssm, association_id)[node_id] == ("TimedOut", "DeliveryTimedOut")


def test_on_failure_and_preconditions_hold_for_simulated_nodes(server, ssm, fleet, document):
    (node_id,) = fleet.add(platform="Linux")
    script = {"action": "aws:runShellScript", "inputs": {"runCommand": ["true"]}}
    windows = {"precondition": {"StringEquals": ["platformType", "Windows"]}}
    steps = [
        {**script, **windows, "name": "elsewhere"},
        {**script, "name": "breaks", "inputs": {"runCommand": ["false"], "onFailure": "exit"}},
        {**script, "name": "never"},
        {**script, "name": "always", "inputs": {"runCommand": ["true"], "finallyStep": True}},
    ]
    document("with-flow", {"schemaVersion": "2.2", "mainSteps": steps})
    fleet.script(status="Failed", step="breaks")
    association_id = run(server, ssm, name="with-flow")
    found = [invocation(ssm, association_id, node_id, step["name"])["Status"] for step in steps]
    assert found == ["Success", "Failed", "Success", "Success"]
    details = [invocation(ssm, association_id, node_id, step["name"])["StatusDetails"] for step in steps]
    assert details == ["Skipped", "Failed", "Skipped", "Success"]
    assert newest_targets(ssm, association_id)[node_id] == FAILED


def test_scripts_replaces_all_rules_and_an_empty_list_clears(server, ssm, fleet, document):
    fleet.add(1)
    document()
    fleet.script(status="TimedOut")
    answer = fleet(scripts=[{"status": "Failed"}, {"status": "Skipped", "run": 9}])
    assert [one["script"] for one in answer["rules"]] == [{"run": 9, "status": "Skipped"}, {"status": "Failed"}]
    association_id = run(server, ssm)
    assert fleet(scripts=[]) == {"rules": []}
    run(server, ssm, association_id)
    assert [row[0] for row in statuses(ssm, association_id)] == ["Success", "Failed"]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"document": "no-such-doc"}, "document 'no-such-doc': does not exist here; create it first"),
        ({"step": "no-such-step"}, "step 'no-such-step': no document here has a step of this name"),
        ({"document": "echo-twice", "step": "third"}, "it has first, second"),
        ({"nodes": ["mi-00000000000000009"]}, "mi-00000000000000009: no simulated node here"),
        ({"document": "AWS-StartEC2Instance"}, "is of type Automation, which does not run on nodes"),
        ({"status": "Cancelled"}, "Invalid enum value 'Cancelled'"),
        ({"nodes": 0}, ">= 1"),
        ({"stat": "Failed"}, "unknown field `stat`"),
        ({"delay": "soon"}, "write a number and a unit"),
        ({"delay": "9999d"}, "at most 366d"),
        ({"silent": True, "status": "Failed"}, "a silent node never answers: leave out status"),
        ({"status": "Failed", "exit_code": 0}, "exit_code 0 is a success"),
    ],
)
def test_a_rule_that_could_never_hold_is_refused(fleet, document, rule, text):
    fleet.add(1)
    document()
    with pytest.raises(Refused) as caught:
        fleet(scripts=[{"status": "Failed"}, rule])
    assert caught.value.status == 400
    assert text in caught.value.body.replace("\\u2026", "…")
    assert fleet()["rules"] == []


def test_with_ahead_a_document_may_come_after_the_rule_about_it(server, ssm, fleet, document):
    fleet.add(1)
    wish = {"status": "Failed", "document": "echo-twice", "step": "first"}
    (rule,) = fleet(script=wish, ahead=True)["rules"]
    assert rule["unknown"] == "document 'echo-twice': does not exist here; create it first, or correct the name"
    document()
    assert "unknown" not in fleet()["rules"][0]
    assert newest_targets(ssm, run(server, ssm)) == {ids(1)[0]: FAILED}


def test_with_ahead_a_node_is_there_before_its_rule_all_the_same(fleet):
    with pytest.raises(Refused, match="no simulated node here"):
        fleet(script={"nodes": ids(1)}, ahead=True)


def test_a_step_that_is_slower_than_its_time_out_is_killed(server, ssm, fleet, document):
    fleet.add(1)
    inputs = {"runCommand": ["true"], "timeoutSeconds": "{{ limit }}"}
    step = {"action": "aws:runShellScript", "name": "only", "inputs": inputs}
    limit = {"limit": {"type": "String", "default": "60"}}
    document(content={**ONE_STEP, "parameters": limit, "mainSteps": [step]})
    fleet.script(delay="61s", output="so far")
    association_id = run(server, ssm)
    said = invocation(ssm, association_id, *ids(1), "only")
    assert (said["Status"], said["ResponseCode"], said["StandardOutputContent"]) == ("TimedOut", 137, "so far")
    assert said["ExecutionElapsedTime"] == "PT60.000S"
    fleet.script(delay="60s")
    run(server, ssm, association_id)
    assert invocation(ssm, association_id, *ids(1), "only")["Status"] == "Success"


def test_a_step_is_looked_for_in_the_latest_version_too(ssm, fleet, document):
    document()
    changed = {**ONE_STEP, "mainSteps": [{**ONE_STEP["mainSteps"][0], "name": "newer"}]}
    ssm.update_document(Name="echo-twice", Content=json.dumps(changed), DocumentVersion="$LATEST")
    fleet.script(document="echo-twice", step="newer")
    fleet.script(document="echo-twice", step="first")
    fleet.script(step="newer")


def test_success_and_skipped_are_success_rol_02(server, ssm, fleet, document):
    fleet.add(3)
    document()
    fleet.script(status="Skipped", nodes=1)
    association_id = run(server, ssm)
    assert statuses(ssm, association_id) == [("Success", "Success", "{Skipped=1, Success=2}")]


def test_commands_follow_the_script_too(server, ssm, fleet, document):
    node_ids = fleet.add(2)
    fleet.script(status="Failed", nodes=1)
    command = ssm.send_command(DocumentName=document(), Targets=EVERY_NODE)["Command"]
    server.clock(advance="1m")
    rows = ssm.list_command_invocations(CommandId=command["CommandId"])["CommandInvocations"]
    assert {row["InstanceId"]: row["Status"] for row in rows} == dict(zip(node_ids, ["Failed", "Success"], strict=True))
