"""UpdateDocumentDefaultVersion, ListDocumentVersions and deleting one version over boto3 (spec 5.7; DOC-06)."""

import pytest

from document_calls import UNKNOWN_VERSION, no_document, text_of
from refusals import refusal


@pytest.fixture
def name(ssm, document):
    """A document with three versions, the first of them the default."""
    name = document("runbook", text_of(1), VersionName="first", DisplayName="A run book")
    ssm.update_document(Name=name, Content=text_of(2), VersionName="second")
    ssm.update_document(Name=name, Content=text_of(3))
    return name


def numbers(ssm, name, **members):
    return [int(one["DocumentVersion"]) for one in ssm.list_document_versions(Name=name, **members)["DocumentVersions"]]


def default_of(ssm, name):
    return ssm.describe_document(Name=name)["Document"]["DefaultVersion"]


def test_the_default_moves_and_moves_back(ssm, name):
    answer = ssm.update_document_default_version(Name=name, DocumentVersion="2")
    assert answer["Description"] == {"Name": name, "DefaultVersion": "2", "DefaultVersionName": "second"}
    assert ssm.get_document(Name=name)["Content"] == text_of(2)
    assert (
        ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"][0]["DocumentVersion"]
        == "2"
    )
    answer = ssm.update_document_default_version(Name=name, DocumentVersion="3")
    assert answer["Description"] == {"Name": name, "DefaultVersion": "3"}
    ssm.update_document_default_version(Name=name, DocumentVersion="1")
    assert ssm.get_document(Name=name)["Content"] == text_of(1)


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        pytest.param({"DocumentVersion": "4"}, *UNKNOWN_VERSION, id="version"),
        pytest.param({"Name": "nobody"}, *no_document("nobody"), id="name"),
        pytest.param(
            {"Name": "AWS-RunShellScript"},
            "InvalidDocument",
            "AWS-RunShellScript is owned by Amazon and can not be changed.",
            id="Amazon's",
        ),
        pytest.param(
            {"DocumentVersion": "$LATEST"},
            "ValidationException",
            "1 validation error detected: Value '$LATEST' at 'documentVersion' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: (^[1-9][0-9]*$)",
            id="a word",
        ),
    ],
)
def test_a_default_that_cannot_be_is_refused(ssm, name, members, code, message):
    asked = {"Name": name, "DocumentVersion": "1", **members}
    assert refusal(ssm.update_document_default_version, **asked) == (code, message)
    assert default_of(ssm, name) == "1"


def test_versions_are_listed_newest_first(ssm, name):
    third, second, first = ssm.list_document_versions(Name=name)["DocumentVersions"]
    created = first.pop("CreatedDate")
    assert created == ssm.get_document(Name=name)["CreatedDate"]
    assert first == {
        "Name": name,
        "DisplayName": "A run book",
        "DocumentVersion": "1",
        "VersionName": "first",
        "IsDefaultVersion": True,
        "DocumentFormat": "JSON",
        "Status": "Active",
    }
    assert (second["VersionName"], second["IsDefaultVersion"]) == ("second", False)
    assert (third["DocumentVersion"], "VersionName" in third) == ("3", False)


def test_pages_of_versions_walk_over_each_once(ssm, name):
    pages = ssm.get_paginator("list_document_versions").paginate(Name=name, PaginationConfig={"PageSize": 2})
    assert [[one["DocumentVersion"] for one in page["DocumentVersions"]] for page in pages] == [["3", "2"], ["1"]]


def test_versions_of_amazons_documents_are_listed(ssm):
    assert numbers(ssm, "AWS-RunShellScript") == [1]


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        pytest.param({"Name": "nobody"}, *no_document("nobody"), id="name"),
        pytest.param({"NextToken": "garbled"}, "InvalidNextToken", "The specified token is not valid.", id="token"),
    ],
)
def test_versions_of_nothing_are_refused(ssm, name, members, code, message):
    assert refusal(ssm.list_document_versions, **{"Name": name, **members}) == (code, message)


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        pytest.param({"DocumentVersion": "2"}, [3, 1], id="number"),
        pytest.param({"VersionName": "second"}, [3, 1], id="name"),
        pytest.param({"DocumentVersion": "$LATEST"}, [2, 1], id="$LATEST"),
    ],
)
def test_a_version_that_is_not_the_default_can_be_deleted(ssm, name, asked, left):
    ssm.delete_document(Name=name, **asked)
    assert numbers(ssm, name) == left
    described = ssm.describe_document(Name=name)["Document"]
    assert (described["LatestVersion"], described["DefaultVersion"]) == (str(left[0]), "1")


def test_numbers_of_deleted_versions_are_not_given_again(ssm, name):
    ssm.delete_document(Name=name, DocumentVersion="3")
    assert ssm.get_document(Name=name, DocumentVersion="$LATEST")["DocumentVersion"] == "2"
    told = ssm.update_document(Name=name, Content=text_of(3), DocumentVersion="2")["DocumentDescription"]
    assert told["DocumentVersion"] == "4"


def test_the_default_stays_whatever_is_deleted_doc_06(ssm, name):
    ssm.update_document_default_version(Name=name, DocumentVersion="2")
    refused = ("InvalidDocumentOperation", "Default version of the document can't be deleted.")
    assert refusal(ssm.delete_document, Name=name, VersionName="second") == refused
    assert refusal(ssm.delete_document, Name=name, DocumentVersion="$DEFAULT", Force=True) == refused
    ssm.delete_document(Name=name, DocumentVersion="1")
    assert numbers(ssm, name) == [3, 2]
