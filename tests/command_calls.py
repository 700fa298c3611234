"""The calls that tests of Run Command make again and again."""

import json

from stateward.agent import messages


def send(ssm, name, *nodes, **members):
    """Send a command to nodes (or to `Targets` among the members); its id."""
    if nodes:
        members["InstanceIds"] = [node.node_id for node in nodes]
    return ssm.send_command(DocumentName=name, **members)["Command"]["CommandId"]


def command(ssm, command_id):
    (found,) = ssm.list_commands(CommandId=command_id)["Commands"]
    return found


def command_status(ssm, command_id):
    found = command(ssm, command_id)
    return found["Status"], found["StatusDetails"]


def statuses(ssm, command_id):
    """Node id → (Status, StatusDetails)."""
    pages = ssm.get_paginator("list_command_invocations").paginate(CommandId=command_id)
    rows = [row for page in pages for row in page["CommandInvocations"]]
    return {row["InstanceId"]: (row["Status"], row["StatusDetails"]) for row in rows}


def status(ssm, command_id, node):
    return statuses(ssm, command_id)[node.node_id]


def step(ssm, command_id, node, name="second"):
    """One step of one node, as GetCommandInvocation has it."""
    found = ssm.get_command_invocation(CommandId=command_id, InstanceId=node.node_id, PluginName=name)
    del found["ResponseMetadata"]
    return found


def turn(server, advance="0s"):
    """Turn the clock although nodes have work in hand."""
    return server.clock(advance=advance, wait_for_nodes="0s")


def report(node, command_id, status, steps=None, counts=None, of=None):
    """A reply written by hand: `steps` as the agent sends them, `of` the node in the job's id."""
    content = {
        "additionalInfo": {"runtimeStatusCounts": counts},
        "documentStatus": status,
        "documentTraceOutput": "",
        "runtimeStatus": steps,
    }
    job_id = f"aws.ssm.{command_id}.{(of or node).node_id}"
    node.send_frame(messages.REPLY, messages.reply_payload(job_id, messages.SEND_TOPIC, json.dumps(content)))


def told_step(status="Success", code=0, **members):
    """One step of a report written by hand."""
    return {
        "status": status,
        "code": code,
        "name": "aws:runShellScript",
        "startDateTime": "2026-01-02T03:04:05.006Z",
        "endDateTime": "2026-01-02T03:04:05.097Z",
        **members,
    }
