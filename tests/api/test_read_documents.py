"""GetDocument, DescribeDocument and ListDocuments over boto3 (spec 5.6, 5.7; DOC)."""

import json

import pytest
import yaml

from live_server import ACCOUNT
from refusals import refusal
from stateward.access.principals import Scope
from stateward.documents import store
from stateward.documents.rows import new_row

SCRIPT = {"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": ["echo one", "echo two"]}}
MINIMAL = {"schemaVersion": "2.2", "description": "Says one and two.", "mainSteps": [SCRIPT]}
POWER = {"action": "aws:runPowerShellScript", "name": "power", "inputs": {"runCommand": ["exit 0"]}}
OTHER_REGION = "eu-west-1"
BLOCK_YAML = """\
schemaVersion: 2.2
mainSteps:
- action: aws:runShellScript
  name: only
  inputs:
    runCommand:
    - |
      if true; then
        echo ä
      fi
"""
UNKNOWN_VERSION = ("InvalidDocumentVersion", "The document version is not valid or does not exist.")


@pytest.fixture
def versions(ssm, document):
    """A document with two versions, the first of them the default: its name and both contents."""
    first, second = json.dumps(MINIMAL), json.dumps({**MINIMAL, "description": "The second."})
    name = document("runbook", first, VersionName="first")

    ssm.update_document(Name=name, Content=second, VersionName="second")
    return name, first, second


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        pytest.param({}, 1, id="nothing"),
        pytest.param({"DocumentVersion": "$DEFAULT"}, 1, id="$DEFAULT"),
        pytest.param({"DocumentVersion": "$LATEST"}, 2, id="$LATEST"),
        pytest.param({"DocumentVersion": "1"}, 1, id="1"),
        pytest.param({"DocumentVersion": "2"}, 2, id="2"),
        pytest.param({"VersionName": "first"}, 1, id="first"),
        pytest.param({"VersionName": "second"}, 2, id="second"),
        pytest.param({"VersionName": "second", "DocumentVersion": "2"}, 2, id="both"),
    ],
)
def test_a_version_is_found_by_number_word_or_name(ssm, versions, asked, version):
    name, *contents = versions
    got = ssm.get_document(Name=name, **asked)
    assert (got["DocumentVersion"], got["Content"]) == (str(version), contents[version - 1])
    told = ssm.describe_document(Name=name, **asked)["Document"]
    assert (told["DocumentVersion"], told["DefaultVersion"], told["LatestVersion"]) == (str(version), "1", "2")


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"DocumentVersion": "3"}, id="number"),
        pytest.param({"DocumentVersion": "9" * 30}, id="number past 64 bits"),
        pytest.param({"VersionName": "third"}, id="name"),
        pytest.param({"VersionName": "second", "DocumentVersion": "1"}, id="name of another number"),
    ],
)
@pytest.mark.parametrize("operation", ["get_document", "describe_document"])
def test_an_unknown_version_is_refused(ssm, versions, operation, asked):
    assert refusal(getattr(ssm, operation), Name=versions[0], **asked) == UNKNOWN_VERSION


@pytest.mark.parametrize("operation", ["get_document", "describe_document"])
def test_an_unknown_document_is_refused(ssm, operation):
    assert refusal(getattr(ssm, operation), Name="nobody") == (
        "InvalidDocument",
        "Document with name nobody does not exist.",
    )


def test_version_numbers_begin_at_one(ssm, document):
    code, message = refusal(ssm.get_document, Name=document(), DocumentVersion="0")
    assert code == "ValidationException"
    assert message.startswith("1 validation error detected: Value '0' at 'documentVersion' failed to satisfy")


