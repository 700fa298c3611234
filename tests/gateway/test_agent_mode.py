"""Legacy and Policy associations on the official agent: listed, refreshed, reported (D34, D53, D53a, AGT-03 to 06)."""

import json

import pytest
from agent_nodes import EXECUTED, AgentNode

from association_calls import EVERY_NODE, create, describe, executions, newest_targets, overview, start_once, targets
from scripted_nodes import NodePark

LIST_ERROR = "Encountered error while loading association"
INVENTORY = "AWS-GatherSoftwareInventory"
POLICY = {
    "schemaVersion": "2.0",
    "description": "Collects something.",
    "mainSteps": [{"action": "aws:softwareInventory", "name": "collect", "inputs": {"applications": "Enabled"}}],
}
OLD = {
    "schemaVersion": "1.2",
    "description": "What a legacy association takes.",
    "parameters": {"greeting": {"type": "String", "default": "hello"}},
    "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["echo {{ greeting }}", "echo done"]}]}},
}


@pytest.fixture
def apply(ssm, document):
    """Makes a legacy association of a new document on a node; its id."""

    def make(name, node, **members):
        document(name, OLD)
        made = ssm.create_association(Name=name, InstanceId=node.node_id, **members)
        return made["AssociationDescription"]["AssociationId"]

    return make


@pytest.fixture
def agent(nodes):
    return AgentNode(nodes).connect()


@pytest.fixture
def legacy(apply, agent):
    """A legacy association on the agent, told to run for the first time."""
    association_id = apply("legacy", agent)
    assert agent.refreshes() == [[association_id]]
    return association_id


@pytest.fixture
def unfolded(start_server):
    """A server that shows every run of the agent mode."""
    return start_server(per_run_history=True)


@pytest.fixture
def every_run(server, ssm):
    """(cause, status) of each stored execution, oldest first."""

    def look(association_id):
        async def read(tx):
            sql = "SELECT cause, status FROM executions WHERE association_id = $1 ORDER BY number"
            return [tuple(row) for row in tx._connection.execute(sql.replace("$1", "?1"), (association_id,))]

        return server.reading(read)

    return look


def status_on(ssm, node):
    """What DescribeInstanceAssociationsStatus says of the only association."""
    (row,) = ssm.describe_instance_associations_status(InstanceId=node.node_id)["InstanceAssociationStatusInfos"]
    return row


def test_a_run_is_one_refresh_and_its_reports_agt_04(ssm, agent, legacy):
    agent.run(legacy)
    row = status_on(ssm, agent)
    assert (row["Status"], row["DetailedStatus"]) == ("Success", "Success")
    assert row["ExecutionSummary"] == EXECUTED  # IAS-02: with its trailing blank
    assert overview(ssm, legacy) == ("Success", "Success", {"Success": 1})
    (execution,) = executions(ssm, legacy)
    assert (execution["ExecutionId"], execution["Status"]) == (legacy, "Success")
    assert len(agent.scripted.jobs) == 1


def test_progress_is_shown_as_it_is_reported(ssm, agent, legacy):
    for said, seen in (("Pending", "Pending"), ("InProgress", "InProgress"), ("Pending", "InProgress")):
        agent.report(legacy, said, f"said {said}")
        row = status_on(ssm, agent)
        assert (row["Status"], row["DetailedStatus"]) == (seen, seen)
        assert row["ExecutionSummary"] == f"said {said}"


@pytest.mark.parametrize(
    ("said", "error", "status", "shown"),
    [
        ("Failed", "ExecutionError", "Failed", "ExecutionE"),  # AGT-06: cut to what the public shape allows
        ("Failed", "InvalidAssoc", "Failed", "InvalidAss"),
        ("Failed", "StuckAtInProgress", "Failed", "StuckAtInP"),
        ("Failed", "ListAssocError", "Failed", "ListAssocE"),
        ("Failed", "InvalidExpression", "Failed", "InvalidExp"),
        ("TimedOut", "", "TimedOut", None),
        ("Skipped", "", "Skipped", None),
    ],
)
def test_a_run_ends_as_the_node_says_agt_06(ssm, agent, legacy, said, error, status, shown):
    agent.run(legacy, said, "what the node said", error)
    row = status_on(ssm, agent)
    assert (row["Status"], row["DetailedStatus"], row.get("ErrorCode")) == (status, status, shown)
    assert row["ExecutionSummary"] == "what the node said"
    assert overview(ssm, legacy)[2] == {status: 1}


def test_the_output_url_is_the_nodes_own(ssm, agent, legacy):
    agent.run(legacy, url="bucket/prefix/run")
    assert status_on(ssm, agent)["OutputUrl"] == {"S3OutputUrl": {"OutputUrl": "bucket/prefix/run"}}


