"""The rows of Run Command: commands, invocations, steps."""

from __future__ import annotations

import msgspec

from stateward.commands.rate_control import Progress

JOB, REFRESH = "job", "refresh"
"""How a run reaches its node: as a document, or as a word to apply an association of its own now (D34, D53)."""

FINAL = frozenset({"Success", "Failed", "TimedOut", "Cancelled", "Skipped"})


class CommandRow(msgspec.Struct, frozen=True):
    """A command without its texts; every instant in ms."""

    command_id: str
    account_id: str
    region: str
    kind: str
    document_name: str
    document_version: str
    resolved_version: str
    comment: str
    instance_ids: str
    targets: str
    scope_nodes: str | None
    service_role: str
    max_concurrency: str
    max_errors: str
    timeout_s: int
    allowance_ms: int
    requested_ms: int
    expires_after_ms: int
    association_id: str | None
    execution_number: int | None
    alarm_name: str | None = None
    ignore_alarm_failure: int = 0
    duration_ms: int | None = None
    output_bucket: str | None = None
    output_prefix: str | None = None
    output_region: str | None = None
    refreshes: str | None = None
    store_references: str | None = None
    phase: str = "resolving"
    ending: str | None = None
    status: str = "Pending"
    status_details: str = "Pending"
    concurrency_limit: int = 0
    error_limit: int = 0
    target_count: int = 0
    released: int = 0
    in_flight: int = 0
    errors: int = 0
    n_pending: int = 0
    n_in_progress: int = 0
    n_success: int = 0
    n_failed: int = 0
    n_timed_out: int = 0
    n_cancelled: int = 0
    n_skipped: int = 0
    n_undelivered: int = 0
    first_released_ms: int | None = None
    ended_ms: int | None = None
    alarm_state: str | None = None
    cut_off_ms: int | None = None
    ending_who: str | None = None

    @property
    def progress(self) -> Progress:
        """What rate control decides by."""
        return Progress(
            self.target_count,
            self.released,
            self.in_flight,
            self.errors,
            self.concurrency_limit,
            self.error_limit,
        )

    @property
    def finished(self) -> int:
        """How many targets have a final status."""
        return self.target_count - self.n_pending - self.n_in_progress


class InvocationRow(msgspec.Struct, frozen=True):
    """One target of a command. `*_wall_ms` is protocol time, every other instant domain time.

    `carrier` says how it reaches its node: as a job, or as a refresh of the node's own association (D53). `error_key`
    is what it failed of, in words that are the same for equal errors (commands/errors.py).
    """

    command_id: str
    resource_id: str
    resource_type: str
    account_id: str
    region: str
    association_id: str | None
    execution_number: int | None
    requested_ms: int
    position: int
    status: str = "Pending"
    status_details: str = "Pending"
    ended_by: str | None = None
    ended_by_who: str | None = None
    released_ms: int | None = None
    expires_ms: int | None = None
    sent_ms: int | None = None
    acknowledged_ms: int | None = None
    ended_ms: int | None = None
    first_sent_wall_ms: int | None = None
    lease_until_wall_ms: int | None = None
    sends: int = 0
    cancel_due_ms: int | None = None
    cancel_job_id: str | None = None
    cancel_until_wall_ms: int | None = None
    cancel_sends: int = 0
    busy_until_ms: int | None = None
    reported_status: str | None = None
    steps_expected: int | None = None
    close_by_wall_ms: int | None = None
    carrier: str = JOB
    error_key: str | None = None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


class StepRow(msgspec.Struct, frozen=True):
    """What a node reported of one step."""

    command_id: str
    resource_id: str
    step_name: str
    position: int
    plugin: str
    status: str
    code: int
    started_ms: int | None
    ended_ms: int | None
    output: str
    standard_output: str
    standard_error: str
