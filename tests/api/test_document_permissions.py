"""Documents that accounts share over boto3 (spec 5.7; DOC-07, DOC-17, D50, D52)."""

import pytest

from document_calls import OTHER_ACCOUNT, UNKNOWN_VERSION, arn, client_of, no_document, text_of
from refusals import refusal
from stateward.quotas import Quotas

SHARED = arn("runbook")
PUBLIC_SHARING = "/ssm/documents/console/public-sharing-permission"


@pytest.fixture
def name(ssm, document):
    """A document with three versions, the second of them the default."""
    name = document("runbook", text_of(1), VersionName="first", Tags=[{"Key": "team", "Value": "blue"}])
    ssm.update_document(Name=name, Content=text_of(2), VersionName="second")
    ssm.update_document(Name=name, Content=text_of(3), VersionName="third")
    ssm.update_document_default_version(Name=name, DocumentVersion="2")
    return name


@pytest.fixture
def other(server):
    return client_of(server, OTHER_ACCOUNT)


def share(ssm, name, *accounts, **members):
    return ssm.modify_document_permission(Name=name, PermissionType="Share", AccountIdsToAdd=list(accounts), **members)


def unshare(ssm, name, *accounts):
    return ssm.modify_document_permission(Name=name, PermissionType="Share", AccountIdsToRemove=list(accounts))


def permissions(ssm, name, **members):
    return ssm.describe_document_permission(Name=name, PermissionType="Share", **members)


def test_a_document_is_shared_with_nobody_at_first(ssm, name):
    answer = permissions(ssm, name)
    assert (answer["AccountIds"], answer["AccountSharingInfoList"]) == ([], [])
    assert "NextToken" not in answer


def test_accounts_come_and_go(ssm, name):
    answer = share(ssm, name, "222222222222", "111111111111", SharedDocumentVersion="$LATEST")
    assert set(answer) == {"ResponseMetadata"}
    share(ssm, name, "333333333333", "111111111111")
    shown = permissions(ssm, name)
    assert shown["AccountIds"] == ["111111111111", "222222222222", "333333333333"]
    assert shown["AccountSharingInfoList"] == [
        {"AccountId": "111111111111", "SharedDocumentVersion": "$DEFAULT"},
        {"AccountId": "222222222222", "SharedDocumentVersion": "$LATEST"},
        {"AccountId": "333333333333", "SharedDocumentVersion": "$DEFAULT"},
    ]
    unshare(ssm, name, "111111111111", "444444444444")
    assert permissions(ssm, name)["AccountIds"] == ["222222222222", "333333333333"]


def test_all_and_accounts_exclude_each_other_doc_17(ssm, name):
    refused = ("DocumentPermissionLimit", "Accounts can either be all or a group of AWS accounts")
    for member in ("AccountIdsToAdd", "AccountIdsToRemove"):
        asked = {"Name": name, "PermissionType": "Share", member: ["all", "111111111111"]}
        assert refusal(ssm.modify_document_permission, **asked) == refused
    share(ssm, name, "111111111111")
    share(ssm, name, "All")
    assert permissions(ssm, name)["AccountIds"] == ["all"]
    share(ssm, name, "222222222222")
    assert permissions(ssm, name)["AccountIds"] == ["222222222222"]


def test_pages_of_accounts_walk_over_each_once(ssm, name):
    accounts = [f"{number:012}" for number in range(5)]
    share(ssm, name, *accounts)
    found, token = [], {}
    while True:
        page = permissions(ssm, name, MaxResults=2, **token)
        found.append(page["AccountIds"])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == [accounts[:2], accounts[2:4], accounts[4:]]


def test_the_number_of_accounts_is_limited(start_server):
    ssm = start_server(quotas=Quotas(document_shares=2)).client()
    ssm.create_document(Name="runbook", Content=text_of(1), DocumentType="Command")
    share(ssm, "runbook", "111111111111", "222222222222")
    assert refusal(
        ssm.modify_document_permission, Name="runbook", PermissionType="Share", AccountIdsToAdd=["333333333333"]
    ) == ("DocumentPermissionLimit", "A document can be shared with at most 2 accounts.")
    assert permissions(ssm, "runbook")["AccountIds"] == ["111111111111", "222222222222"]


