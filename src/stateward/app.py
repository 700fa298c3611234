"""The composition root: a Server is everything one configuration needs, as often as asked for in one process.

Here stands every reaction to every fact (design 2).
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Any

from stateward import ids
from stateward.access import key_proof
from stateward.access import store as access_store
from stateward.access.authentication import Authenticator
from stateward.access.permissions import NODE_CALLS_BY_ROWS
from stateward.access.principals import Scope
from stateward.access.sealing import MasterKey
from stateward.alarms.endpoint import AlarmEndpoint
from stateward.alarms.file import AlarmFile
from stateward.alarms.posted import PostedAlarms
from stateward.alarms.source import AlarmSource, NoAlarms
from stateward.api import own_operations
from stateward.api.administrators import Door
from stateward.api.calls import CallLog
from stateward.api.extension import Extension
from stateward.api.http import ApiEndpoint
from stateward.api.keys import KeyOperations
from stateward.api.output import OutputRoutes
from stateward.api.perform import Performer, operations_in
from stateward.api.requests import Receive, Send
from stateward.api.sts import CallerIdentity
from stateward.api.token_bucket import Throttle
from stateward.associations import agent_reports, changes, creation, history, legacy, refreshes, verdicts
from stateward.associations import operations as association_operations
from stateward.associations import reactions as association_reactions
from stateward.associations.agent_operations import AgentAssociations
from stateward.associations.asking_why import Questions
from stateward.associations.facts import (
    AgentReported,
    ExecutionChanged,
    NodeStatusChanged,
    OverviewChanged,
    ScheduleChanged,
)
from stateward.associations.node_views import NodeViews
from stateward.calendars.operations import CalendarOperations
from stateward.calendars.service import Calendars
from stateward.clock import SystemClock, VirtualClock
from stateward.commands import node_parameters, uploads
from stateward.commands import operations as command_operations
from stateward.commands import reactions as command_reactions
from stateward.commands.facts import (
    CommandChanged,
    InvocationChanged,
    NodeFreed,
    OutputGivenUp,
    OutputStored,
    OutputWaits,
)
from stateward.commands.output_news import OutputNews
from stateward.compliance import association_items
from stateward.compliance.operations import ComplianceOperations
from stateward.config import DATABASE_FILE, MASTER_KEY_FILE, Config, ConfigurationError
from stateward.console.services import Services
from stateward.console.site import Console
from stateward.documents import document_types, shipping
from stateward.documents import operations as document_operations
from stateward.documents import patterns as document_patterns
from stateward.documents import permissions as document_permissions
from stateward.documents import reading as document_reading
from stateward.documents import reviews as document_reviews
from stateward.documents.facts import DefaultVersionMoved, DocumentDeleted, DocumentVersionAdded
from stateward.engine import arrivals, long_strips, releases, schedules, timeouts, upkeep
from stateward.engine import changes as change_duty
from stateward.engine.arrivals import Arrivals
from stateward.engine.clockwork import Duty, Engine
from stateward.engine.gate import CalendarGate
from stateward.engine.groups import GroupWatch
from stateward.engine.kept_time import KeptTime
from stateward.engine.openings import Openings
from stateward.engine.releases import Releases
from stateward.engine.resolution import Resolution
from stateward.engine.retention import Retention
from stateward.engine.s3 import S3
from stateward.engine.uploads import Uploads
from stateward.events import configured
from stateward.events.delivery import Deliveries
from stateward.events.facts import EventDue
from stateward.events.live import Live
from stateward.events.outbox import Outbox
from stateward.events.retention import Retention as EventRetention
from stateward.events.topics import Topics
from stateward.gateway import key_rotation, message_delivery
from stateward.gateway.channels import Gateway
from stateward.gateway.message_delivery import MessageDelivery
from stateward.gateway.old_keys import OldKeys
from stateward.gateway.operations import NodeCalls
from stateward.inventory import deletion as inventory_deletion
from stateward.inventory import operations as inventory_operations
from stateward.metrics import Metrics
from stateward.nodes import clones, registration
from stateward.nodes import operations as node_operations
from stateward.nodes import store as node_store
from stateward.nodes.facts import (
    CloneSuspected,
    FingerprintAccepted,
    GroupsChanged,
    NodeArrived,
    NodeConnected,
    NodeRemoved,
)
from stateward.nodes.fleet import FleetOperations
from stateward.nodes.groups import ResourceGroups
from stateward.parameters import operations as parameter_operations
from stateward.parameters.facts import ParameterChanged
from stateward.parameters.reading import ParameterReading
from stateward.parameters.vault import Vault
from stateward.routes import routes_of, steering_of
from stateward.settings import operations as setting_operations
from stateward.settings import rules as setting_rules
from stateward.settings import store as settings
from stateward.simulation.simulation import Simulation
from stateward.storage import Database, Snapshot, Transaction
from stateward.tags.facts import TagsChanged
from stateward.tags.operations import TagOperations
from stateward.traces.delivery import Traces, headers_of
from stateward.wire.model import ServiceModel


class Server:
    """One Stateward: storage, operations, engine, gateway, and the ASGI application over them."""

    def __init__(self, config: Config, model: ServiceModel | None = None) -> None:
        self.config = config
        self.model = model or ServiceModel.load()
        self.clock: SystemClock | VirtualClock = VirtualClock() if config.clock == "virtual" else SystemClock()
        self._key_file = config.data_dir / MASTER_KEY_FILE
        self.master = MasterKey.load(self._key_file) if self._key_file.exists() else MasterKey.fresh()
        sinks = configured.sinks(config, self.clock)
        self.db = Database(config.data_dir / DATABASE_FILE, self.clock, durable=config.durable)
        default_scope = Scope(config.account_id, config.region)
        self.authenticator = Authenticator(
            self.db, self.clock, self.master, auth_open=config.auth == "open", default_scope=default_scope
        )
        self.calendars = Calendars(self.db)
        self.alarms = self._alarm_source()
        self.uploads = Uploads(self.db, self.clock, S3(config.s3_endpoint, config.region).put)
        self.gateway = Gateway(self.db, self.clock, self.master, config.output_limit)
        self.output_news = OutputNews()
        self.groups = ResourceGroups(config.groups)
        self.simulation = (
            Simulation(self.db, self.clock, config.simulated_step) if isinstance(self.clock, VirtualClock) else None
        )
        self.engine = Engine(self.db, self.clock, self._duties())
        self.group_watch = GroupWatch(self.db, self.groups)
        self.metrics = Metrics(self.gateway)
        self.deliveries = Deliveries(self.db, self.clock, sinks, self.metrics.observe_events)
        self.metrics.watch_sinks(self.deliveries)
        self.traces = self._traces()
        self.outbox = Outbox(self.clock, self.deliveries.wake, with_nodes=bool(sinks))
        self.calls = CallLog(config.account_id)
        self.live = Live(self.clock.wall(), None if config.auth == "open" else self._known_keys)
        self.documents = document_operations.DocumentOperations(
            {document_types.CALENDAR: self.calendars.check_content}, self.db.reading
        )
        self.performer = Performer(
            model=self.model,
            operations=self._operations(),
            db=self.db,
            clock=self.clock,
            master=self.master,
            page_key=self.master.derive("page tokens"),
            observe=self.metrics.observe,
            quotas=config.quotas,
            throttle=None if config.rate_limit is None else Throttle(config.rate_limit),
            node_calls_by_rows=dict.fromkeys(
                NODE_CALLS_BY_ROWS, node_parameters.NodeParameters(config.node_parameters).may_read
            ),
            extensions=self._extensions(),
            calls=self.calls,
        )
        self.kept_time = KeptTime(self.db, self.clock) if isinstance(self.clock, VirtualClock) else None
        self._react()
        rotation_days = config.rotate_node_keys_days
        self._old_keys = None if rotation_days is None else OldKeys(self.db, self.clock, rotation_days)
        self._upkeep: asyncio.Task[None] | None = None
        self.is_ready = False
        self.output = self._output_routes()
        self.event_readers = self.output.readers
        self.steering = steering_of(self)
        self.console = Console(self._services())
        self._routes = routes_of(self)
        caller_identity = CallerIdentity(self.authenticator, self.db)
        self._api = ApiEndpoint(
            self.performer, self.authenticator, caller_identity, config.allowed_hosts, config.region
        )
        self._messages = MessageDelivery(
            self.db, self.clock, self.authenticator, self.gateway, config.allowed_hosts, self.metrics.observe
        )

    async def start(self) -> None:
        """Take up what the last process left, then begin to serve. Raises AnotherMasterKey."""
        await self._confirm_master_key()
        if self.kept_time is not None:
            await self.kept_time.take_up()
        await self.db.write(self._first_write)
        await self.deliveries.start()
        if self.traces is not None:
            self.traces.start()
        self.gateway.start()
        if self.simulation is not None:
            await self.simulation.start()
        self.engine.start()
        self.group_watch.start()
        self.uploads.start()
        self.live.start()
        events = EventRetention(self.db, self.config.event_retention_days, self.deliveries.sinks)
        chores = [events.clean, *([] if self._old_keys is None else [self._old_keys.ask])]
        self._upkeep = asyncio.create_task(upkeep.keep_up(self.db, self.clock, chores), name="upkeep")
        self.is_ready = True

    async def stop(self) -> None:
        """End at a transaction's edge; what is open goes on at the next start."""
        self.is_ready = False
        await self.live.stop()
        await self.gateway.stop()
        await self.group_watch.stop()
        await self.engine.stop()
        await self.uploads.stop()
        if self._upkeep is not None:
            self._upkeep.cancel()
            await asyncio.gather(self._upkeep, return_exceptions=True)
        await self.deliveries.stop()
        if self.traces is not None:
            await self.traces.stop()
        await self.alarms.close()
        if self.kept_time is not None:
            await self.kept_time.keep()
        await self.db.close()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """The ASGI application: `POST /` goes the short way."""
        if scope["type"] == "http" and scope["path"] == "/" and scope["method"] == "POST":
            await (self._messages if message_delivery.is_meant(scope) else self._api)(scope, receive, send)
        elif scope["type"] in ("http", "websocket"):
            await self._routes(scope, receive, send)

    def _traces(self) -> Traces | None:
        if self.config.otlp_endpoint is None:
            return None
        try:
            headers = headers_of(self.config.otlp_headers)
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        return Traces(self.db, self.clock, self.config.otlp_endpoint, headers, version("stateward"))

    def _duties(self) -> list[Duty]:
        """What the engine does, in the order in which one pass does it."""
        gate = CalendarGate(self.calendars)
        simulation = self.simulation
        return [
            *([] if simulation is None else [simulation.answers]),
            schedules.DUTY,
            timeouts.DUTY,
            change_duty.DUTY,
            Openings(gate).duty,
            *Resolution(gate, self.groups).duties,
            releases.ENDINGS,
            Releases(self.alarms).duty,
            *([] if simulation is None else [simulation.hand_over]),
            Arrivals(gate, self.groups).duty,
            long_strips.duty(),
            Retention(self.clock, self.config.retention_ms, self.config.output_retention_ms).duty,
        ]

    def _operations(self) -> dict[str, Any]:
        tags = TagOperations(
            {
                creation.TAG_TYPE: association_operations.exists,
                document_operations.TAG_TYPE: document_operations.exists,
                registration.TAG_TYPE: node_operations.exists,
                parameter_operations.TAG_TYPE: parameter_operations.exists,
            }
        )
        vault = Vault(self.master)
        return operations_in(
            self.model,
            association_operations,
            legacy,
            history.History(per_run=self.config.per_run_history),
            NodeViews(self.groups),
            AgentAssociations(self.groups),
            command_operations,
            command_operations.InvocationOperations(self.config.s3_endpoint),
            self.documents,
            document_permissions.PermissionOperations(_public_sharing_allowed),
            document_reading,
            document_reviews,
            CalendarOperations(self.calendars),
            node_operations.NodeOperations(history.node_views, self.config.iam_roles),
            FleetOperations(history.node_views, self.config.iam_roles),
            NodeCalls(self.authenticator, self.clock.wall()),
            key_rotation,
            ComplianceOperations(verdicts.manual_severity),
            inventory_operations.InventoryOperations(),
            inventory_deletion,
            parameter_operations.ParameterOperations(vault, document_patterns.matches),
            ParameterReading(vault),
            setting_operations,
            tags,
        )

    def _extensions(self) -> list[Extension]:
        """The operations of Stateward's own, below `/_stateward`."""
        return [
            *KeyOperations(self.master, self.config.account_id).extensions,
            self.calls.extension,
            *own_operations.of_associations(),
            *own_operations.of_executions(self.groups),
            *own_operations.of_questions(self._questions()),
        ]

    def _services(self) -> Services:
        """What the console is given."""
        return Services(
            config=self.config,
            db=self.db,
            clock=self.clock,
            master=self.master,
            authenticator=self.authenticator,
            performer=self.performer,
            groups=self.groups,
            deliveries=self.deliveries,
            live=self.live,
            output_news=self.output_news,
            readers=self.event_readers,
            clock_hand=self.steering.clock,
            fleet_hand=self.steering.fleet,
        )

    def _output_routes(self) -> OutputRoutes:
        door = Door(self.authenticator, allowed_hosts=self.config.allowed_hosts)
        scope = Scope(self.config.account_id, self.config.region)
        return OutputRoutes(
            self.db, self.output_news, door, scope, self.gateway.has_live_output, self.gateway.is_awaited
        )

    def _questions(self) -> Questions:
        return Questions(
            CalendarGate(self.calendars).ask, self.groups, virtual_clock=isinstance(self.clock, VirtualClock)
        )

    def _alarm_source(self) -> AlarmSource:
        source: AlarmSource = NoAlarms()
        if self.config.alarms is not None:
            source = AlarmFile(self.config.alarms)
        elif self.config.alarm_url is not None:
            source = AlarmEndpoint(self.config.alarm_url, self.clock)
        return PostedAlarms(source) if isinstance(self.clock, VirtualClock) else source

    def _react(self) -> None:
        """Every reaction to every fact, in the order in which they run."""
        if self.simulation is not None:
            self.db.react(NodeRemoved, self.simulation.note_removals)
            self.db.react(InvocationChanged, self.simulation.note_changes)
            self.db.react(NodeFreed, self.simulation.note_freed)
        for fact, reaction in (
            (NodeRemoved, command_reactions.end_work_of_removed_nodes),
            (NodeRemoved, legacy.delete_of_removed_nodes),
            (NodeRemoved, agent_reports.forget_removed_nodes),
            (NodeRemoved, association_items.forget_removed_nodes),
            (NodeRemoved, inventory_operations.forget_removed_nodes),
            (NodeRemoved, arrivals.note_removals),
            (NodeRemoved, clones.forget_removed_nodes),
            (NodeRemoved, self.gateway.note_removals),
            (FingerprintAccepted, self.gateway.note_removals),
            (CloneSuspected, self.outbox.write_clones),
            (NodeRemoved, self.engine.note),
            (NodeArrived, arrivals.note_arrivals),
            (NodeArrived, self.engine.note),
            (GroupsChanged, self.engine.note),
            (NodeConnected, arrivals.note_connections),
            (NodeConnected, self.engine.note),
            (TagsChanged, arrivals.note_tags),
            (TagsChanged, self.engine.note),
            (DefaultVersionMoved, changes.note_default_versions),
            (DefaultVersionMoved, self.engine.note),
            (DocumentVersionAdded, changes.note_new_versions),
            (DocumentVersionAdded, self.engine.note),
            (DocumentDeleted, changes.note_deletions),
            (DocumentDeleted, self.engine.note),
            (ParameterChanged, changes.note_parameters),
            (ParameterChanged, self.engine.note),
            (InvocationChanged, association_reactions.note_node_statuses),
            (InvocationChanged, verdicts.note_results),
            (InvocationChanged, refreshes.note_refreshes),
            (InvocationChanged, self.gateway.note_changes),
            (InvocationChanged, uploads.note_closed),
            (InvocationChanged, self.engine.note),
            (InvocationChanged, self.output_news.note_changes),
            (OutputStored, self.output_news.note_output),
            (OutputWaits, self.uploads.note),
            (NodeFreed, self.gateway.note_freed),
            (CommandChanged, association_reactions.roll_up),
            (CommandChanged, self.engine.note),
            (ExecutionChanged, association_reactions.follow_executions),
            (ExecutionChanged, self.engine.note),
            (ScheduleChanged, self.engine.note),
            (AgentReported, agent_reports.keep_words),
            (OverviewChanged, self.outbox.note_overviews),
            (NodeStatusChanged, verdicts.note_departures),
            (NodeStatusChanged, self.outbox.note_node_statuses),
            (EventDue, self.outbox.write),
            (OutputGivenUp, self.outbox.write_outputs),
        ):
            self.db.react(fact, reaction)
        for kind, watching in Topics(self.live).reactions:
            self.db.react(kind, watching)
        if self.kept_time is not None:
            self.db.react(ExecutionChanged, self.kept_time.note)
        if self.traces is not None:
            self.db.react(ExecutionChanged, self.traces.note)

    async def _confirm_master_key(self) -> None:
        if not self.config.new_master_key:
            async with self.db.reading() as tx:
                await key_proof.check(tx, self.master, self._key_file)
        if not self._key_file.exists():
            self.master.save(self._key_file)

    async def _first_write(self, tx: Transaction) -> None:
        await key_proof.keep(tx, self.master)
        await node_store.close_every_channel(tx)
        await shipping.install(tx)
        config = self.config
        if config.admin_access_key_id and config.admin_secret_access_key:
            await self._put_administrator(tx, config.admin_access_key_id, config.admin_secret_access_key)
        elif await access_store.first_access_key(tx, config.account_id) is None:
            await self._put_administrator(tx, ids.access_key_id("AKIA"), ids.secret_access_key())

    async def _put_administrator(self, tx: Transaction, access_key_id: str, secret: str) -> None:
        sealed = self.master.seal("access-key", secret.encode())
        await access_store.put_access_key(
            tx, access_key_id, self.config.account_id, "administrator", sealed, self.clock.wall()
        )

    async def _known_keys(self, access_key_ids: list[str]) -> set[str]:
        async with self.db.reading() as tx:
            return await access_store.known_access_keys(tx, access_key_ids)


async def _public_sharing_allowed(tx: Snapshot, scope: Scope) -> bool:
    """Whether documents may be shared with `all` (D52)."""
    return await settings.value_of(tx, scope, setting_rules.PUBLIC_SHARING) != "Disable"
