"""`stateward associations`, as its users type it."""

import pytest

from association_calls import describe


@pytest.fixture
def made(cli, fleet, document):
    """An association by options alone; its id."""
    fleet.add(2, tags={"env": "prod"})
    document("patch")
    words = ("nightly-patch", "-d", "patch", "-t", "env=prod", "-p", "greeting=hi", "--schedule", "rate(1 day)")
    return cli.json("associations", "create", *words, "--max-concurrency", "10%")["AssociationId"]


def test_create_by_options(made, ssm):
    found = describe(ssm, made)
    assert found["AssociationName"] == "nightly-patch"
    assert found["Targets"] == [{"Key": "tag:env", "Values": ["prod"]}]
    assert found["Parameters"] == {"greeting": ["hi"]}
    assert (found["ScheduleExpression"], found["MaxConcurrency"]) == ("rate(1 day)", "10%")


def test_create_from_a_file(cli, document, ssm, tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text(f"Name: {document()}\nTargets: [{{Key: InstanceIds, Values: ['*']}}]\nMaxErrors: '3'\n")
    told = cli.json("associations", "create", "from-file", "--file", path)
    assert describe(ssm, told["AssociationId"])["MaxErrors"] == "3"
    code, sentence = cli.refused("associations", "create", "nothing")
    assert (code, sentence) == (64, "which document? Give --document, or Name in a --file")


def test_edit_keeps_what_is_not_named(cli, made, ssm):
    cli.told("associations", "edit", "nightly-patch", "--max-concurrency", "5")
    found = describe(ssm, made)
    assert (found["AssociationVersion"], found["MaxConcurrency"]) == ("2", "5")
    assert (found["Parameters"], found["ScheduleExpression"]) == ({"greeting": ["hi"]}, "rate(1 day)")


def test_edit_without_a_difference_makes_no_version(cli, made, ssm):
    told = cli("associations", "edit", "nightly-patch", "--max-concurrency", "10%")
    assert told.stderr == "nightly-patch stays as it is\n"
    assert describe(ssm, made)["AssociationVersion"] == "1"


def test_edit_needs_options_where_there_is_no_terminal(cli, made):
    assert cli.refused("associations", "edit", "nightly-patch") == (
        64,
        "edit what? Give options or --file: there is no terminal for an editor",
    )


def test_versions_tell_what_changed(cli, made):
    cli.told("associations", "edit", "nightly-patch", "--max-concurrency", "5")
    second, first = cli.rows("associations", "versions", "nightly-patch")
    assert (second["VERSION"], second["CHANGED"]) == ("2", 'MaxConcurrency "10%" → "5"')
    assert (first["VERSION"], first["CHANGED"]) == ("1", "")


def test_list_and_show(cli, made, server):
    server.settle()
    server.clock(advance="1m")
    (row,) = cli.rows("associations", "list", "--status", "Success")
    assert (row["ASSOCIATION"], row["NODES"], row["TARGETS"]) == ("nightly-patch", "2 Success", "env=prod")
    assert cli.told("associations", "list", "-o", "name") == "nightly-patch\n"
    assert cli.rows("associations", "list", "--status", "Failed") == []
    shown = cli.told("associations", "show", "nigh")
    assert "Schedule      rate(1 day)\n" in shown
    assert "Next          20" in shown


def test_next_and_pause(cli, made, server):
    times = cli.rows("associations", "next", "nightly-patch", "--count", "3")
    assert len({row["NEXT"] for row in times}) == 3
    assert "is paused" in cli("associations", "pause", "nightly-patch").stderr
    server.clock(advance="3d")
    told = cli("associations", "resume", "nightly-patch").stderr
    assert "nightly-patch runs again; 3 due times have passed" in told
    assert "was not paused" in cli("associations", "resume", "nightly-patch").stderr


def test_delete_asks_unless_told_not_to(cli, made, ssm):
    assert cli.refused("associations", "delete", "nightly-patch") == (
        64,
        "delete asks before it deletes, and there is no terminal: give --yes",
    )
    assert "nightly-patch is deleted" in cli("associations", "delete", "nightly-patch", "--yes").stderr
    assert ssm.list_associations()["Associations"] == []
