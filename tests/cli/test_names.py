"""What people may call associations, executions and nodes (console 6)."""

import pytest

from association_calls import TAGGED, create, executions


def test_a_name_an_id_and_a_prefix_mean_the_same(cli, nightly):
    for text in ("nightly-patch", nightly, nightly[:8], "nigh"):
        (row, _) = cli.rows("executions", "list", text)
        assert row["RUN"] == "nightly-patch/2"


def test_three_letters_are_no_prefix(cli, nightly):
    code, told = cli.refused("history", "nig")
    assert (code, told) == (3, "there is no association 'nig'")


def test_an_ambiguous_prefix_shows_the_candidates(cli, nightly, ssm):
    other = create(ssm, "patch", AssociationName="nightly-backup", Targets=TAGGED)["AssociationId"]
    code, told = cli.refused("history", "nightly")
    assert code == 64
    assert told.splitlines()[0] == "'nightly' means 2 associations: write one of these ids"
    assert sorted(line.strip() for line in told.splitlines()[1:]) == sorted(
        [f"{nightly}  nightly-patch", f"{other}  nightly-backup"]
    )


def test_whoever_misspells_is_told_what_may_be_meant(cli, nightly):
    assert cli.refused("history", "nightly-ptch") == (
        3,
        "there is no association 'nightly-ptch'; did you mean nightly-patch?",
    )


def test_an_association_without_a_name_is_called_like_its_document(cli, ssm, document):
    made = create(ssm, document("clean-up"))["AssociationId"]
    assert cli.json("why", "clean-up")["association"] == made


def test_every_way_to_name_an_execution(cli, nightly, ssm):
    newest, oldest = [row["ExecutionId"] for row in executions(ssm, nightly)]
    ways = [
        newest,
        newest[:18],
        "nightly-patch/2",
        "nightly-patch/last",
        f"{nightly}/last",
        f"nightly-patch/{newest[:20]}",
    ]
    for text in ways:
        assert cli.json("executions", "show", text)["execution"] == newest
    for text in (oldest, "nightly-patch/1", "nightly-patch/last~1"):
        assert cli.json("executions", "show", text)["execution"] == oldest


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("nightly-patch/99", 3, "nightly-patch has no execution #99"),
        ("nightly-patch/last~7", 3, "nightly-patch has no execution 7 before the last: it has only 2"),
        (
            "nightly-patch/zzzz",
            3,
            "'nightly-patch/zzzz': nightly-patch has no execution 'zzzz'; `last` is its newest one",
        ),
        ("00000000-0000-4000-8000-000000000000", 3, "AssociationExecutionDoesNotExist: "),
        ("nightly-patch", 64, "'nightly-patch' is no execution: write its id, the first 4 signs of it or more, or an "),
    ],
)
def test_what_is_no_execution(cli, nightly, text, code, told):
    ended, sentence = cli.refused("executions", "show", text)
    assert ended == code
    assert sentence.startswith(told)


def test_a_node_is_named_by_id_or_name(cli, server, ssm, fleet, document):
    (web,) = fleet.add(1, name="web-017")
    (db,) = fleet.add(1, name="db-002")
    create(ssm, document(), AssociationName="both")
    server.settle()
    assert cli.json("why", "both", "web-017")["node"] == web
    assert cli.json("why", "both", db)["node"] == db
    assert cli.refused("why", "both", "web-018") == (3, "there is no node 'web-018'; did you mean web-017?")