@pytest.mark.parametrize(
    ("arn", "found"),
    [
        pytest.param(f"arn:aws:ssm:us-east-1:{ACCOUNT}:document/runbook", "runbook", id="own"),
        pytest.param("arn:aws:ssm:us-east-1::document/AWS-RunShellScript", "AWS-RunShellScript", id="Amazon's"),
        pytest.param("arn:aws:ssm:us-east-1:999999999999:document/runbook", None, id="other account"),
        pytest.param(f"arn:aws:ssm:{OTHER_REGION}:{ACCOUNT}:document/runbook", None, id="other region"),
        pytest.param(f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/runbook", None, id="no document"),
    ],
)
def test_an_arn_names_the_document_of_its_account(ssm, document, arn, found):
    document("runbook", MINIMAL)
    if found is None:
        assert refusal(ssm.get_document, Name=arn) == ("InvalidDocument", f"Document with name {arn} does not exist.")
    else:
        assert ssm.get_document(Name=arn)["Name"] == found


def test_stored_text_comes_back_byte_for_byte(ssm, document):
    steps = json.dumps([SCRIPT])
    text = '{\n\t"mainSteps":  ' + steps + ',\r\n "schemaVersion":"2.2", "description": "\\u00e4ä" }\n'
    got = ssm.get_document(Name=document("odd", text), DocumentFormat="JSON")
    assert got["Content"] == text
    assert (got["DocumentFormat"], got["Status"], got["DocumentType"]) == ("JSON", "Active", "Command")
    assert "TargetType" not in got


def test_json_becomes_yaml_doc_09(ssm, document):
    got = ssm.get_document(Name=document("runbook", MINIMAL), DocumentFormat="YAML")
    assert got["DocumentFormat"] == "YAML"
    assert not got["Content"].startswith("{")
    assert yaml.safe_load(got["Content"]) == MINIMAL


def test_yaml_becomes_json_doc_09(ssm):
    ssm.create_document(Name="yaml", Content=BLOCK_YAML, DocumentType="Command", DocumentFormat="YAML")
    assert ssm.get_document(Name="yaml")["Content"] == BLOCK_YAML
    got = ssm.get_document(Name="yaml", DocumentFormat="JSON")
    assert json.loads(got["Content"]) == {
        "schemaVersion": "2.2",
        "mainSteps": [
            {
                "action": "aws:runShellScript",
                "name": "only",
                "inputs": {"runCommand": ["if true; then\n  echo ä\nfi\n"]},
            }
        ],
    }


def test_a_converted_document_can_be_created_again_doc_09(ssm, document):
    awkward = {
        **MINIMAL,
        "parameters": {"on": {"type": "String", "default": "yes"}, "n": {"type": "String", "default": "0755"}},
    }
    as_yaml = ssm.get_document(Name=document("runbook", awkward), DocumentFormat="YAML")["Content"]
    ssm.create_document(Name="again", Content=as_yaml, DocumentType="Command", DocumentFormat="YAML")
    assert json.loads(ssm.get_document(Name="again", DocumentFormat="JSON")["Content"]) == awkward


def test_text_is_no_format_to_convert_to_doc_09(ssm, document):
    assert refusal(ssm.get_document, Name=document(), DocumentFormat="TEXT") == (
        "ValidationException",
        "A JSON document can not be converted to TEXT.",
    )


def test_documents_of_amazon_are_there(ssm):
    told = ssm.describe_document(Name="AWS-RunShellScript")["Document"]
    assert (told["Owner"], told["DocumentType"], told["SchemaVersion"]) == ("Amazon", "Command", "1.2")
    assert told["PlatformTypes"] == ["Linux", "MacOS"]
    assert [one["Name"] for one in told["Parameters"]] == ["commands", "workingDirectory", "executionTimeout"]


def names(ssm, **members):
    return [one["Name"] for one in ssm.list_documents(**members)["DocumentIdentifiers"]]


@pytest.fixture
def library_of_four(ssm, document):
    document("backup-data", MINIMAL, TargetType="/AWS::EC2::Instance", Tags=[{"Key": "team", "Value": "blue"}])
    document("backup-logs", {**MINIMAL, "description": "Rotates."}, Tags=[{"Key": "team", "Value": "red"}])
    document("Restore", {**MINIMAL, "mainSteps": [POWER]})
    document("clean.up_1", {**MINIMAL, "description": "No BACKUP."})


OWN = ["Restore", "backup-data", "backup-logs", "clean.up_1"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param({"Name": ["backup"]}, ["backup-data", "backup-logs"], id="name prefix"),
        pytest.param({"Name": ["ackup"]}, [], id="name infix"),
        pytest.param({"Name": ["Restore", "clean"]}, ["Restore", "clean.up_1"], id="two names"),
        pytest.param({"Name": ["%"]}, [], id="no wildcards"),
        pytest.param({"Owner": ["Self"]}, OWN, id="own"),
        pytest.param({"Owner": ["Private"]}, OWN, id="private"),
        pytest.param({"Owner": ["ThirdParty"]}, [], id="third party"),
        pytest.param({"DocumentType": ["Command"], "Owner": ["Self"]}, OWN, id="commands"),
        pytest.param({"DocumentType": ["Automation"], "Owner": ["Self"]}, [], id="automations"),
        pytest.param({"PlatformTypes": ["Windows"], "Owner": ["Self"]}, ["Restore"], id="Windows"),
        pytest.param({"PlatformTypes": ["MacOS"], "Owner": ["Self"]}, OWN, id="macOS"),
        pytest.param({"TargetType": ["/AWS::EC2::Instance"]}, ["backup-data"], id="target type"),
        pytest.param({"SearchKeyword": ["backup"]}, ["backup-data", "backup-logs", "clean.up_1"], id="keyword"),
        pytest.param({"tag:team": ["blue"]}, ["backup-data"], id="tag"),
        pytest.param({"tag:team": ["blue", "red"]}, ["backup-data", "backup-logs"], id="tag with two values"),
        pytest.param({"tag:team": ["green"]}, [], id="tag without match"),
        pytest.param({"Name": ["backup"], "tag:team": ["red"]}, ["backup-logs"], id="two filters"),
    ],
)
def test_filters_narrow_the_list_doc_16(ssm, library_of_four, filters, expected):
    asked = [{"Key": key, "Values": values} for key, values in filters.items()]
    assert names(ssm, Filters=asked) == expected


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("Name", "backup", ["backup-data", "backup-logs"]),
        ("Owner", "Self", OWN),
        ("PlatformTypes", "Windows", ["Restore"]),
        ("DocumentType", "Command", OWN),
        ("DocumentType", "Session", []),
    ],
)
def test_the_older_filters_work_as_well_doc_16(ssm, library_of_four, key, value, expected):
    own = {"key": "Owner", "value": "Self"}
    assert names(ssm, DocumentFilterList=[own, {"key": key, "value": value}]) == expected


