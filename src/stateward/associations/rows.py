"""The rows of State Manager: associations, their versions, executions, and where each node stands."""

from __future__ import annotations

from typing import Any

import msgspec

from stateward.access.principals import Scope

Definition = dict[str, Any]
"""What a caller asked for: the members of CreateAssociation as given, without tags."""


class AssociationRow(msgspec.Struct, frozen=True):
    """An association as it stands now; instants in ms, counters over the currently effective nodes (D29).

    `mode` says how it runs (command, agent, automation), `opens_ms` when its calendars may let waiting nodes run.
    From `state_rank` on: what lists show (docs/design/read-models.md); `bad_nodes` and `owed_nodes` count the newest
    results on effective nodes, `running` the executions that are not closed, `slots` those given to nodes; `recent` has
    the letters of the last runs over all targets.
    """

    association_id: str
    account_id: str
    region: str
    created_ms: int
    updated_ms: int
    version: int
    name: str
    association_name: str | None
    anchor_ms: int
    next_due_ms: int | None
    instance_id: str | None = None
    mode: str = "command"
    document_account: str = ""
    document_region: str = ""
    document_name: str = ""
    document_selector: str = "$DEFAULT"
    last_number: int = 0
    overview_status: str = "Pending"
    overview_detail: str = "Associated"
    resolved: int = 0
    failed_start: str | None = None
    last_execution_ms: int | None = None
    last_success_ms: int | None = None
    n_pending: int = 0
    n_in_progress: int = 0
    n_success: int = 0
    n_failed: int = 0
    n_timed_out: int = 0
    n_cancelled: int = 0
    n_skipped: int = 0
    deleted_ms: int | None = None
    legacy_status: str | None = None
    triggered_alarms: str | None = None
    opens_ms: int | None = None
    resolved_version: int = 0
    paused_ms: int | None = None
    paused_by: str | None = None
    passed_count: int = 0
    passed_dues: str | None = None
    held_cause: str | None = None
    state_rank: int = 1
    state_since_ms: int = 0
    bad_nodes: int = 0
    owed_nodes: int = 0
    held_since_ms: int | None = None
    running: int = 0
    slots: int = 0
    recent: str = ""

    @property
    def is_paused(self) -> bool:
        """Whether nothing starts but by hand (D64); what the columns keep of it: associations/pauses.py."""
        return self.paused_ms is not None

    @property
    def scope(self) -> Scope:
        return Scope(self.account_id, self.region)


class VersionRow(msgspec.Struct, frozen=True):
    association_id: str
    version: int
    created_ms: int
    definition: str

    def members(self) -> Definition:
        return msgspec.json.decode(self.definition)  # type: ignore[no-any-return]


class ExecutionRow(msgspec.Struct, frozen=True):
    """One run of one association version. `scope_nodes` is None for all targets, else a JSON list (D30).

    `resolved_with` is a JSON object: the Parameter Store references it ran with → their versions (D40). `slowest_node`
    took `slowest_ms`; both are known when it is closed. `parent_id` is the execution whose targets it tries again
    (D60). Its counters are those of its command.
    """

    association_id: str
    number: int
    execution_id: str
    account_id: str
    region: str
    cause: str
    scope_nodes: str | None
    association_version: int
    created_ms: int
    started_by: str
    phase: str = "opened"
    status: str = "Pending"
    detailed_status: str = "Pending"
    last_execution_ms: int | None = None
    ended_ms: int | None = None
    command_id: str | None = None
    superseded_by: int | None = None
    resolved_with: str | None = None
    parent_id: str | None = None
    slowest_node: str | None = None
    slowest_ms: int | None = None


class NodeStatusRow(msgspec.Struct, frozen=True):
    """The latest status of an association on one node.

    `summary` to `output_url` are a node's own words (agent mode). From `slot` on: what lists and maps show. `settled`
    is the letter of the newest run that ended, `streak` how many in a row ended so, `since_ms` since when,
    `owed_since_ms` since when runs did not come through; `recent` has the letters of the last runs (letters.py).
    """

    association_id: str
    node_id: str
    number: int
    status: str
    detailed_status: str
    last_run_ms: int | None
    last_success_ms: int | None
    summary: str | None = None
    error_code: str | None = None
    output_url: str | None = None
    slot: int = -1
    status_rank: int = 0
    since_ms: int = 0
    streak: int = 0
    settled: str = ""
    error_key: str | None = None
    owed_since_ms: int | None = None
    recent: str = ""