@pytest.mark.parametrize(
    ("operation", "members", "code", "message"),
    [
        pytest.param("modify_document_permission", {"Name": "nobody"}, *no_document("nobody"), id="share nobody"),
        pytest.param("describe_document_permission", {"Name": "nobody"}, *no_document("nobody"), id="see nobody"),
        pytest.param(
            "modify_document_permission",
            {"Name": "AWS-RunShellScript"},
            "InvalidDocument",
            "AWS-RunShellScript is owned by Amazon: its permissions can not be seen or changed.",
            id="share Amazon's",
        ),
        pytest.param(
            "describe_document_permission",
            {"Name": "AWS-RunShellScript"},
            "InvalidDocumentOperation",
            "AWS-RunShellScript is owned by Amazon: its permissions can not be seen or changed.",
            id="see Amazon's",
        ),
        pytest.param(
            "describe_document_permission",
            {"NextToken": "garbled"},
            "InvalidNextToken",
            "The specified token is not valid.",
            id="garbled token",
        ),
        pytest.param(
            "modify_document_permission",
            {"PermissionType": "Own"},
            "ValidationException",
            "1 validation error detected: Value 'Own' at 'permissionType' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Share]",
            id="permission type",
        ),
        pytest.param(
            "modify_document_permission",
            {"AccountIdsToAdd": ["12"]},
            "ValidationException",
            "1 validation error detected: Value '12' at 'accountIdsToAdd.1.member' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: (?i)all|[0-9]{12}",
            id="no account",
        ),
    ],
)
def test_permissions_that_cannot_be_are_refused(ssm, name, operation, members, code, message):
    asked = {"Name": name, "PermissionType": "Share", **members}
    assert refusal(getattr(ssm, operation), **asked) == (code, message)


def test_a_shared_document_cannot_be_deleted_doc_07(ssm, name):
    share(ssm, name, OTHER_ACCOUNT)
    for more in ({}, {"Force": True}):
        assert refusal(ssm.delete_document, Name=name, **more) == (
            "InvalidDocumentOperation",
            "Must unshare document first before delete",
        )
    ssm.delete_document(Name=name, DocumentVersion="1")
    unshare(ssm, name, OTHER_ACCOUNT)
    ssm.delete_document(Name=name)
    assert refusal(ssm.describe_document, Name=name) == no_document(name)


def test_other_accounts_see_nothing_that_is_not_shared_d50(ssm, other, name):
    share(ssm, name, "111111111111")
    for operation in (other.get_document, other.describe_document, other.list_document_versions):
        for asked in (name, SHARED):
            assert refusal(operation, Name=asked) == no_document(asked)


@pytest.mark.parametrize("account", [OTHER_ACCOUNT, "all"])
def test_a_shared_document_is_known_by_its_arn_d50(ssm, other, name, account):
    share(ssm, name, account)
    assert refusal(other.get_document, Name=name) == no_document(name)
    got = other.get_document(Name=SHARED)
    assert (got["Name"], got["Content"], got["DocumentVersion"]) == (SHARED, text_of(2), "2")
    told = other.describe_document(Name=SHARED)["Document"]
    assert (told["Name"], told["Owner"], told["Tags"]) == (SHARED, "123456789012", [])
    unshare(ssm, name, account)
    assert refusal(other.get_document, Name=SHARED) == no_document(SHARED)


@pytest.mark.parametrize(
    ("shared", "asked", "version"),
    [
        pytest.param(None, {}, "2", id="default"),
        pytest.param("$DEFAULT", {"DocumentVersion": "$LATEST"}, "2", id="default for $LATEST"),
        pytest.param("$DEFAULT", {"DocumentVersion": "2"}, "2", id="default by number"),
        pytest.param("$DEFAULT", {"VersionName": "second"}, "2", id="default by name"),
        pytest.param("$DEFAULT", {"DocumentVersion": "3"}, None, id="not by another number"),
        pytest.param("$DEFAULT", {"VersionName": "third"}, None, id="not by another name"),
        pytest.param("$LATEST", {}, "3", id="latest"),
        pytest.param("$LATEST", {"DocumentVersion": "$DEFAULT"}, "3", id="latest for $DEFAULT"),
        pytest.param("$LATEST", {"DocumentVersion": "2"}, None, id="latest and nothing else"),
        pytest.param("$ALL", {}, "2", id="all: default"),
        pytest.param("$ALL", {"DocumentVersion": "$LATEST"}, "3", id="all: latest"),
        pytest.param("$ALL", {"DocumentVersion": "1"}, "1", id="all: any"),
        pytest.param("$ALL", {"VersionName": "first"}, "1", id="all: any by name"),
        pytest.param("$ALL", {"DocumentVersion": "4"}, None, id="all: none that is not there"),
    ],
)
def test_a_share_is_of_one_version_or_of_all_d50(ssm, other, name, shared, asked, version):
    share(ssm, name, OTHER_ACCOUNT, **({} if shared is None else {"SharedDocumentVersion": shared}))
    if version is None:
        assert refusal(other.get_document, Name=SHARED, **asked) == UNKNOWN_VERSION
    else:
        assert other.get_document(Name=SHARED, **asked)["DocumentVersion"] == version
    listed = [one["DocumentVersion"] for one in other.list_document_versions(Name=SHARED)["DocumentVersions"]]
    assert listed == {"$ALL": ["3", "2", "1"], "$LATEST": ["3"]}.get(shared, ["2"])


