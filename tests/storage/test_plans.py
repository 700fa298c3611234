"""No statement reads or sorts a whole growing table: the plans that SQLite makes for every constant of the stores.

The planner looks at the schema and at the statement, not at the rows: nobody runs ANALYZE, so an empty database gives
the plans of a full one (a test below holds both to that).
"""

import re

import apsw
import pytest
from sql_statements import statements

from stateward.storage.dialect import to_sqlite
from stateward.storage.migrations import migrate

GROWING = {
    *(
        "executions",
        "commands",
        "invocations",
        "steps",
        "output_uploads",
        "output_streams",
        "output_rows",
        "events",
        "associations",
    ),
    *("association_versions", "association_nodes", "association_parameters", "association_changes", "agent_reports"),
    *("nodes", "node_keys", "node_channels", "node_changes", "node_clones", "fleet_nodes", "tags", "activations"),
    *("used_signatures", "answered_calls", "compliance_items", "compliance_summaries", "inventory_items"),
    *("parameters", "parameter_versions", "parameter_labels", "document_versions"),
    *("association_slots", "strips", "error_groups"),
}

WALKS = {
    "associations.store_changes.OLDEST": "one row, in the order of its index",
    "associations.store.UNFINISHED_COUNT": "a partial index of what is open; asked for metrics",
    "commands.store.UNFINISHED_TARGETS": "a partial index of what is open; asked for metrics",
    "commands.store_delivery.IN_HAND": "what is open; asked while the virtual clock settles",
    "commands.store_delivery.NODES_TO_REMIND": "partial indexes: what was not taken yet, and cancels under way",
    "nodes.store.CHANGES": "a slice, in the order of its index",
    "nodes.store.REACH": "a count of the nodes; asked for metrics",
    "simulation.store.AT_WORK": "once, at the start of a fleet",
    "simulation.store.EVERY_NODE": "once, at the start of a fleet",
}
"""Statements that are meant to walk, and why that is bounded or rare."""

SORTS = {
    "associations.store_read_models.OF_NODE": "the associations of one node",
    "associations.store_changes.BEHIND_DEFAULT": "the associations behind one document, a slice a write",
    "associations.store_changes.BEHIND_DELETED": "the associations behind one document, a slice a write",
    "associations.store_changes.BEHIND_LATEST": "the associations behind one document, a slice a write",
    "commands.store_errors.GROUPS": "the errors of one command: at most fifty-one",
    "commands.store_delivery.CANCELS": "the cancels of one node",
    "commands.store_delivery.CANCELS_OF": "the cancels of the nodes of a slice",
    "commands.store_delivery.DELIVERABLE_TO": "what waits for the nodes of a slice",
    "commands.store_delivery.STILL_AT_WORK": "the runs of one node",
    "commands.store_history.STEPS": "the steps of one invocation",
    "documents.store_listing.OWN_AND_AMAZON": "names of documents; two owners side by side",
    "documents.store_listing.SHARED": "names of documents shared with one account",
    "parameters.store.LABELLED_UNDER": "the parameters with a label, by path",
    "simulation.store.AT_WORK": "once, at the start of a fleet",
}
"""Statements that sort all that they have found, before the first row is out, and why that is bounded or rare."""

ALIAS = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)(?:\s+(?:AS\s+)?(?!WHERE|JOIN|ON|SET|ORDER|LEFT|GROUP)(\w+))?")
STATEMENTS = [one for one in statements() if not one.id.endswith("COLUMNS")]


class Plan:
    """What SQLite does for a statement."""

    def __init__(self, connection, statement):
        values = (None,) * len(statement.parameters)
        rows = connection.execute(f"EXPLAIN QUERY PLAN {to_sqlite(statement.sql)}", values)
        self._steps = [row[3] for row in rows]
        self._tables = {alias or table: table for table, alias in ALIAS.findall(statement.sql)}

    @property
    def walks(self):
        """Growing tables, or indexes of theirs, that are read from one end to the other."""
        found = [step.split()[1] for step in self._steps if step.startswith("SCAN ")]
        return [self._tables.get(name, name) for name in found if self._tables.get(name, name) in GROWING]

    @property
    def sorts(self):
        """Whether everything is found before the first row is out, in a statement on a growing table."""
        sorts = any("TEMP B-TREE FOR ORDER BY" in step for step in self._steps)
        return sorts and bool(GROWING & set(self._tables.values()))


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    connection = apsw.Connection(str(tmp_path_factory.mktemp("plans") / "db"))
    migrate(connection, 0)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def plans(connection):
    return {statement.id: Plan(connection, statement) for statement in STATEMENTS}


def test_no_growing_table_is_read_from_end_to_end(plans):
    found = {name: plan.walks for name, plan in plans.items() if plan.walks}
    assert {name: walks for name, walks in found.items() if name not in WALKS} == {}
    assert WALKS.keys() - found.keys() == set(), "what walks no more needs no reason"


def test_no_growing_table_is_sorted_as_a_whole(plans):
    found = {name for name, plan in plans.items() if plan.sorts}
    assert found - SORTS.keys() == set()
    assert SORTS.keys() - found == set(), "what sorts no more needs no reason"


def test_every_growing_table_exists(connection):
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert GROWING - names == set()


def test_the_test_sees_a_walk_and_a_sort(connection):
    class Bad:
        parameters = ()
        sql = "SELECT i.command_id FROM invocations i ORDER BY i.sends"

    plan = Plan(connection, Bad)
    assert plan.walks == ["invocations"]
    assert plan.sorts


@pytest.mark.slow_all
def test_rows_do_not_change_the_plans(connection, plans):
    """Else this test would have to be made on a full database."""
    insert = "INSERT INTO used_signatures (node_id, signature_hash, seen_ms) VALUES (?1, ?2, ?3)"
    connection.executemany(insert, [(f"mi-{number}", "x", number) for number in range(5_000)])
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert not any(name.startswith("sqlite_stat") for name in tables), "statistics: somebody has run ANALYZE"
    for statement in STATEMENTS:
        assert Plan(connection, statement)._steps == plans[statement.id]._steps
