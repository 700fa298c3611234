"""UpdateAssociation: versions, what an omission clears, what it starts (spec 2.5)."""

import pytest

from association_calls import (
    EVERY_NODE,
    TAGGED,
    UNKNOWN_ID,
    create,
    describe,
    executions,
    newest_targets,
    refusal,
    start_once,
    statuses,
)
from stateward.quotas import Quotas


@pytest.fixture
def association(server, ssm, nodes, document):
    """An association with every optional member, after its first run on one node."""
    nodes.one()
    made = create(
        ssm,
        document(),
        AssociationName="nightly",
        DocumentVersion="1",
        Parameters={"greeting": ["hi"]},
        ScheduleExpression="rate(1 hour)",
        MaxErrors="5",
        MaxConcurrency="5",
        ComplianceSeverity="LOW",
        SyncCompliance="AUTO",
    )
    server.settle()
    return made


def update(ssm, association, **members):
    return ssm.update_association(AssociationId=association["AssociationId"], **members)["AssociationDescription"]


def test_version_and_dates_move_upd_01_upd_05(server, ssm, association):
    server.clock(advance="1m")
    changed = update(ssm, association)
    assert changed["AssociationVersion"] == "2"
    assert changed["Date"] == association["Date"]
    assert changed["LastUpdateAssociationDate"] > association["LastUpdateAssociationDate"]
    assert changed["Overview"] == {"Status": "Pending", "DetailedStatus": "Creating"}
    assert changed["LastExecutionDate"] == changed["LastSuccessfulExecutionDate"]


def test_omitted_members_are_cleared_upd_02(ssm, association):
    changed = update(ssm, association)
    gone = {"ScheduleExpression", "AssociationName", "Parameters", "MaxErrors", "MaxConcurrency"}
    assert not (gone | {"ComplianceSeverity", "SyncCompliance"}) & set(changed)
    assert changed == {**describe(ssm, association["AssociationId"]), "Overview": changed["Overview"]}


def test_name_and_targets_are_kept_upd_03(ssm, association):
    changed = update(ssm, association)
    assert changed["Name"] == "echo-twice"
    assert changed["Targets"] == EVERY_NODE


def test_the_document_version_returns_to_default_upd_04(ssm, association):
    assert association["DocumentVersion"] == "1"
    assert update(ssm, association)["DocumentVersion"] == "$DEFAULT"


@pytest.mark.parametrize("version", ["1", "$LATEST", None])
def test_the_current_version_may_be_named_upd_06(ssm, association, version):
    given = {} if version is None else {"AssociationVersion": version}
    assert update(ssm, association, **given)["AssociationVersion"] == "2"


@pytest.mark.parametrize("version", ["1", "9"])
def test_a_stale_version_is_refused_upd_06(ssm, association, version):
    update(ssm, association)
    refused = refusal(update, ssm, association, AssociationVersion=version)
    assert refused == ("InvalidAssociationVersion", "The specified version is not the latest version")
    assert describe(ssm, association["AssociationId"])["AssociationVersion"] == "2"


def test_an_unknown_id_is_refused_upd_07(ssm):
    code, message = refusal(ssm.update_association, AssociationId=UNKNOWN_ID)
    assert code == "AssociationDoesNotExist"
    assert UNKNOWN_ID in message


def test_the_limit_of_versions_upd_08(start_server):
    ssm = start_server(quotas=Quotas(association_versions=2)).client()
    words = {"commands": ["true"]}
    association = create(ssm, "AWS-RunShellScript", Parameters=words)
    update(ssm, association, Parameters=words)
    assert refusal(update, ssm, association, Parameters=words) == (
        "AssociationVersionLimitExceeded",
        "An association has at most 2 versions.",
    )


def test_an_update_runs_at_once_upd_09(server, ssm, association):
    update(ssm, association, Parameters={"greeting": ["servus"]})
    server.settle()
    newest, first = executions(ssm, association["AssociationId"])
    assert (newest["AssociationVersion"], first["AssociationVersion"]) == ("2", "1")
    assert newest["Status"] == "Success"


