"""How an association stands, in words."""

import pytest

from stateward.associations import standing
from stateward.associations.rows import AssociationRow
from stateward.console import words


def rest(**members):
    row = AssociationRow("a-1", "123456789012", "us-east-1", 0, 0, 2, "AWS-RunShellScript", None, 0, None, **members)
    return words.stand_of(row).rest


def test_an_update_that_has_not_run_does_not_say_that_there_are_no_nodes():
    assert rest(state_rank=standing.WAITING) == "it has found no nodes yet"
    told = rest(state_rank=standing.WAITING, n_success=1)
    assert told == "version 2 has not run yet; the one before was on 1 node"


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (1, "1 node missed a run, and runs it when it is back"),
        (1200, "1,200 nodes missed a run, and run it when they are back"),
    ],
)
def test_missed_runs_are_told_of_one_node_and_of_many(nodes, expected):
    assert rest(state_rank=standing.OWED, owed_nodes=nodes) == expected
