"""What the naive model walks through: nodes, associations, executions and their rows."""

FINAL = ("Success", "Failed", "TimedOut", "Cancelled", "Skipped")


class Node:
    def __init__(self, node_id, tags):
        self.id = node_id
        self.tags = dict(tags)
        self.online = True
        self.heard = None


class Row:
    """One node of one execution."""

    def __init__(self, execution, node):
        self.execution = execution
        self.node = node
        self.status = self.detail = "Pending"
        self.released = self.sent = self.ended = self.expires = self.answers = self.busy_until = None
        self.answer = None

    @property
    def final(self):
        return self.status in FINAL

    def end(self, now, status, detail):
        self.status, self.detail, self.ended = status, detail, now


class Execution:
    def __init__(self, association, cause, now, scope, number):
        self.association = association
        self.definition = association.definition
        self.cause = cause
        self.created = now
        self.scope = scope
        self.number = number
        self.phase = "opened"
        self.status = self.detail = "Pending"
        self.rows = []
        self.ending = None
        self.order = self.serial = None

    @property
    def counts(self):
        found = {}
        for row in self.rows:
            found[row.status] = found.get(row.status, 0) + 1
        return found

    def close(self, status, detail):
        self.phase, self.status, self.detail = "closed", status, detail


class Association:
    def __init__(self, name, definition, now):
        self.name = name
        self.definition = definition
        self.created = self.anchor = now
        self.version = 1
        self.due = None
        self.executions = []
        self.standing = {}
        self.last_runs = {}
        self.resolved = False
        self.waiting_nodes = set()
        self.deleted = False
