"""Handing jobs to nodes: leases, reminders, acknowledgements, reconnects (node protocol 5.5, 5.6, 5.8, D3, D5, D25)."""

import asyncio

import pytest
from raw_channels import channel_of

from stateward.clock import wall_ms
from stateward.commands import delivery, store

MINUTE_MS = 60_000
DONE = ("Success", "Success", {"only": ("Success", 0)})
EXPIRED = "lease_until_wall_ms = 0, cancel_until_wall_ms = 0"


@pytest.fixture
def remind(server, node):
    """Lets the server look at what the node should be sent."""

    async def hint():
        server.thread_server.gateway.hint([node.node_id])

    return lambda: server._thread.run(hint())


@pytest.fixture
def due(server, node):
    """Whether anything would be sent to the node, were all leases over."""

    async def look(tx):
        return await delivery.anything(tx, node.node_id, wall_ms() + MINUTE_MS)

    return lambda: server.reading(look)


@pytest.fixture
def row(server, node):
    """The invocation of a command on the node, as stored."""

    def stored(command_id):
        async def look(tx):
            return await store.invocation(tx, command_id, node.node_id)

        return server.reading(look)

    return stored


@pytest.mark.parametrize(
    ("code", "status", "details", "error"),
    [
        ("200", "InProgress", "InProgress", None),
        ("51405", "InProgress", "InProgress", None),
        ("51401", "Pending", "Pending", None),
        ("51402", "Pending", "Pending", None),
        ("51403", "Failed", "Failed", "refused:51403"),
        ("51404", "Failed", "Failed", "refused:51404"),
        ("51406", "Failed", "Failed", "refused:51406"),
        ("51407", "Failed", "Failed", "refused:51407"),
        ("51408", "Failed", "Failed", "refused:51408"),
        ("51499", "Failed", "Failed", "refused:51499"),
    ],
)
def test_what_an_acknowledgement_means(node, send, invocation, row, code, status, details, error):
    with channel_of(node) as channel:
        command_id = send(node)
        channel.job()
        channel.acknowledge(command_id, code)
        channel.barrier()
        assert invocation(command_id) == (status, details, {})
        assert row(command_id).ended_by == error


@pytest.mark.parametrize("code", ["51401", "51402"])
def test_a_full_node_is_asked_again_after_ten_seconds(node, send, row, change, remind, invocation, code):
    with channel_of(node) as channel:
        command_id = send(node)
        channel.job()
        before_ms = wall_ms()
        channel.acknowledge(command_id, code)
        channel.barrier()
        assert row(command_id).lease_until_wall_ms >= before_ms + 10_000
        remind()
        assert channel.barrier() == []
        change(command_id, EXPIRED)
        remind()
        assert channel.job()[0] == command_id
        channel.acknowledge(command_id)
        channel.finish(command_id, only="Success")
    assert invocation(command_id) == DONE


def test_a_place_that_becomes_free_is_offered_at_once(node, send, row):
    """Ten seconds for each job over the limit would keep a node with many of them idle."""
    with channel_of(node) as channel:
        first, second, third = (send(node) for _ in range(3))
        for command_id, code in ((first, "200"), (second, "51402"), (third, "51402")):
            assert channel.job()[0] == command_id
            channel.acknowledge(command_id, code)
        channel.barrier()
        channel.finish(first, only="Success")
        assert channel.job()[0] == second, "the oldest of those that were refused"
        assert row(third).lease_until_wall_ms > wall_ms()
        channel.acknowledge(second)
        channel.finish(second, only="Success")
        assert channel.job()[0] == third


def test_a_job_without_acknowledgement_is_sent_three_times(node, send, change, remind, due):
    with channel_of(node) as channel:
        command_id = send(node)
        first = channel.job()
        for _ in range(2):
            assert due()
            change(command_id, EXPIRED)
            remind()
            assert channel.job() == first
        change(command_id, EXPIRED)
        assert not due()
        remind()
        assert channel.barrier() == []


def test_a_lease_keeps_a_job_from_being_sent_again_at_once(node, send, row, remind):
    with channel_of(node) as channel:
        before_ms = wall_ms()
        command_id = send(node)
        channel.job()
        assert row(command_id).lease_until_wall_ms >= before_ms + 5_000
        remind()
        assert channel.barrier() == []


def test_a_late_acknowledgement_undoes_no_end(node, send, invocation):
    with channel_of(node) as channel:
        command_id = send(node)
        channel.job()
        channel.finish(command_id, only="Success")
        for code in ("51408", "51402", "200"):
            channel.acknowledge(command_id, code)
        channel.barrier()
    assert invocation(command_id) == DONE


def test_an_acknowledgement_of_what_was_not_sent_changes_nothing(nodes, node, send, invocation):
    other = nodes.one(online=False)
    command_id = send(other)
    with channel_of(node) as channel:
        channel.acknowledge(command_id, "51408")
        channel.send("agent_job_ack", {"jobId": f"aws.ssm.{command_id}.{other.node_id}", "statusCode": "51408"})
        channel.barrier()
    assert invocation(command_id) == ("Pending", "Pending", {})


def test_a_reconnect_brings_what_was_not_acknowledged(node, send, invocation):
    with channel_of(node) as channel:
        lost, taken = send(node), send(node)
        assert {channel.job()[0], channel.job()[0]} == {lost, taken}
        channel.acknowledge(taken)
        channel.barrier()
    with channel_of(node) as channel:
        assert channel.job()[0] == lost
        assert channel.barrier() == []
        channel.acknowledge(lost, "51405")
        for command_id in (lost, taken):
            channel.finish(command_id, only="Success")
    assert invocation(lost) == invocation(taken) == DONE


