"""UpdateDocumentMetadata and ListDocumentMetadataHistory over boto3 (spec 5.7)."""

import pytest

from document_calls import UNKNOWN_VERSION, no_document, text_of
from live_server import KEY_ID
from refusals import refusal


@pytest.fixture
def name(ssm, document):
    """A document with two versions, the first of them the default."""
    name = document("runbook", text_of(1))
    ssm.update_document(Name=name, Content=text_of(2))
    return name


def review(ssm, name, action, comment=None, **members):
    reviews = {"Action": action}
    if comment is not None:
        reviews["Comment"] = [{"Type": "Comment", "Content": comment}]
    return ssm.update_document_metadata(Name=name, DocumentReviews=reviews, **members)


def history(ssm, name, **members):
    answer = ssm.list_document_metadata_history(Name=name, Metadata="DocumentReviews", **members)
    return [
        (one["ReviewStatus"], *(comment["Content"] for comment in one.get("Comment", ())))
        for one in answer["Metadata"]["ReviewerResponse"]
    ]


def test_nothing_is_said_of_reviews_before_there_are_any(ssm, name):
    told = ssm.describe_document(Name=name)["Document"]
    assert not {"ReviewStatus", "ReviewInformation", "ApprovedVersion", "PendingReviewVersion"} & told.keys()
    answer = ssm.list_document_metadata_history(Name=name, Metadata="DocumentReviews")
    assert (answer["Name"], answer["DocumentVersion"]) == (name, "1")
    assert answer["Metadata"] == {"ReviewerResponse": []}
    assert "Author" not in answer


def test_a_version_is_sent_for_review_and_approved(server, ssm, name):
    assert set(review(ssm, name, "SendForReview", "please", DocumentVersion="2")) == {"ResponseMetadata"}
    told = ssm.describe_document(Name=name, DocumentVersion="2")["Document"]
    assert (told["ReviewStatus"], told["PendingReviewVersion"]) == ("PENDING", "2")
    assert "ReviewStatus" not in ssm.describe_document(Name=name)["Document"]
    server.clock(advance="1h")
    review(ssm, name, "UpdateReview", "pretty please", DocumentVersion="$LATEST")
    server.clock(advance="1h")
    review(ssm, name, "Approve", DocumentVersion="2")
    assert history(ssm, name, DocumentVersion="2") == [("APPROVED",), ("PENDING", "pretty please")]
    told = ssm.describe_document(Name=name, DocumentVersion="2")["Document"]
    assert (told["ReviewStatus"], told["ApprovedVersion"]) == ("APPROVED", "2")
    assert "PendingReviewVersion" not in told
    (information,) = told["ReviewInformation"]
    assert (information["Status"], information["Reviewer"]) == ("APPROVED", KEY_ID)
    answer = ssm.list_document_metadata_history(Name=name, DocumentVersion="2", Metadata="DocumentReviews")
    newest, oldest = answer["Metadata"]["ReviewerResponse"]
    assert answer["Author"] == newest["Reviewer"] == KEY_ID
    assert (oldest["UpdatedTime"] - oldest["CreateTime"]).total_seconds() == 3600
    assert newest["CreateTime"] == information["ReviewedTime"]


def test_the_status_is_shown_with_content_and_versions(ssm, name):
    review(ssm, name, "SendForReview")
    review(ssm, name, "Reject", "no")
    assert ssm.get_document(Name=name)["ReviewStatus"] == "REJECTED"
    listed = ssm.list_document_versions(Name=name)["DocumentVersions"]
    assert [one.get("ReviewStatus") for one in listed] == [None, "REJECTED"]
    (found,) = ssm.list_documents(Filters=[{"Key": "Name", "Values": [name]}])["DocumentIdentifiers"]
    assert found["ReviewStatus"] == "REJECTED"
    review(ssm, name, "SendForReview")
    assert history(ssm, name) == [("PENDING",), ("REJECTED", "no"), ("PENDING",)]


def test_pages_of_reviews_walk_over_each_once(ssm, name):
    for _ in range(2):
        review(ssm, name, "SendForReview")
        review(ssm, name, "Reject")
    first = ssm.list_document_metadata_history(Name=name, Metadata="DocumentReviews", MaxResults=3)
    assert len(first["Metadata"]["ReviewerResponse"]) == 3
    assert history(ssm, name, MaxResults=3, NextToken=first["NextToken"]) == [("PENDING",)]


def test_reviews_go_with_their_version(ssm, name):
    review(ssm, name, "SendForReview", DocumentVersion="2")
    ssm.delete_document(Name=name, DocumentVersion="2")
    assert (
        refusal(ssm.list_document_metadata_history, Name=name, Metadata="DocumentReviews", DocumentVersion="2")
        == UNKNOWN_VERSION
    )
    review(ssm, name, "SendForReview")
    ssm.delete_document(Name=name)
    ssm.create_document(Name=name, Content=text_of(1), DocumentType="Command")
    assert history(ssm, name) == []


NOT_WAITING = "Version 1 of runbook does not wait for a review: use SendForReview first."


@pytest.mark.parametrize(
    ("action", "members", "code", "message"),
    [
        pytest.param("Approve", {}, "InvalidDocumentOperation", NOT_WAITING, id="approve"),
        pytest.param("Reject", {}, "InvalidDocumentOperation", NOT_WAITING, id="reject"),
        pytest.param("UpdateReview", {}, "InvalidDocumentOperation", NOT_WAITING, id="update"),
        pytest.param("SendForReview", {"DocumentVersion": "3"}, *UNKNOWN_VERSION, id="version"),
        pytest.param("SendForReview", {"Name": "nobody"}, *no_document("nobody"), id="name"),
        pytest.param(
            "SendForReview",
            {"Name": "AWS-RunShellScript"},
            "InvalidDocumentOperation",
            "AWS-RunShellScript is owned by Amazon and can not be reviewed.",
            id="Amazon's",
        ),
    ],
)
def test_a_review_that_makes_no_sense_is_refused(ssm, name, action, members, code, message):
    asked = {"Name": name, "DocumentReviews": {"Action": action}, **members}
    assert refusal(ssm.update_document_metadata, **asked) == (code, message)
    assert history(ssm, name) == []


def test_a_version_waits_for_one_review_at_a_time(ssm, name):
    review(ssm, name, "SendForReview")
    assert refusal(ssm.update_document_metadata, Name=name, DocumentReviews={"Action": "SendForReview"}) == (
        "InvalidDocumentOperation",
        "Version 1 of runbook already waits for a review: use UpdateReview to change what you said.",
    )


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        pytest.param({"Name": "nobody"}, *no_document("nobody"), id="name"),
        pytest.param({"DocumentVersion": "3"}, *UNKNOWN_VERSION, id="version"),
        pytest.param({"NextToken": "garbled"}, "InvalidNextToken", "The specified token is not valid.", id="token"),
    ],
)
def test_a_history_of_nothing_is_refused(ssm, name, members, code, message):
    asked = {"Name": name, "Metadata": "DocumentReviews", **members}
    assert refusal(ssm.list_document_metadata_history, **asked) == (code, message)
