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


def test_every_way_into_the_invocations_pages_the_same(server, ssm, nodes, send):
    several = nodes.add(3, online=False)
    first, second = several[:2]
    commands = [send(*several) for _ in range(3)] + [send(first)]
    every = [(one, node.node_id) for one in commands[:3] for node in several] + [(commands[3], first.node_id)]
    newest_first = sorted(every, reverse=True)

    def listed(size, **members):
        pages = ssm.get_paginator("list_command_invocations").paginate(**members, PaginationConfig={"PageSize": size})
        return [(row["CommandId"], row["InstanceId"]) for page in pages for row in page["CommandInvocations"]]

    def named(document):
        return [{"key": "DocumentName", "value": document}]

    both = {"CommandId": commands[1], "InstanceId": second.node_id}
    for size in (1, 2, 3, 50):
        assert listed(size) == newest_first
        assert listed(size, CommandId=commands[1]) == [pair for pair in newest_first if pair[0] == commands[1]]
        assert listed(size, InstanceId=second.node_id) == [pair for pair in newest_first if pair[1] == second.node_id]
        assert listed(size, Filters=named("one-step")) == newest_first
        assert listed(size, **both) == listed(size, **both, Filters=named("one-step")) == [tuple(both.values())]
        assert listed(size, Filters=named("other")) == listed(size, **both, Filters=named("other")) == []
    assert listed(5, CommandId=commands[3], InstanceId=second.node_id) == []
