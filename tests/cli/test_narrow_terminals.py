"""What a terminal shows that is too narrow for everything: ids, names and statuses before all else (console 6)."""

import pytest

from association_calls import create


@pytest.mark.parametrize("width", [80, 110])
def test_ids_names_and_statuses_are_whole_on_a_narrow_terminal(cli, nightly, width):
    for words in (("nodes", "list"), ("executions", "targets", "nightly-patch/last")):
        titles, *rows = cli.told(*words, "--color", "always", "--limit", "10", COLUMNS=str(width)).splitlines()
        assert titles.split()[:2] == ["NODE", "NAME"]
        assert len(titles) <= width
        for number, row in enumerate(sorted(rows), 1):
            assert row.startswith(f"mi-{number:017}  simulated-{number}"), row
    assert "Online" in cli.told("nodes", "list", "--color", "always", COLUMNS=str(width))


def test_a_long_name_keeps_twelve_signs(cli, fleet):
    fleet.add(1, name="a-name-of-very-many-signs-and-more-of-them")
    titles, row = cli.told("nodes", "list", "--color", "always", COLUMNS="80").splitlines()
    assert "a-name-of-v" in row
    assert len(titles) <= 80


def test_history_at_80_columns_has_what_it_took_and_what_changed(cli, nightly):
    titles, newest, _ = cli.told("history", "nightly-patch", "--color", "always", COLUMNS="80").splitlines()
    assert titles.split() == ["RUN", "STARTED", "STATUS", "NODES", "TOOK", "CHANGED"]
    assert newest.endswith("2 S→F")


def test_nodes_of_one_name_are_told_apart(cli, server, ssm, fleet, document):
    first, second = fleet.add(1, name="web")[0], fleet.add(1, name="web")[0]
    fleet.script(status="Failed", nodes=1, error="disk full")
    create(ssm, document(), AssociationName="both")
    server.settle()
    server.clock(advance="1m")
    assert [row["NAME"] for row in cli.rows("executions", "targets", "both/last")] == ["web", "web"]
    told = cli.told("history", "both", "--map")
    assert all(f"web …{node[-4:]}" in told for node in (first, second))


def test_output_without_a_node_says_which_one_it_took(cli, nightly):
    told = cli("executions", "output", "nightly-patch/last")
    assert "nightly-patch #2 on simulated-" in told.stderr


def test_nodes_at_work_are_not_unwell():
    from stateward.cli.node_page import is_well

    def node(status):
        counts = {"InstanceAssociationStatusAggregatedCount": {status: 1}}
        return {"PingStatus": "Online", "AssociationOverview": counts}

    assert [is_well(node(status)) for status in ("InProgress", "Pending", "Success", "Failed")] == [
        True,
        True,
        True,
        False,
    ]


def test_why_gives_a_command_that_can_be_pasted(cli, nightly, fleet):
    (stranger,) = fleet.add(1, name="stranger")
    told = cli.told("why", "nightly-patch", "stranger")
    assert f"→ stateward nodes tag {stranger} env=prod" in told