def test_only_at_cron_interval_keeps_an_update_from_running_upd_09_upd_11(server, ssm, association):
    changed = update(ssm, association, ScheduleExpression="cron(0 12 * * ? *)", ApplyOnlyAtCronInterval=True)
    server.settle()
    assert changed["ApplyOnlyAtCronInterval"] is True
    assert len(executions(ssm, association["AssociationId"])) == 1
    assert update(ssm, association)["ApplyOnlyAtCronInterval"] is False
    server.settle()
    assert len(executions(ssm, association["AssociationId"])) == 2


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"Targets": [{"Key": "x", "Values": ["y"]}]}, "InvalidTarget"),
        ({"Name": "nothing-there"}, "InvalidDocument"),
        ({"DocumentVersion": "3"}, "InvalidDocumentVersion"),
        ({"ScheduleExpression": "rate(1 minute)"}, "InvalidSchedule"),
        ({"Parameters": {"x": ["y"]}}, "InvalidParameters"),
    ],
)
def test_a_bad_update_changes_nothing(server, ssm, association, members, code):
    before = describe(ssm, association["AssociationId"])
    assert refusal(update, ssm, association, **members)[0] == code
    server.settle()
    assert describe(ssm, association["AssociationId"]) == before


def test_running_nodes_finish_and_waiting_ones_stop_upd_10(server, ssm, nodes, document):
    first, second = nodes.add(2, holds=True)
    association = create(ssm, document(), MaxConcurrency="1")
    running = first if _has_job(server, first) else second
    waiting = second if running is first else first
    (old,) = running.wait_for_jobs()
    update(ssm, association, Parameters={"greeting": ["new"]})
    (new,) = waiting.wait_for_jobs()
    assert new.parameters == {"greeting": "new"}
    assert running.wait_for_jobs() == [old], "the running node must finish before the new version reaches it (D3)"
    old.finish()
    new.finish()
    running.wait_for_jobs(2)[1].finish()
    server.settle()
    assert statuses(ssm, association["AssociationId"]) == [
        ("Success", "Success", "{Success=2}"),
        ("Failed", "Cancelled", "{Cancelled=1, Success=1}"),
    ]


def test_the_schedule_counts_from_the_update(server, ssm, association):
    server.clock(advance="50m")
    update(ssm, association, ScheduleExpression="rate(1 hour)")
    server.clock(advance="59m")
    assert len(executions(ssm, association["AssociationId"])) == 2
    server.clock(advance="1m")
    assert len(executions(ssm, association["AssociationId"])) == 3


def test_new_targets_take_the_place_of_the_old(server, ssm, association, nodes):
    tagged = nodes.one(tags={"env": "prod"})
    server.settle()
    update(ssm, association, Targets=TAGGED)
    server.settle()
    assert list(newest_targets(ssm, association["AssociationId"])) == [tagged.node_id]
    counts = describe(ssm, association["AssociationId"])["Overview"]["AssociationStatusAggregatedCount"]
    assert counts == {"Success": 1}


def test_an_old_version_is_still_described_des_01(ssm, association):
    update(ssm, association)
    old = describe(ssm, association["AssociationId"], AssociationVersion="1")
    assert old["AssociationVersion"] == "1"
    assert old["Parameters"] == {"greeting": ["hi"]}
    assert describe(ssm, association["AssociationId"], AssociationVersion="$LATEST")["AssociationVersion"] == "2"


def test_an_unknown_version_is_refused_des_02(ssm, association):
    code, _ = refusal(describe, ssm, association["AssociationId"], AssociationVersion="2")
    assert code == "InvalidAssociationVersion"


def test_a_manual_start_runs_the_latest_version_onc_05(server, ssm, association):
    update(ssm, association, Parameters={"greeting": ["x"]})
    server.settle()
    start_once(ssm, association["AssociationId"])
    server.settle()
    assert executions(ssm, association["AssociationId"])[0]["AssociationVersion"] == "2"


def _has_job(server, node):
    server.clock(advance="0s", wait_for_nodes="100ms")
    return bool(node.jobs)
