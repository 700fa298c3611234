"""The payloads that cross the control channel, read and made (node protocol 5.4 to 5.8)."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from stateward.agent.reports import instant
from stateward.wire.agent_message import AgentMessage

JOB, JOB_ACK, REPLY, REPLY_ACK = "agent_job", "agent_job_ack", "agent_job_reply", "agent_job_reply_ack"
SEND_TOPIC, CANCEL_TOPIC = "aws.ssm.sendCommand", "aws.ssm.cancelCommand"
# With the answer to a registration: the region of the activation.
REGION_HEADER = "x-stateward-region"
# Command ids become file names.
_JOB_ID = re.compile(r"aws\.ssm\.([A-Za-z0-9-]{1,100})\.([A-Za-z0-9-]{1,100})")
_Payload = TypeVar("_Payload")


class MalformedJob(ValueError):
    """A job that cannot be understood; `job_id` as far as it is known."""

    def __init__(self, reason: str, job_id: str = "", topic: str = SEND_TOPIC) -> None:
        super().__init__(reason)
        self.job_id = job_id
        self.topic = topic


class SendJob(msgspec.Struct, frozen=True):
    """A command to run; `content` is the JSON text that holds document and parameters."""

    job_id: str
    command_id: str
    content: str


class CancelJob(msgspec.Struct, frozen=True):
    """A command to stop."""

    job_id: str
    target_command_id: str


class Work(msgspec.Struct, frozen=True):
    """What a command's content says, as far as this agent needs it."""

    DocumentContent: dict[str, Any]
    Parameters: dict[str, Any] | None = None
    DocumentName: str = ""


class _Job(msgspec.Struct):
    JobId: str
    Topic: str
    Content: str


class _Reply(msgspec.Struct):
    jobId: str
    content: str


class _Cancel(msgspec.Struct):
    CancelMessageId: str


class _ReplyAck(msgspec.Struct):
    acknowledgedMessageId: str


def read_job(message: AgentMessage, node_id: str) -> SendJob | CancelJob:
    """The job in an `agent_job`. Raises MalformedJob, also for a job that is another node's."""
    job = _decoded(message.payload, _Job)
    return read_parts(job.JobId, job.Topic, job.Content, node_id)


def read_parts(job_id: str, job_topic: str, content: str, node_id: str) -> SendJob | CancelJob:
    """The job that consists of these, as ec2messages has them too (node protocol 6.2). Raises MalformedJob."""
    parts = _JOB_ID.fullmatch(job_id)
    topic = CANCEL_TOPIC if job_topic.startswith(CANCEL_TOPIC) else SEND_TOPIC
    if parts is None or parts[2] != node_id:
        raise MalformedJob(f"job id {job_id[:120]!r}: not one of node {node_id}", job_id, topic)
    if not job_topic.startswith(topic):
        raise MalformedJob(f"topic {job_topic[:60]!r}: use {SEND_TOPIC} or {CANCEL_TOPIC}", job_id)
    if topic == SEND_TOPIC:
        return SendJob(job_id, parts[1], content)
    target = _JOB_ID.fullmatch(_decoded(content, _Cancel, job_id, topic).CancelMessageId)
    if target is None:
        raise MalformedJob("CancelMessageId: not a job id", job_id, topic)
    return CancelJob(job_id, target[1])


def read_work(job: SendJob) -> Work:
    """Document and parameters of a job. Raises MalformedJob."""
    return _decoded(job.content, Work, job.job_id)


def read_reply_ack(message: AgentMessage) -> str:
    """The MessageId of the reply that the server has stored. Raises MalformedJob."""
    return _decoded(message.payload, _ReplyAck).acknowledgedMessageId


def job_ack(job: AgentMessage, job_id: str, status_code: str, text: str, message_id: str, now_ms: int) -> AgentMessage:
    """The answer to a job (node protocol 5.6)."""
    payload = {
        "jobId": job_id,
        "acknowledgedMessageId": job.message_id,
        "createdDate": instant(job.created_ms),
        "statusCode": status_code,
        "errorMessage": text,
    }
    return AgentMessage(JOB_ACK, message_id, now_ms, msgspec.json.encode(payload))


def reply_payload(job_id: str, topic: str, content: str) -> bytes:
    """The payload of an `agent_job_reply`."""
    return msgspec.json.encode({"schemaVersion": 1, "jobId": job_id, "content": content, "topic": topic})


def polled_reply(reply: AgentMessage) -> tuple[str, str]:
    """Job id and content of a reply, as SendReply takes them (node protocol 6.2)."""
    told = msgspec.json.decode(reply.payload, type=_Reply)
    content = msgspec.json.decode(told.content, type=dict[str, Any])
    content["additionalInfo"]["ableToOpenMGSConnection"] = False
    return told.jobId, msgspec.json.encode(content).decode()


def _decoded(text: bytes | str, kind: type[_Payload], job_id: str = "", topic: str = SEND_TOPIC) -> _Payload:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise MalformedJob(f"not a job that can be read: {error}", job_id, topic) from None