def test_the_next_run_is_told_after_the_terminal_report_d53(ssm, agent, legacy):
    start_once(ssm, legacy)
    agent.report(legacy, "InProgress")
    assert len(agent.scripted.jobs) == 1
    agent.report(legacy, "Success")
    assert agent.refreshes(2) == [[legacy], [legacy]]
    assert len({job.command_id for job in agent.scripted.jobs}) == 2
    agent.run(legacy, "Failed", "no", "ExecutionError")
    assert overview(ssm, legacy) == ("Failed", "Failed", {"Failed": 1})


def test_two_associations_of_a_node_run_one_after_the_other(ssm, agent, legacy, apply):
    other = apply("other", agent)
    agent.report(legacy, "Success")
    assert agent.refreshes(2) == [[legacy], [other]]
    agent.run(other)
    assert overview(ssm, other) == ("Success", "Success", {"Success": 1})


def test_a_superseded_run_keeps_its_node_until_it_reports(ssm, agent, legacy):
    """An agent cannot be told to stop what it applies by itself (node protocol 5.8)."""
    start_once(ssm, legacy)
    assert agent.scripted.cancels == []
    agent.report(legacy, "Failed", "late", "ExecutionError")
    assert len(agent.refreshes(2)) == 2
    agent.run(legacy)
    assert overview(ssm, legacy) == ("Success", "Success", {"Success": 1})


def test_built_in_agents_get_the_document_itself_d34(ssm, nodes, apply):
    node = nodes.one()
    association_id = apply("legacy", node)
    (job,) = node.wait_for_jobs()
    assert job.document_name == "legacy"
    assert node.request("ListInstanceAssociations", InstanceId=node.node_id).json()["Associations"] != []
    node.wait_for_stored(2)
    assert overview(ssm, association_id) == ("Success", "Success", {"Success": 1})


def test_command_associations_are_jobs_on_the_official_agent_too(ssm, agent, document):
    association = create(ssm, document())
    (job,) = agent.scripted.wait_for_jobs()
    assert job.document_name == "echo-twice"
    job.finish()
    assert overview(ssm, association["AssociationId"]) == ("Success", "Success", {"Success": 1})
    assert agent.list() == {"Associations": []}  # D24: never listed


def test_nothing_listed_could_start_by_itself_d53(ssm, agent, legacy):
    given = {"applications": ["Disabled"]}
    every_hour = create(ssm, INVENTORY, ScheduleExpression="rate(1 hour)", Parameters=given)
    later = every_hour["AssociationId"]
    for status in ("before", "Pending", "InProgress", "Failed"):
        if status != "before":
            agent.report(legacy, status)
        for one in agent.listed().values():
            assert "ScheduleExpression" not in one
            assert one["DetailedStatus"] in ("Skipped", "Success", "Failed", "TimedOut")
            for member in ("AssociationId", "Name", "InstanceId", "DocumentVersion", "Checksum", "DetailedStatus"):
                assert one[member]
    listed = agent.listed()
    assert listed[later]["Parameters"] == given
    assert listed[later]["DetailedStatus"] == "Skipped"
    assert listed[legacy]["DetailedStatus"] == "Failed"
    assert listed[legacy]["InstanceId"] == agent.node_id


def test_the_newest_report_dates_the_listing(agent, legacy):
    assert "LastExecutionDate" not in agent.listed()[legacy]
    date = agent.run(legacy)
    assert agent.listed()[legacy]["LastExecutionDate"] == date


def test_the_listing_stays_during_a_run_and_then_changes_agt_05(ssm, agent, legacy):
    before = agent.listed()[legacy]
    ssm.update_association(AssociationId=legacy, Parameters={"greeting": ["other"]})
    during = agent.listed()[legacy]
    assert during == before
    agent.report(legacy, "Success")
    agent.refreshes(2)
    after = agent.listed()[legacy]
    assert (after["AssociationVersion"], after["Parameters"]) == ("2", {"greeting": ["other"]})
    assert after["Checksum"] != before["Checksum"]


def test_another_document_version_changes_the_checksum_agt_05(ssm, agent, document):
    document("policy", POLICY, DocumentType="Policy")
    association_id = create(ssm, "policy")["AssociationId"]
    agent.refreshes()
    before = agent.listed()[association_id]
    content = json.dumps(POLICY).replace("Enabled", "Disabled")
    ssm.update_document(Name="policy", Content=content, DocumentVersion="$LATEST")
    ssm.update_document_default_version(Name="policy", DocumentVersion="2")
    assert agent.listed()[association_id] == before  # not while it runs
    agent.report(association_id, "Success")
    agent.refreshes(2)
    after = agent.listed()[association_id]
    assert (before["DocumentVersion"], after["DocumentVersion"]) == ("1", "2")
    assert after["Checksum"] != before["Checksum"]
    answer = agent.scripted.request("GetDocument", Name="policy", DocumentVersion=after["DocumentVersion"]).json()
    assert json.loads(answer["Content"])["mainSteps"][0]["inputs"] == {"applications": "Disabled"}


