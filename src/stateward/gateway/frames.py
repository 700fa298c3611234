"""The payloads of agent messages, made and read (node protocol 5.4 to 5.8)."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec

from stateward.agent import live_frames
from stateward.commands.delivery import Cancel, Job
from stateward.commands.opening import job_parameters
from stateward.wire.agent_message import AgentMessage

JOB, ACK, REPLY, REPLY_ACK = "agent_job", "agent_job_ack", "agent_job_reply", "agent_job_reply_ack"
SEND_TOPIC, CANCEL_TOPIC = "aws.ssm.sendCommand", "aws.ssm.cancelCommand"
PREFIX = "aws.ssm."
T = TypeVar("T")


class MalformedPayload(ValueError):
    """A payload that cannot be understood; the text says why."""


class JobAck(msgspec.Struct, frozen=True):
    """The node's word on a job."""

    jobId: str
    statusCode: Annotated[str, msgspec.Meta(max_length=20)] = ""


class JobReply(msgspec.Struct, frozen=True):
    """Progress or result of a command; `content` is JSON text."""

    jobId: str
    content: str
    topic: str = ""


def job_id(command_id: str, node_id: str) -> str:
    return f"{PREFIX}{command_id}.{node_id}"


def command_of(job: str, node_id: str) -> str:
    """The command id in a job id that must be this node's. Raises MalformedPayload."""
    command_id, dot, node = job.removeprefix(PREFIX).rpartition(".")
    if not (job.startswith(PREFIX) and dot and command_id) or node != node_id:
        raise MalformedPayload(f"job id {job[:120]!r} is not one of {node_id}")
    return command_id


def job_content(job: Job) -> dict[str, Any]:
    """What a job carries: the document as an object, parameters in their declared types (node protocol 5.5)."""
    return {
        "Parameters": job_parameters(job.text.content, job.text.parameters),
        "DocumentContent": msgspec.Raw(job.text.content.encode()),
        "CommandId": job.command_id,
        "DocumentName": job.text.document_name,
        "OutputS3KeyPrefix": "",
        "OutputS3BucketName": "",
        "CloudWatchLogGroupName": "",
        "CloudWatchOutputEnabled": "false",
    }


def cancel_content(cancel: Cancel) -> dict[str, Any]:
    return {"CancelMessageId": job_id(cancel.command_id, cancel.node_id)}


def job_message(job: Job, region: str, message_id: str, wall_ms: int) -> AgentMessage:
    """An `agent_job` that runs a document."""
    return _job(job_id(job.command_id, job.node_id), f"{SEND_TOPIC}.{region}", job_content(job), message_id, wall_ms)


def cancel_message(cancel: Cancel, region: str, message_id: str, wall_ms: int) -> AgentMessage:
    """A cancel: an `agent_job` with an id of its own (node protocol 5.8)."""
    job = job_id(cancel.job_id, cancel.node_id)
    return _job(job, f"{CANCEL_TOPIC}.{region}", cancel_content(cancel), message_id, wall_ms)


def reply_ack(reply: JobReply, reply_message_id: str, message_id: str, wall_ms: int) -> AgentMessage:
    """«I stored your reply»; without it the node sends the reply again."""
    return _message(REPLY_ACK, {"jobId": reply.jobId, "acknowledgedMessageId": reply_message_id}, message_id, wall_ms)


def output_ack(ack: live_frames.OutputAck, message_id: str, wall_ms: int) -> AgentMessage:
    """What is stored of live output, and how much more may come (D58)."""
    return AgentMessage(
        message_type=live_frames.OUTPUT_ACK,
        message_id=message_id,
        created_ms=wall_ms,
        payload=live_frames.encode_ack(ack),
    )


def read_ack(payload: bytes) -> JobAck:
    return _read(payload, JobAck)


def read_reply(payload: bytes) -> JobReply:
    return _read(payload, JobReply)


def _read(payload: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise MalformedPayload(f"not a {kind.__name__}: {error}") from None


def _job(job: str, topic: str, content: dict[str, Any], message_id: str, wall_ms: int) -> AgentMessage:
    body = {"SchemaVersion": 1, "JobId": job, "Topic": topic, "Content": msgspec.json.encode(content).decode()}
    return _message(JOB, body, message_id, wall_ms)


def _message(kind: str, body: dict[str, Any], message_id: str, wall_ms: int) -> AgentMessage:
    return AgentMessage(message_type=kind, message_id=message_id, created_ms=wall_ms, payload=msgspec.json.encode(body))