@pytest.mark.parametrize("owner", ["Amazon", "Public"])
def test_documents_of_amazon_have_owners_of_their_own_doc_16(ssm, library_of_four, owner):
    found = names(ssm, Filters=[{"Key": "Owner", "Values": [owner]}])
    assert "AWS-RunShellScript" in found
    assert not set(found) & set(OWN)
    everything = names(ssm, Filters=[{"Key": "Owner", "Values": ["All"]}])
    assert everything == sorted([*found, *OWN])


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        pytest.param(
            {
                "Filters": [{"Key": "Name", "Values": ["a"]}],
                "DocumentFilterList": [{"key": "Name", "value": "a"}],
            },
            "ValidationException",
            "Filters and DocumentFilterList can not both be specified.",
            id="both kinds",
        ),
        pytest.param(
            {"Filters": [{"Key": "Colour", "Values": ["a"]}]},
            "InvalidFilterKey",
            "Colour: use one of Name, Owner, DocumentType, PlatformTypes, TargetType, SearchKeyword or tag:<key>",
            id="unknown key",
        ),
        pytest.param(
            {"Filters": [{"Key": "Owner", "Values": ["Me"]}]},
            "ValidationException",
            "Owner ['Me']: use one of Self, Amazon, Public, Private, ThirdParty, All",
            id="unknown owner",
        ),
        pytest.param(
            {"DocumentFilterList": [{"key": "Colour", "value": "a"}]},
            "ValidationException",
            "1 validation error detected: Value 'Colour' at 'documentFilterList.1.member.key' failed to satisfy "
            "constraint: Member must satisfy enum value set: [Name, Owner, PlatformTypes, DocumentType]",
            id="unknown older key",
        ),
        pytest.param(
            {"NextToken": "garbled"}, "InvalidNextToken", "The specified token is not valid.", id="garbled token"
        ),
    ],
)
def test_a_listing_that_makes_no_sense_is_refused(ssm, members, code, message):
    assert refusal(ssm.list_documents, **members) == (code, message)