def test_an_association_without_its_document_is_not_listed_d53a(ssm, agent, legacy):
    agent.report(legacy, "Success")
    assert list(agent.listed()) == [legacy]
    ssm.delete_document(Name="legacy")
    assert agent.list() == {"Associations": []}


def test_the_list_comes_in_pages(agent, apply):
    made = [apply(name, agent) for name in ("page-a", "page-b", "page-c")]
    first = agent.list(MaxResults=2)
    second = agent.list(MaxResults=2, NextToken=first["NextToken"])
    assert "NextToken" not in second
    assert [len(page["Associations"]) for page in (first, second)] == [2, 1]
    assert sorted(one["AssociationId"] for one in first["Associations"] + second["Associations"]) == sorted(made)


def test_policy_documents_reach_the_official_agent_agt_03(ssm, agent):
    made = create(ssm, INVENTORY, Targets=EVERY_NODE, ScheduleExpression="rate(30 minutes)")
    association_id = made["AssociationId"]
    assert agent.refreshes() == [[association_id]]
    assert agent.listed()[association_id]["Name"] == INVENTORY
    agent.run(association_id)
    (target,) = targets(ssm, association_id, association_id)
    assert (target["ResourceId"], target["Status"]) == (agent.node_id, "Success")
    items = ssm.list_compliance_items(ResourceIds=[agent.node_id], ResourceTypes=["ManagedInstance"])["ComplianceItems"]
    assert [(item["Id"], item["Status"]) for item in items] == [(association_id, "COMPLIANT")]


def test_a_run_of_the_nodes_own_is_history_too_d53a(ssm, agent, legacy, every_run):
    agent.run(legacy)
    date = agent.report(legacy, "Pending", "Association is pending")
    agent.report(legacy, "InProgress", "Executing association")
    agent.report(legacy, "Failed", "by itself", "ExecutionError")
    cause = f"agent:{agent.node_id}:{date}000"
    assert every_run(legacy) == [("version:1", "Success"), (cause, "Failed")]
    assert overview(ssm, legacy) == ("Failed", "Failed", {"Failed": 1})
    assert status_on(ssm, agent)["ExecutionSummary"] == "by itself"
    assert len(agent.scripted.jobs) == 1


def test_the_same_report_again_is_nothing_d53a(ssm, agent, legacy, every_run):
    date = agent.run(legacy)
    agent.report(legacy, "Success", date=date)
    assert every_run(legacy) == [("version:1", "Success")]


def test_the_repeated_end_of_one_run_does_not_end_the_next_d53a(ssm, agent, legacy):
    date = agent.run(legacy)
    start_once(ssm, legacy)
    agent.refreshes(2)
    agent.report(legacy, "Success", date=date)
    assert newest_status(ssm, agent) == "Pending"


def newest_status(ssm, agent):
    return status_on(ssm, agent)["Status"]


@pytest.mark.parametrize("error", ["ListAssocError", "InvalidExpression"])
def test_errors_of_a_list_open_no_run_d53a(agent, legacy, every_run, error):
    agent.run(legacy)
    agent.report(legacy, "Failed", LIST_ERROR, error)
    agent.report(legacy, "Failed", LIST_ERROR, error)
    assert every_run(legacy) == [("version:1", "Success")]


def test_a_late_report_adds_words_and_changes_no_status_d2(server, ssm, agent, legacy, every_run):
    agent.report(legacy, "InProgress")
    agent.scripted.disconnect()
    server.clock(advance="3h")
    assert newest_status(ssm, agent) == "TimedOut"
    agent.report(legacy, "Success", "at last")
    row = status_on(ssm, agent)
    assert (row["Status"], row["ExecutionSummary"]) == ("TimedOut", "at last")
    assert len(every_run(legacy)) == 1


def test_reports_on_what_is_deleted_are_taken(ssm, agent, legacy):
    ssm.delete_association(AssociationId=legacy)
    agent.report(legacy, "Success")
    agent.report(legacy, "Pending")


@pytest.mark.parametrize("made_for", ["command", "nothing"])
def test_reports_on_what_no_agent_applies_are_refused(ssm, agent, document, made_for):
    association_id = "01234567-89ab-cdef-0123-456789abcdef"
    if made_for == "command":
        association_id = create(ssm, document())["AssociationId"]
    answer = agent.scripted.request(
        "UpdateInstanceAssociationStatus",
        AssociationId=association_id,
        InstanceId=agent.node_id,
        ExecutionResult={"Status": "Success", "ExecutionDate": 1, "ExecutionSummary": ""},
    )
    assert (answer.status_code, answer.json()["__type"]) == (400, "AssociationDoesNotExist")
    assert answer.json()["message"] == f"Association {association_id} is not applied by the node itself."