def names(client, owner):
    found = client.list_documents(Filters=[{"Key": "Owner", "Values": [owner]}])["DocumentIdentifiers"]
    return [one["Name"] for one in found if not one["Name"].startswith(("AWS-", "Amazon"))]


@pytest.mark.parametrize(
    ("account", "owners"),
    [(OTHER_ACCOUNT, {"Private", "All"}), ("all", {"Public", "All"}), ("111111111111", set())],
)
def test_shared_documents_are_listed_by_arn_d50(ssm, other, name, account, owners):
    share(ssm, name, account)
    assert {owner for owner in ("Self", "Amazon", "Public", "Private", "ThirdParty", "All") if names(other, owner)} == (
        owners
    )
    assert names(ssm, "Self") == names(ssm, "Private") == [name]
    assert names(ssm, "Public") == []
    for owner in owners:
        assert names(other, owner) == [SHARED]
    found = other.list_documents(Filters=[{"Key": "Name", "Values": [name]}])["DocumentIdentifiers"]
    assert [(one["Name"], one["Owner"], one["DocumentVersion"]) for one in found] == (
        [(SHARED, "123456789012", "2")] if owners else []
    )


def test_names_that_both_accounts_use_are_told_apart(ssm, other, name):
    other.create_document(Name=name, Content=text_of(9), DocumentType="Command", Tags=[{"Key": "team", "Value": "red"}])
    share(ssm, name, OTHER_ACCOUNT, SharedDocumentVersion="$LATEST")
    pages = other.get_paginator("list_documents").paginate(
        Filters=[{"Key": "Name", "Values": [name]}], PaginationConfig={"PageSize": 1}
    )
    found = [one for page in pages for one in page["DocumentIdentifiers"]]
    assert [(one["Name"], one["DocumentVersion"], len(one["Tags"])) for one in found] == [
        (SHARED, "3", 0),
        (name, "1", 1),
    ]
    assert other.get_document(Name=name)["Content"] == text_of(9)
    assert other.get_document(Name=arn(name, OTHER_ACCOUNT))["Content"] == text_of(9)


def test_only_the_owner_changes_a_shared_document_d50(ssm, other, name):
    share(ssm, name, "all", SharedDocumentVersion="$ALL")
    for operation, members in (
        (other.delete_document, {}),
        (other.update_document, {"Content": text_of(4)}),
        (other.update_document_default_version, {"DocumentVersion": "1"}),
        (other.describe_document_permission, {"PermissionType": "Share"}),
        (other.list_document_metadata_history, {"Metadata": "DocumentReviews"}),
    ):
        assert refusal(operation, Name=name, **members) == no_document(name)


def test_a_share_stays_in_its_region_d17(server, ssm, name):
    share(ssm, name, "all")
    elsewhere = client_of(server, OTHER_ACCOUNT, region="eu-west-1")
    assert refusal(elsewhere.get_document, Name=SHARED) == no_document(SHARED)
    assert names(elsewhere, "All") == []


def test_public_sharing_can_be_blocked_d52(ssm, name):
    ssm.update_service_setting(SettingId=PUBLIC_SHARING, SettingValue="Disable")
    assert refusal(ssm.modify_document_permission, Name=name, PermissionType="Share", AccountIdsToAdd=["all"]) == (
        "DocumentPermissionLimit",
        "Public sharing is blocked by the service setting public-sharing-permission of this account.",
    )
    share(ssm, name, OTHER_ACCOUNT)
    ssm.reset_service_setting(SettingId=PUBLIC_SHARING)
    share(ssm, name, "all")
    assert permissions(ssm, name)["AccountIds"] == ["all"]


def test_associations_run_shared_documents_until_they_are_unshared_d50(server, ssm, other, nodes):
    node = nodes.one()
    other.create_document(Name="theirs", Content=text_of(1), DocumentType="Command")
    other.update_document(Name="theirs", Content=text_of(2))
    share(other, "theirs", "123456789012")
    theirs = arn("theirs", OTHER_ACCOUNT)
    association_id = ssm.create_association(
        Name=theirs,
        DocumentVersion="$LATEST",
        Targets=[{"Key": "InstanceIds", "Values": [node.node_id]}],
        ScheduleExpression="rate(30 minutes)",
    )["AssociationDescription"]["AssociationId"]
    server.settle()
    unshare(other, "theirs", "123456789012")
    server.clock(advance="31m")
    newest, oldest = ssm.describe_association_executions(AssociationId=association_id)["AssociationExecutions"]
    assert oldest["Status"] == "Success"
    assert (newest["Status"], newest["DetailedStatus"]) == ("Failed", "InvalidDocument")
    assert ssm.describe_association(AssociationId=association_id)["AssociationDescription"]["Name"] == theirs