def test_an_identifier_shows_the_default_version(ssm, versions):
    (shown,) = ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"]
    created = shown.pop("CreatedDate")
    assert created == ssm.get_document(Name="runbook")["CreatedDate"]
    assert shown == {
        "Name": "runbook",
        "Owner": ACCOUNT,
        "VersionName": "first",
        "PlatformTypes": ["Linux", "MacOS"],
        "DocumentVersion": "1",
        "DocumentType": "Command",
        "SchemaVersion": "2.2",
        "DocumentFormat": "JSON",
        "Tags": [],
    }


OWNED = [{"Key": "Owner", "Values": ["Self"]}]


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_pages_walk_over_every_document_once(ssm, library_of_four, size):
    pages = ssm.get_paginator("list_documents").paginate(Filters=OWNED, PaginationConfig={"PageSize": size})
    found = [[one["Name"] for one in page["DocumentIdentifiers"]] for page in pages]
    assert [name for page in found for name in page] == OWN
    assert all(len(page) == size for page in found[:-1])


def test_the_last_page_has_no_token(ssm, library_of_four):
    assert "NextToken" not in ssm.list_documents(Filters=OWNED, MaxResults=4)


def test_documents_that_come_and_go_between_pages_do_no_harm(ssm, library_of_four, document):
    first = ssm.list_documents(Filters=OWNED, MaxResults=2)
    document("Aardvark", MINIMAL)
    document("zebra", MINIMAL)
    ssm.delete_document(Name="backup-data")
    assert names(ssm, Filters=OWNED, NextToken=first["NextToken"]) == ["backup-logs", "clean.up_1", "zebra"]


def test_a_token_belongs_to_its_filters(ssm, library_of_four):
    token = ssm.list_documents(MaxResults=1)["NextToken"]
    assert refusal(ssm.list_documents, NextToken=token, Filters=[{"Key": "Name", "Values": ["b"]}]) == (
        "InvalidNextToken",
        "The specified token is not valid.",
    )


def test_regions_do_not_see_each_others_documents_d17(server, library_of_four):
    assert names(server.client(region=OTHER_REGION), Filters=OWNED) == []


def test_a_long_list_is_walked_whatever_the_filters(server, ssm):
    """The filters are compared in batches: nothing is lost between two of them."""
    scope = Scope(ACCOUNT, "us-east-1")
    expected = [f"doc-{number:03}" for number in range(450)]

    async def work(tx):
        for name in expected:
            await store.add(tx, scope, new_row(scope, name, "Command", "JSON", json.dumps(MINIMAL), tx.now))

    server.writing(work)
    listing = ssm.get_paginator("list_documents")
    for filters in ([], OWNED, [{"Key": "Name", "Values": ["doc-1", "doc-4"]}]):
        pages = listing.paginate(Filters=filters, PaginationConfig={"PageSize": 50})
        found = [one["Name"] for page in pages for one in page["DocumentIdentifiers"]]
        wanted = [name for name in expected if len(filters) == 0 or filters == OWNED or name[4] in "14"]
        assert [name for name in found if name.startswith("doc-")] == wanted
    assert names(ssm, Filters=[{"Key": "Name", "Values": ["doc-449"]}]) == ["doc-449"]
