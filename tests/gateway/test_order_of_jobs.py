"""What begins in one millisecond keeps its order: on the node, in the engine and in the listings (D3)."""

from association_calls import start_once

COUNT = 10


def commands_of(node, ssm):
    """The Comment of each command that the node got, in the order in which it got them."""
    return [ssm.list_commands(CommandId=job.command_id)["Commands"][0].get("Comment") for job in node.jobs]


def test_commands_of_one_instant_come_first_in_first_out(server, ssm, nodes, send):
    node = nodes.one(online=False, holds=True)
    names = [f"number {number}" for number in range(COUNT)]
    sent = [send(node, Comment=name) for name in names]
    assert len({row["RequestedDateTime"] for row in ssm.list_commands()["Commands"]}) == 1, "time stands still"
    node.connect()
    node.wait_for_jobs(COUNT)
    assert [job.command_id for job in node.jobs] == sent
    assert commands_of(node, ssm) == names


def test_listings_show_the_newest_of_an_instant_first(server, ssm, nodes, send):
    node = nodes.one(online=False)
    sent = [send(node) for _ in range(COUNT)]
    pages = ssm.get_paginator("list_commands").paginate(PaginationConfig={"PageSize": 5})
    assert [row["CommandId"] for page in pages for row in page["Commands"]] == sent[::-1]
    pages = ssm.get_paginator("list_command_invocations").paginate(PaginationConfig={"PageSize": 5})
    assert [row["CommandId"] for page in pages for row in page["CommandInvocations"]] == sent[::-1]


def test_associations_started_in_one_call_run_in_the_order_of_the_call(server, ssm, nodes, one_step):
    node = nodes.one(online=False)
    targets = [{"Key": "InstanceIds", "Values": [node.node_id]}]
    made = [
        ssm.create_association(
            Name=one_step, Targets=targets, ScheduleExpression="at(2090-01-01T00:00:00)", ApplyOnlyAtCronInterval=True
        )["AssociationDescription"]["AssociationId"]
        for _ in range(COUNT)
    ]
    started = start_once(ssm, *made)
    assert list(started) == made
    node.connect()
    node.wait_for_jobs(COUNT)
    found = [
        ssm.describe_association_execution_targets(AssociationId=one, ExecutionId=started[one])[
            "AssociationExecutionTargets"
        ][0]["OutputSource"]["OutputSourceId"]
        for one in made
    ]
    assert [job.command_id for job in node.jobs] == found
