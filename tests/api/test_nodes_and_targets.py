"""Which nodes an association reaches, and nodes that come, change and go (spec 1.2, 4.1, 4.7, LIF)."""

import pytest

from association_calls import (
    TAGGED,
    create,
    describe,
    executions,
    newest_targets,
    overview,
    start_once,
    statuses,
    tag_node,
    targets,
)


def reached(server, ssm, wanted):
    association_id = create(ssm, "echo-twice", Targets=wanted)["AssociationId"]
    server.settle()
    return set(newest_targets(ssm, association_id))


def tag(key, *values):
    return {"Key": f"tag:{key}", "Values": list(values)}


def test_target_kinds_cre_23_cre_24_cre_25_cre_26(server, ssm, nodes, document):
    document()
    a = nodes.one(tags={"env": "prod", "role": "web"}).node_id
    b = nodes.one(tags={"env": "prod", "role": "db"}).node_id
    c = nodes.one(tags={"env": "test"}).node_id
    d = nodes.one().node_id
    everybody = {"Key": "InstanceIds", "Values": ["*"]}
    assert reached(server, ssm, [everybody]) == {a, b, c, d}, "CRE-25"
    assert reached(server, ssm, [tag("env", "prod"), tag("role", "web")]) == {a}, "CRE-23"
    assert reached(server, ssm, [tag("env", "prod", "test")]) == {a, b, c}, "CRE-24"
    assert reached(server, ssm, [{"Key": "instanceids", "Values": [d]}]) == {d}, "CRE-26"
    assert reached(server, ssm, [tag("env")]) == {a, b, c}, "no values: any value"
    assert reached(server, ssm, [{"Key": "tag-key", "Values": ["role", "nothing"]}]) == {a, b}
    assert reached(server, ssm, [{"Key": "InstanceIds", "Values": [a, c]}, tag("env", "prod")]) == {a}, "AND"
    assert reached(server, ssm, [tag("env", "PROD")]) == set(), "values are compared exactly"
    assert reached(server, ssm, [tag("env", "prod"), tag("env", "test")]) == set()


def test_the_spelling_of_the_key_is_kept_cre_26(ssm, document):
    wanted = [{"Key": "instanceids", "Values": ["*"]}]
    association_id = create(ssm, document(), Targets=wanted)["AssociationId"]
    assert describe(ssm, association_id)["Targets"] == wanted


def test_unknown_ids_are_accepted_and_have_no_row_v9b(server, ssm, nodes, document):
    known = nodes.one().node_id
    document()
    assert reached(server, ssm, [{"Key": "InstanceIds", "Values": [known, "mi-0123456789abcdef0"]}]) == {known}


def test_a_node_that_joins_runs_what_matches_lif_02_d12(server, ssm, nodes, document):
    first = nodes.one(tags={"env": "prod"})
    association_id = create(ssm, document(), Targets=TAGGED)["AssociationId"]
    server.settle()
    second = nodes.one(tags={"env": "prod"})
    nodes.one(tags={"env": "test"})
    server.settle()
    newest, _ = executions(ssm, association_id)
    rows = targets(ssm, association_id, newest["ExecutionId"])
    assert [row["ResourceId"] for row in rows] == [second.node_id]
    assert (len(first.jobs), len(second.jobs)) == (1, 1)
    assert overview(ssm, association_id) == ("Success", "Success", {"Success": 2})


def test_a_run_on_one_new_node_does_not_turn_a_red_association_green_d29(server, ssm, nodes, document):
    nodes.one(script=lambda job: "Failed")
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    nodes.one()
    server.settle()
    assert executions(ssm, association_id)[0]["Status"] == "Success"
    assert overview(ssm, association_id) == ("Failed", "Failed", {"Failed": 1, "Success": 1})


def test_a_node_that_joins_waits_for_the_cron_where_asked(server, ssm, nodes, document):
    members = {"ScheduleExpression": "cron(0 0/1 * * ? *)", "ApplyOnlyAtCronInterval": True}
    association_id = create(ssm, document(), **members)["AssociationId"]
    nodes.one()
    server.settle()
    assert executions(ssm, association_id) == []
    server.clock(advance="1h")
    assert statuses(ssm, association_id) == [("Success", "Success", "{Success=1}")]


def test_a_reconnect_is_no_new_node(server, ssm, nodes, document):
    node = nodes.one()
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    node.disconnect()
    node.connect()
    server.settle()
    assert len(executions(ssm, association_id)) == 1


def test_a_node_that_gets_the_tag_runs(server, ssm, nodes, document):
    node = nodes.one()
    association_id = create(ssm, document(), Targets=TAGGED)["AssociationId"]
    server.settle()
    assert statuses(ssm, association_id) == [("Success", "Success", None)]
    tag_node(ssm, node.node_id, env="prod")
    server.settle()
    assert statuses(ssm, association_id)[0] == ("Success", "Success", "{Success=1}")
    assert overview(ssm, association_id) == ("Success", "Success", {"Success": 1})


