"""State Manager's life cycle (spec 3 and 4), written down as simply as can be: lists, and a walk through time.

It reads nothing but what a scenario did and how its nodes answer, knows no database and no counters, and looks at
everything again at every instant. What the server's history says is compared with what this says.
"""

from naive_schedule import fires
from naive_world import Association, Execution, Node, Row

SECOND_MS = 1000
GRACE_MS = 60 * SECOND_MS
DELIVERY_MS = 3600 * SECOND_MS
SILENCE_MS = 10 * 60 * SECOND_MS
MONTH_MS = 30 * 24 * 3600 * SECOND_MS
UNDELIVERED = ("DeliveryTimedOut", "Undeliverable")


class Model:
    def __init__(self, now):
        self.now = now
        self.nodes = {}
        self.associations = {}
        self.answers = {}
        self.closed_times = {}
        self.changes = []
        self.document_changes = []
        self.sequence = self.opened = 0
        # Executions of which something may still be heard; the others are history.
        self.live = []

    # What a scenario does.

    def add_node(self, node_id, tags):
        self.nodes[node_id] = Node(node_id, tags)
        self.nodes[node_id].heard = self.now
        self.changes.append((node_id, "arrived"))
        self.settle()

    def create(self, name, definition):
        association = Association(name, definition, self.now)
        self.associations[name] = association
        association.due = self._first_due(association)
        if not definition.get("only_at_interval"):
            self._open(association, "version:1")
        self.settle()

    def update(self, name, **members):
        association = self.associations[name]
        association.definition = {**association.definition, **members}
        self._stop_unstarted(association, "updated")
        association.version += 1
        association.anchor = self.now
        association.resolved = False
        association.due = self._first_due(association)
        if not association.definition.get("only_at_interval"):
            self._open(association, f"version:{association.version}")
        self.settle()

    def delete(self, name):
        association = self.associations[name]
        self._stop_unstarted(association, "deleted")
        association.deleted, association.due = True, None
        self.settle()

    def start_once(self, name):
        association = self.associations[name]
        self._supersede(association)
        self._open(association, "manual")
        self.settle()

    def move_document(self, name, version):
        """The default version of the association's own document moved."""
        self.document_changes.append((self.associations[name], f"document:{version}:{self.now}"))
        self.settle()

    def tag(self, node_id, **tags):
        node = self.nodes[node_id]
        node.tags = {key: value for key, value in {**node.tags, **tags}.items() if value is not None}
        self.changes.append((node_id, "tags"))
        self.settle()

    def offline(self, node_id):
        self.nodes[node_id].online = False
        self.nodes[node_id].heard = self.now

    def online(self, node_id):
        node = self.nodes[node_id]
        away = self.now - node.heard > MONTH_MS
        node.online, node.heard = True, self.now
        self.changes.append((node_id, "returned" if away else "connected"))
        self.settle()

    def advance(self, to):
        while (instant := self._next_instant(to)) is not None:
            self.now = instant
            self.settle()
        self.now = to
        self.settle()

    # Time.

    def _next_instant(self, to):
        found = [one.due for one in self.associations.values() if one.due is not None]
        for row in self._rows():
            found += [row.answers, row.busy_until]
            found += [None if row.final else row.expires]
        for association in self.associations.values():
            if association.waiting_nodes:
                found.append(self._opens(association))
        later = [one for one in found if one is not None and self.now < one <= to]
        return min(later, default=None)

    def settle(self):
        """Do what is due, in the order of one pass, until nothing more happens."""
        self._answer()
        busy = True
        while busy:
            busy = False
            steps = (
                self._fire,
                self._time_out,
                self._follow_documents,
                self._open_calendars,
                self._resolve,
                self._end,
                self._release,
                self._compare_nodes,
                self._deliver,
            )
            for step in steps:
                busy = step() or busy
        self._forget_the_quiet()

    def _fire(self):
        due = [one for one in self.associations.values() if one.due is not None and one.due <= self.now]
        for association in sorted(due, key=lambda one: one.due):
            fired, association.due = association.due, None
            expression = association.definition["schedule"]
            offset = association.definition.get("offset", 0)
            association.due = fires(expression, fired, association.anchor, offset)
            self._supersede(association)
            self._open(association, f"due:{fired}")
        return bool(due)

    def _time_out(self):
        did = False
        for row in self._rows():
            if not row.final and row.expires is not None and row.expires <= self.now:
                self._finish(row, "TimedOut", "DeliveryTimedOut")
                did = True
            if row.busy_until is not None and row.busy_until <= self.now:
                row.busy_until = None
                did = True
        return did

    def _follow_documents(self):
        changes, self.document_changes = self.document_changes, []
        for association, cause in changes:
            if association.deleted or association.definition.get("only_at_interval"):
                continue
            waiting = [one for one in self._unfinished(association) if one.phase == "opened"]
            if any(one.cause.startswith("document:") for one in waiting):
                continue
            self._stop_unstarted(association, "updated")
            self._open(association, cause)
        return bool(changes)

    def _open_calendars(self):
        did = False
        for association in self.associations.values():
            if association.waiting_nodes and not association.deleted and self._is_open(association.definition):
                nodes, association.waiting_nodes = sorted(association.waiting_nodes), set()
                self._open(association, f"calendar:{self.now}", nodes)
                did = True
        return did

    def _resolve(self):
        opened = [one for one in self._executions() if one.phase == "opened"]
        for execution in sorted(opened, key=lambda one: (one.created, one.serial)):
            association = execution.association
            if not self._is_open(execution.definition):
                execution.close("Skipped", "CalendarClosed")
                self._closed(execution)
                continue
            self.sequence += 1
            execution.phase, execution.order = "running", self.sequence
            nodes = [node for node in self.nodes.values() if self._matches(execution.definition, node)]
            if execution.scope is not None:
                nodes = [node for node in nodes if node.id in execution.scope]
            nodes.sort(key=lambda node: (self._reach(node), association.last_runs.get(node.id, 0), node.id))
            execution.rows = [Row(execution, node) for node in nodes]
            for row in execution.rows:
                self._note(row)
            if execution.scope is None:
                for node_id in set(association.standing) - {node.id for node in nodes}:
                    if association.standing[node_id].execution.number < execution.number:
                        del association.standing[node_id]
            association.resolved = True
            self._roll_up(execution)
        return bool(opened)

    def _end(self):
        did = False
        for execution in self._executions():
            if execution.phase != "running" or execution.ending is None:
                continue
            for row in execution.rows:
                did = self._end_row(row, execution.ending) or did
            self._roll_up(execution)
        return did

    def _end_row(self, row, reason):
        if row.final:
            return False
        if row.sent is None:
            status, detail = {
                "superseded": ("TimedOut", "DeliveryTimedOut"),
                "errors": ("Cancelled", "Terminated"),
            }.get(reason, ("Cancelled", "Cancelled"))
            self._finish(row, status, detail)
            return True
        if reason == "superseded":
            silent = row.answers is None
            self._finish(row, "TimedOut", "TimedOut")
            # A simulated node stops what it was doing at once; a silent one is given a minute.
            row.busy_until = self.now + GRACE_MS if silent else None
            return True
        return False

    def _release(self):
        did = False
        for execution in sorted(self._running(), key=lambda one: (one.created, one.order)):
            if execution.ending is not None:
                continue
            total = len(execution.rows)
            if self._errors(execution) > _part(execution.definition.get("max_errors", "100%"), total):
                execution.ending = "errors"
                did = True
                continue
            slots = _part(execution.definition.get("max_concurrency", "50"), total, least=1)
            at_work = [row for row in execution.rows if row.released is not None and not row.final]
            waiting = [row for row in execution.rows if row.released is None and not row.final]
            for row in waiting[: max(0, slots - len(at_work))]:
                row.released, row.expires = self.now, self.now + self._allowance(execution)
                did = True
            self._roll_up(execution)
        return did

    def _compare_nodes(self):
        changes, self.changes = self.changes, []
        if not changes:
            return False
        resolving = []
        for association in sorted(self.associations.values(), key=lambda one: one.created):
            if association.deleted:
                continue
            runs_on, catches_up = [], {}
            only_at_interval = association.definition.get("only_at_interval")
            for node_id in sorted({node_id for node_id, _ in changes}):
                node, kinds = self.nodes[node_id], {kind for one, kind in changes if one == node_id}
                matches = self._matches(association.definition, node)
                row = association.standing.get(node_id)
                if row is not None and not matches:
                    del association.standing[node_id]
                if not matches or only_at_interval:
                    continue
                busy = any(
                    not one.final
                    for one in self._rows()
                    if one.node is node and one.execution.association is association
                )
                if row is None or ("returned" in kinds and not busy):
                    runs_on.append(node_id)
                elif kinds & {"connected", "returned"} and not busy and row.detail == "DeliveryTimedOut":
                    catches_up.setdefault(row.execution, []).append(node_id)
            assert not (runs_on and not association.resolved and not only_at_interval), "executions are resolved by now"
            if not self._is_open(association.definition):
                association.waiting_nodes |= set(runs_on) | {one for ids in catches_up.values() for one in ids}
                continue
            if runs_on:
                self._open(association, f"nodes:{self.now}", runs_on)
            for missed, node_ids in sorted(catches_up.items(), key=lambda pair: pair[0].number):
                self._open(association, f"catchup:{missed.number}:{self.now}", node_ids)
        return bool(changes) or bool(resolving)

    def _deliver(self):
        did = False
        for node in self.nodes.values():
            if not node.online:
                continue
            mine = [row for row in self._rows() if row.node is node]
            waiting = [row for row in mine if row.released is not None and row.sent is None and not row.final]
            at_work = [row for row in mine if row.sent is not None and not row.final]
            busy = [row for row in mine if row.busy_until is not None and row.busy_until > self.now]
            if waiting and not at_work and not busy:
                row = min(waiting, key=lambda one: (one.execution.created, one.execution.order))
                row.sent = self.now
                row.status = row.detail = "InProgress"
                row.execution.association.last_runs[node.id] = row.released
                self._note(row)
                answer = self._answer_of(row)
                if answer is not None:
                    row.answer, row.answers = answer[0], self.now + answer[1]
                self._roll_up(row.execution)
                did = True
        return did

    def _answer(self):
        for row in self._rows():
            if row.answers is not None and row.answers <= self.now:
                row.answers = None
                if not row.final:
                    detail = "ExecutionTimedOut" if row.answer == "TimedOut" else row.answer
                    self._finish(row, row.answer, detail)
                    self._roll_up(row.execution)

    # Rules.

    def _open(self, association, cause, scope=None):
        same = [one for one in association.executions if one.cause == cause or one.cause.startswith(f"{cause}:")]
        if same and scope is not None:
            cause = f"{cause}:{len(same) + 1}"
        execution = Execution(association, cause, self.now, scope, len(association.executions) + 1)
        if scope is not None and self._is_full(association):
            execution.phase = "waiting"
        if scope is None:
            association.resolved = False
        association.executions.append(execution)
        self.opened += 1
        execution.serial = self.opened
        self.live.append(execution)

    def _is_full(self, association):
        if "max_concurrency" not in association.definition:
            return False
        for execution in self._unfinished(association):
            if execution.phase != "running":
                return True
            at_work = [row for row in execution.rows if row.released is not None and not row.final]
            limit = _part(execution.definition.get("max_concurrency", "50"), len(execution.rows), least=1)
            if execution.ending is None and len(at_work) >= limit:
                return True
        return False

    def _supersede(self, association):
        for execution in self._unfinished(association):
            if execution.scope is None:
                self._cut(execution, "superseded")

    def _stop_unstarted(self, association, reason):
        for execution in self._unfinished(association):
            self._cut(execution, reason)

    def _cut(self, execution, reason):
        if execution.phase != "running":
            execution.close(*(("TimedOut", "TimedOut") if reason == "superseded" else ("Failed", "Cancelled")))
            self._closed(execution)
        elif execution.ending is None or reason == "superseded":
            execution.ending = reason

    def _finish(self, row, status, detail):
        row.end(self.now, status, detail)
        self._note(row)
        if row.sent is not None:
            # Who waited for this node has its full time from now on (D2).
            for other in self._rows():
                if other.node is row.node and not other.final and other.released is not None and other.sent is None:
                    other.expires = self.now + self._allowance(other.execution)
        self._roll_up(row.execution)

    def _note(self, row):
        """The newest execution's word on a node counts."""
        association = row.execution.association
        if association.deleted:
            return
        known = association.standing.get(row.node.id)
        if known is None or known.execution.number <= row.execution.number:
            association.standing[row.node.id] = row

    def _roll_up(self, execution):
        if execution.phase == "closed":
            return
        counts, started = execution.counts, any(row.released is not None for row in execution.rows)
        if counts.get("Pending") or counts.get("InProgress"):
            status = detail = "InProgress" if started else "Pending"
        elif counts.get("Failed"):
            status = detail = "Failed"
        elif counts.get("TimedOut"):
            status = detail = "TimedOut"
        elif counts.get("Cancelled"):
            status, detail = "Failed", "Terminated" if execution.ending == "errors" else "Cancelled"
        elif not counts and execution.ending is not None:
            status, detail = ("TimedOut", "TimedOut") if execution.ending == "superseded" else ("Failed", "Cancelled")
        elif counts and set(counts) == {"Skipped"}:
            status = detail = "Skipped"
        else:
            status = detail = "Success"
        execution.status, execution.detail = status, detail
        if all(row.final for row in execution.rows):
            execution.phase = "closed"
            self._closed(execution)

    def _closed(self, execution):
        for other in self.live:
            if other.association is execution.association and other.phase == "waiting":
                other.phase = "opened"

    def _errors(self, execution):
        return sum(row.status in ("Failed", "TimedOut") and row.detail not in UNDELIVERED for row in execution.rows)

    def _allowance(self, execution):
        return DELIVERY_MS + execution.definition["timeout_s"] * SECOND_MS

    def _matches(self, definition, node):
        kind, wanted = definition["targets"]
        if kind == "all":
            return True
        if kind == "ids":
            return node.id in wanted
        return all(node.tags.get(key) in values for key, values in wanted.items())

    def _reach(self, node):
        if node.online:
            return 0
        return 1 if self.now - node.heard <= SILENCE_MS else 2

    def _answer_of(self, row):
        """(status, delay in ms), or None for a node that never answers."""
        key = (row.execution.association.name, row.execution.number, row.node.id)
        status, delay_ms = self.answers.get(key, ("Success", SECOND_MS))
        return None if status == "silent" else (status, delay_ms)

    def _first_due(self, association):
        expression = association.definition.get("schedule")
        if expression is None:
            return None
        due = fires(expression, self.now, self.now, association.definition.get("offset", 0))
        if due is None and association.definition.get("only_at_interval"):
            return self.now
        return due

    def _is_open(self, definition):
        return not any(start <= self.now < end for start, end in self._closings(definition))

    def _opens(self, association):
        return min(
            (end for start, end in self._closings(association.definition) if start <= self.now < end), default=None
        )

    def _closings(self, definition):
        return [span for name in definition.get("calendars", ()) for span in self.closed_times[name]]

    def _executions(self):
        return list(self.live)

    def _unfinished(self, association):
        return [one for one in self.live if one.association is association and one.phase != "closed"]

    def _forget_the_quiet(self):
        self.live = [
            one
            for one in self.live
            if one.phase != "closed" or any(row.answers or row.busy_until or not row.final for row in one.rows)
        ]

    def _running(self):
        return [one for one in self._executions() if one.phase == "running"]

    def _rows(self):
        return [row for execution in self.live for row in execution.rows]


def _part(text, total, least=0):
    if text.endswith("%"):
        return max(least, total * int(text[:-1]) // 100)
    return int(text)