def test_a_status_that_does_not_exist_is_refused(agent, legacy):
    answer = agent.scripted.request(
        "UpdateInstanceAssociationStatus",
        AssociationId=legacy,
        InstanceId=agent.node_id,
        ExecutionResult={"Status": "Splendid", "ExecutionDate": 1, "ExecutionSummary": ""},
    )
    assert (answer.status_code, answer.json()["__type"]) == (400, "ValidationException")
    assert answer.json()["message"] == "Status must be one of Failed, InProgress, Pending, Skipped, Success, TimedOut"


def test_a_node_reports_on_itself_only(nodes, agent, legacy):
    other = nodes.one()
    answer = other.request(
        "UpdateInstanceAssociationStatus",
        AssociationId=legacy,
        InstanceId=agent.node_id,
        ExecutionResult={"Status": "Success", "ExecutionDate": 1, "ExecutionSummary": ""},
    )
    assert answer.json()["__type"] == "AccessDeniedException"
    own = other.request(
        "UpdateInstanceAssociationStatus",
        AssociationId=legacy,
        InstanceId=other.node_id,
        ExecutionResult={"Status": "Success", "ExecutionDate": 1, "ExecutionSummary": ""},
    )
    assert (own.status_code, own.json()) == (200, {})  # it is not its association: nothing comes of it
    assert other.request("ListInstanceAssociations", InstanceId=other.node_id).json() == {"Associations": []}


def test_the_oldest_way_of_reporting_ends_a_run_too(ssm, agent, legacy):
    for name, message in (("Pending", "Association is pending"), ("Success", EXECUTED)):
        answer = agent.scripted.request(
            "UpdateAssociationStatus",
            InstanceId=agent.node_id,
            Name="legacy",
            AssociationStatus={"Name": name, "Message": message, "Date": 1_795_450_606.5, "AdditionalInfo": "{}"}
            | ({"Date": 1_795_450_607.5} if name == "Success" else {}),
        )
        assert (answer.status_code, answer.json()) == (200, {})
    assert overview(ssm, legacy) == ("Success", "Success", {"Success": 1})
    assert describe(ssm, legacy)["Status"]["Name"] == "Success"


def test_the_oldest_way_of_reporting_on_nothing_is_taken(agent):
    answer = agent.scripted.request(
        "UpdateAssociationStatus",
        InstanceId=agent.node_id,
        Name="unknown",
        AssociationStatus={"Name": "Success", "Message": "m", "Date": 1.0},
    )
    assert (answer.status_code, answer.json()) == (200, {})


def test_a_refused_refresh_is_a_failed_run(server, ssm, nodes, apply):
    agent = AgentNode(nodes)
    agent.scripted.ack_code = "51408"
    agent.connect()
    association_id = apply("legacy", agent)
    agent.refreshes()
    server.settle()
    assert overview(ssm, association_id) == ("Failed", "Failed", {"Failed": 1})


def test_what_the_refresh_itself_says_counts_for_nothing(ssm, agent, legacy):
    (job,) = agent.scripted.jobs
    job.finish("Failed")
    assert newest_status(ssm, agent) == "Pending"
    agent.run(legacy)
    assert newest_status(ssm, agent) == "Success"


def test_every_run_is_stored_and_shown_when_asked_for_d34(unfolded, node_thread):
    park = NodePark(node_thread, unfolded)
    try:
        client, agent = unfolded.client(), AgentNode(park).connect()
        client.create_document(Name="legacy", DocumentType="Command", Content=json.dumps(OLD))
        made = client.create_association(Name="legacy", InstanceId=agent.node_id)["AssociationDescription"]
        agent.refreshes()
        agent.run(made["AssociationId"], "TimedOut")
        agent.run(made["AssociationId"])
        shown = [(row["Status"], row["DetailedStatus"]) for row in executions(client, made["AssociationId"])]
        assert shown == [("Success", "Success"), ("TimedOut", "TimedOut")]
        assert newest_targets(client, made["AssociationId"]) == {agent.node_id: ("Success", "Success")}
    finally:
        park.close()


def test_a_removed_node_leaves_no_reports_behind(server, ssm, agent, legacy):
    agent.run(legacy)

    async def count(tx):
        return await tx.value("SELECT COUNT(*) FROM agent_reports")

    assert server.reading(count) == 1
    ssm.deregister_managed_instance(InstanceId=agent.node_id)
    assert server.reading(count) == 0