def test_a_node_that_loses_the_tag_is_left_alone_lif_04_rol_03(server, ssm, nodes, document):
    node = nodes.one(tags={"env": "prod"})
    association_id = create(ssm, document(), Targets=TAGGED)["AssociationId"]
    server.settle()
    first = executions(ssm, association_id)[0]["ExecutionId"]
    ssm.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=node.node_id, TagKeys=["env"])
    server.settle()
    assert overview(ssm, association_id) == ("Success", "Success", {})
    start_once(ssm, association_id)
    server.settle()
    assert len(node.jobs) == 1
    assert [row["ResourceId"] for row in targets(ssm, association_id, first)] == [node.node_id]


def test_a_node_that_is_no_target_any_more_has_no_compliance_of_it(server, ssm, nodes, document):
    node = nodes.one(tags={"env": "prod"}, script=lambda job: "Failed")
    create(ssm, document(), Targets=TAGGED)
    server.settle()
    of_node = {"ResourceIds": [node.node_id], "ResourceTypes": ["ManagedInstance"]}
    assert [item["Status"] for item in ssm.list_compliance_items(**of_node)["ComplianceItems"]] == ["NON_COMPLIANT"]
    ssm.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=node.node_id, TagKeys=["env"])
    server.settle()
    assert ssm.list_compliance_items(**of_node)["ComplianceItems"] == []
    assert ssm.list_resource_compliance_summaries()["ResourceComplianceSummaryItems"] == []


def test_an_offline_node_waits_then_times_out_lif_10(server, ssm, nodes, document):
    node = nodes.one(online=False)
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    assert newest_targets(ssm, association_id)[node.node_id] == ("Pending", "Pending")
    assert overview(ssm, association_id)[0] == "Pending"
    server.clock(advance="2h59m59s")
    assert executions(ssm, association_id)[0]["Status"] == "InProgress"
    server.clock(advance="1s")
    assert newest_targets(ssm, association_id)[node.node_id] == ("TimedOut", "DeliveryTimedOut")
    assert statuses(ssm, association_id) == [("TimedOut", "TimedOut", "{TimedOut=1}")]


def test_an_offline_node_runs_when_it_comes(server, ssm, nodes, document):
    node = nodes.one()
    node.disconnect()
    association_id = create(ssm, document())["AssociationId"]
    server.clock(advance="1h")
    assert node.jobs == []
    node.connect()
    server.settle()
    assert statuses(ssm, association_id)[-1] == ("Success", "Success", "{Success=1}")


def test_a_deregistered_node_ends_undeliverable(server, ssm, nodes, document):
    gone = nodes.one()
    gone.disconnect()
    nodes.one()
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    ssm.deregister_managed_instance(InstanceId=gone.node_id)
    server.settle()
    assert newest_targets(ssm, association_id)[gone.node_id] == ("Failed", "Undeliverable")
    assert statuses(ssm, association_id) == [("Failed", "Failed", "{Failed=1, Success=1}")]
    assert overview(ssm, association_id) == ("Success", "Success", {"Success": 1})


def test_statuses_in_polling_order_lif_01(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    seen = []
    association_id = create(ssm, document(), ScheduleExpression="rate(1 hour)")["AssociationId"]
    seen.append(overview(ssm, association_id)[0])
    (job,) = node.wait_for_jobs()
    node.wait_for_stored(1)
    seen.append(executions(ssm, association_id)[0]["Status"])
    job.report_step("first")
    seen.append(executions(ssm, association_id)[0]["Status"])
    job.finish()
    seen.append(executions(ssm, association_id)[0]["Status"])
    assert seen == ["Pending", "InProgress", "InProgress", "Success"]


@pytest.mark.parametrize(
    ("status", "node_status"), [("Success", "Success"), ("Failed", "Failed"), ("TimedOut", "Failed")]
)
def test_the_node_shows_its_associations_rol_05_d26(server, ssm, nodes, document, status, node_status):
    node = nodes.one(script=lambda job: status)
    (before,) = ssm.describe_instance_information()["InstanceInformationList"]
    assert "AssociationStatus" not in before
    create(ssm, document())
    server.settle()
    (after,) = ssm.describe_instance_information()["InstanceInformationList"]
    assert after["InstanceId"] == node.node_id
    assert after["AssociationStatus"] == node_status
    assert after["AssociationOverview"]["InstanceAssociationStatusAggregatedCount"] == {status: 1}
    assert ("LastSuccessfulAssociationExecutionDate" in after) == (status == "Success")


def test_overview_status_is_one_of_three_rol_04(server, ssm, nodes, document):
    for status in ("Success", "Failed", "TimedOut", "Cancelled"):
        nodes.one(script=lambda job, status=status: status)
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    assert overview(ssm, association_id) == (
        "Failed",
        "Failed",
        {"Cancelled": 1, "Failed": 1, "Success": 1, "TimedOut": 1},
    )
    assert statuses(ssm, association_id)[0][0] == "Failed"