def test_reconnects_bring_a_job_again_however_often_it_was_sent(node, send):
    command_id = send(node)
    for _ in range(5):
        with channel_of(node) as channel:
            assert channel.job()[0] == command_id


@pytest.mark.parametrize(("minutes", "comes"), [(24, True), (26, False)])
def test_no_job_is_sent_again_after_25_minutes_d25(node, send, change, minutes, comes):
    with channel_of(node) as channel:
        command_id = send(node)
        channel.job()
    change(command_id, f"first_sent_wall_ms = {wall_ms() - minutes * MINUTE_MS}")
    with channel_of(node) as channel:
        if comes:
            assert channel.job()[0] == command_id
        assert channel.barrier() == []


def test_what_waited_for_an_offline_node_is_delivered_lif_10(node, send, invocation):
    waiting = [send(node) for _ in range(3)]
    assert {invocation(command_id)[0] for command_id in waiting} == {"Pending"}
    with channel_of(node) as channel:
        assert {channel.job()[0] for _ in waiting} == set(waiting)
        for command_id in waiting:
            channel.acknowledge(command_id)
            channel.finish(command_id, only="Success")
    assert all(invocation(command_id) == DONE for command_id in waiting)


def test_association_runs_come_one_at_a_time_d3(ssm, node, one_step):
    targets = [{"Key": "InstanceIds", "Values": [node.node_id]}]
    for _ in range(2):
        ssm.create_association(Name=one_step, Targets=targets)
    with channel_of(node) as channel:
        first, _ = channel.job()
        channel.acknowledge(first)
        assert channel.barrier() == []
        channel.finish(first, only="Success")
        second, _ = channel.job()
        assert second != first
        channel.acknowledge(second)
        channel.finish(second, only="Success")


def test_a_command_is_not_held_back_by_an_association_run_d3(ssm, node, one_step, send):
    ssm.create_association(Name=one_step, Targets=[{"Key": "InstanceIds", "Values": [node.node_id]}])
    with channel_of(node) as channel:
        run, _ = channel.job()
        channel.acknowledge(run)
        command_id = send(node)
        assert channel.job()[0] == command_id


def cancel_of(channel):
    cancel_id, payload = channel.job()
    assert payload["Topic"].startswith("aws.ssm.cancelCommand")
    return cancel_id, payload["Content"]


@pytest.fixture
def cancelling(ssm, node, send):
    """A command at work on an open channel, then cancelled: (command id, channel)."""
    with channel_of(node) as channel:
        command_id = send(node)
        channel.job()
        channel.acknowledge(command_id)
        channel.barrier()
        ssm.cancel_command(CommandId=command_id)
        yield command_id, channel


def test_a_cancel_is_repeated_three_times_at_most_d5(node, cancelling, change, remind, due):
    command_id, channel = cancelling
    first = cancel_of(channel)
    assert command_id in first[1]
    for _ in range(2):
        change(command_id, EXPIRED)
        remind()
        assert cancel_of(channel) == first
    change(command_id, EXPIRED)
    assert not due()


def test_an_acknowledged_cancel_is_not_sent_again(node, cancelling, due):
    _, channel = cancelling
    cancel_id, _ = cancel_of(channel)
    channel.acknowledge(cancel_id)
    channel.barrier()
    assert not due()
    with channel_of(node) as again:
        assert again.barrier() == []
        assert not due()


def test_reconnects_bring_an_unanswered_cancel_again_however_often(node, cancelling, invocation):
    command_id, channel = cancelling
    first = cancel_of(channel)
    for _ in range(5):
        with channel_of(node) as again:
            assert cancel_of(again) == first
    with channel_of(node) as last:
        assert cancel_of(last) == first
        last.finish(command_id, "Cancelled", only={"status": "Cancelled", "code": 137})
    assert invocation(command_id) == ("Cancelled", "Cancelled", {"only": ("Cancelled", 137)})


def test_reconnects_bring_the_cancel_of_a_superseded_run_again_d4(ssm, node, one_step):
    created = ssm.create_association(Name=one_step, Targets=[{"Key": "InstanceIds", "Values": [node.node_id]}])
    with channel_of(node) as channel:
        old, _ = channel.job()
        channel.acknowledge(old)
        channel.barrier()
        ssm.start_associations_once(AssociationIds=[created["AssociationDescription"]["AssociationId"]])
        first = cancel_of(channel)
        assert old in first[1]
    for _ in range(5):
        with channel_of(node) as again:
            assert cancel_of(again) == first
            assert again.barrier() == [], "the next run waits for the end of this one"
    with channel_of(node) as last:
        assert cancel_of(last) == first
        last.finish(old, "Cancelled", only={"status": "Cancelled", "code": 137})
        new, payload = last.job()
        assert new != old
        assert payload["Topic"].startswith("aws.ssm.sendCommand")


def test_a_cancelled_command_that_ends_by_itself_is_cancelled_d5(cancelling, invocation):
    command_id, channel = cancelling
    channel.finish(command_id, only="Success")
    assert invocation(command_id) == ("Cancelled", "Cancelled", {"only": ("Success", 0)})


def test_an_old_socket_that_takes_nothing_does_not_hold_up_the_new_one(server, node, send):
    """Half open: the node has gone from it, and the system still believes in it and has no room for more."""

    async def never(_message):
        await asyncio.Event().wait()

    with channel_of(node) as old:
        old.barrier()
        server.thread_server.gateway._channels[node.node_id]._send = never
        with channel_of(node) as fresh:
            command_id = send(node)
            assert fresh.job()[0] == command_id
            fresh.acknowledge(command_id)
            fresh.finish(command_id, only="Success")
