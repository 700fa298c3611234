"""What a server tells Prometheus: counters of its own work, and the state of the fleet as the database has it."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version

import msgspec
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    generate_latest,
)

from stateward.associations import store as associations
from stateward.commands import store as commands
from stateward.events.delivery import Deliveries
from stateward.gateway.channels import Gateway
from stateward.nodes import ping
from stateward.nodes import store as nodes
from stateward.storage import Snapshot


class State(msgspec.Struct, frozen=True):
    """How many nodes, unfinished targets and executions there are, and how late the oldest schedule is, in ms."""

    online: int
    lost: int
    pending: int
    in_progress: int
    executions: int
    late_ms: int


async def state_of(tx: Snapshot) -> State:
    """The numbers of every account and region together."""
    reach = await nodes.reach(tx, tx.now - ping.SILENCE_MS)
    work = await commands.unfinished_targets(tx)
    due_ms = await associations.next_due(tx)
    return State(
        online=reach.online,
        lost=reach.registered - reach.online,
        pending=work.pending,
        in_progress=work.in_progress,
        executions=await associations.unfinished_count(tx),
        late_ms=max(0, tx.now - due_ms) if due_ms is not None else 0,
    )


class Metrics:
    """What the server counts, in a registry of its own."""

    def __init__(self, gateway: Gateway) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "stateward_requests",
            "API requests by operation and outcome.",
            ["operation", "code"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "stateward_request_seconds", "How long API requests took.", ["operation"], registry=self._registry
        )
        channels = Gauge("stateward_channels", "Open control channels of nodes.", registry=self._registry)
        channels.set_function(lambda: gateway.open_channels)
        self._nodes = Gauge("stateward_nodes", "Managed nodes by ping status.", ["status"], registry=self._registry)
        self._invocations = Gauge(
            "stateward_invocations", "Unfinished targets of commands by status.", ["status"], registry=self._registry
        )
        self._executions = Gauge(
            "stateward_executions_unfinished", "Association executions that have not ended.", registry=self._registry
        )
        self._late = Gauge(
            "stateward_schedule_late_seconds", "How long the oldest due schedule has waited.", registry=self._registry
        )
        Info("stateward_build", "The program that runs.", registry=self._registry).info(
            {"version": version("stateward")}
        )
        self._events = Counter(
            "stateward_events",
            "Events by sink and outcome: delivered, failed (tries), given_up.",
            ["sink", "outcome"],
            registry=self._registry,
        )
        self._behind = Gauge(
            "stateward_events_behind", "Events that a sink has yet to take.", ["sink"], registry=self._registry
        )

    def observe(self, operation: str, code: str, seconds: float) -> None:
        """Note one request; an operation that does not exist is not given a label of its own."""
        name = operation if code != "UnknownOperationException" else "unknown"
        self._requests.labels(name, code).inc()
        self._seconds.labels(name).observe(seconds)

    def observe_events(self, sink: str, outcome: str, count: int) -> None:
        self._events.labels(sink, outcome).inc(count)

    def watch_sinks(self, deliveries: Deliveries) -> None:
        """Show how far each sink is behind, and its counters from zero on."""
        for sink in deliveries.sinks:
            for outcome in ("delivered", "failed", "given_up"):
                self._events.labels(sink, outcome)
            self._behind.labels(sink).set_function(partial(deliveries.behind, sink))

    def text(self, state: State) -> bytes:
        """Prometheus's text form, with what the database says now."""
        self._nodes.labels("Online").set(state.online)
        self._nodes.labels("ConnectionLost").set(state.lost)
        self._invocations.labels("Pending").set(state.pending)
        self._invocations.labels("InProgress").set(state.in_progress)
        self._executions.set(state.executions)
        self._late.set(state.late_ms / 1000)
        return generate_latest(self._registry)
