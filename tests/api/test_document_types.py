"""Documents of every type over boto3 (spec 5.1; DOC-09, DOC-19, D55, D67)."""

import json

import pytest

from document_calls import MINIMAL, SCRIPT, arn
from refusals import refusal

CALENDAR = "\r\n".join(
    (
        "BEGIN:VCALENDAR",
        "PRODID:-//AWS//Change Calendar 1.0//EN",
        "VERSION:2.0",
        "X-CALENDAR-TYPE:DEFAULT_OPEN",
        "END:VCALENDAR",
        "",
    )
)
RUNBOOK = {
    "schemaVersion": "0.3",
    "description": "Waits.",
    "parameters": {
        "InstanceId": {"type": "List<AWS::EC2::Instance::Id>"},
        "Role": {"type": "AWS::IAM::Role::Arn", "default": ""},
        "Count": {"type": "Integer", "default": 3},
    },
    "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1M"}}],
}
TEMPLATE = "Resources:\n  Topic: &topic\n    Type: AWS::SNS::Topic\n    Name: !Ref AWS::StackName\n  Other: *topic\n"
STORED = [
    pytest.param("Session", "JSON", '{ "schemaVersion":"1.0", "sessionType":"Standard_Stream"}', id="Session"),
    pytest.param("Package", "JSON", '{"schemaVersion": "2.0", "version": "1", "packages": {}}', id="Package"),
    pytest.param("ApplicationConfiguration", "JSON", "[1, 2]", id="JSON that is no object"),
    pytest.param("ApplicationConfiguration", "TEXT", "any = thing\n", id="text"),
    pytest.param("ApplicationConfigurationSchema", "JSON", '{"$schema": "http://json-schema.org/"}', id="JSON schema"),
    pytest.param("CloudFormation", "YAML", TEMPLATE, id="YAML with tags and aliases"),
    pytest.param("Automation.ChangeTemplate", "YAML", "schemaVersion: 0.3\nemergencyChange: false\n", id="template"),
    pytest.param("ProblemAnalysis", "JSON", "{}", id="ProblemAnalysis"),
    pytest.param("QuickSetup", "JSON", "{}", id="QuickSetup"),
]


def create(ssm, document_type, content, document_format="JSON", name="anything", **members):
    text = content if isinstance(content, str) else json.dumps(content)
    return ssm.create_document(
        Name=name, Content=text, DocumentType=document_type, DocumentFormat=document_format, **members
    )["DocumentDescription"]


def refused(ssm, document_type, content, document_format="JSON", **members):
    text = content if isinstance(content, str) else json.dumps(content)
    asked = {"Name": "anything", "Content": text, "DocumentFormat": document_format, **members}
    return refusal(ssm.create_document, **({} if document_type is None else {"DocumentType": document_type}), **asked)


@pytest.mark.parametrize("version", ["2.0", "2.2"])
def test_a_policy_document_has_steps_for_nodes(ssm, version):
    told = create(ssm, "Policy", {**MINIMAL, "schemaVersion": version, "parameters": {"p": {"type": "String"}}})
    assert (told["DocumentType"], told["SchemaVersion"], told["PlatformTypes"]) == (
        "Policy",
        version,
        ["Linux", "MacOS"],
    )
    assert told["Parameters"] == [{"Name": "p", "Type": "String"}]


@pytest.mark.parametrize("version", ["1.2", "0.3"])
def test_policy_documents_begin_with_schema_2_0(ssm, version):
    assert refused(ssm, "Policy", {**MINIMAL, "schemaVersion": version}) == (
        "InvalidDocumentSchemaVersion",
        f"schemaVersion '{version}' is not supported for Policy documents: use 2.0 or 2.2",
    )


def test_a_policy_document_is_checked_as_a_command_document(ssm):
    assert refused(ssm, "Policy", {**MINIMAL, "mainSteps": [SCRIPT, SCRIPT]}) == (
        "InvalidDocumentContent",
        "mainSteps: the name only stands on more than one step",
    )


def test_an_automation_document_is_stored_and_described(ssm):
    told = create(ssm, "Automation", RUNBOOK)
    assert (told["DocumentType"], told["SchemaVersion"], told["Description"]) == ("Automation", "0.3", "Waits.")
    assert told["PlatformTypes"] == ["Windows", "Linux", "MacOS"]
    assert told["Parameters"] == [
        {"Name": "InstanceId", "Type": "List<AWS::EC2::Instance::Id>"},
        {"Name": "Role", "Type": "AWS::IAM::Role::Arn", "DefaultValue": ""},
        {"Name": "Count", "Type": "Integer", "DefaultValue": "3"},
    ]
    assert json.loads(ssm.get_document(Name="anything")["Content"]) == RUNBOOK
    assert "schemaVersion: '0.3'" in ssm.get_document(Name="anything", DocumentFormat="YAML")["Content"]


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        pytest.param(
            {**RUNBOOK, "schemaVersion": "2.2"},
            "InvalidDocumentSchemaVersion",
            "schemaVersion '2.2' is not supported for Automation documents: use 0.3",
            id="schema",
        ),
        pytest.param(
            {**RUNBOOK, "mainSteps": [{**RUNBOOK["mainSteps"][0], "nextStep": "nowhere"}]},
            "InvalidDocumentContent",
            "mainSteps.wait.nextStep 'nowhere': there is no step of this name",
            id="next step",
        ),
    ],
)
def test_an_automation_document_that_does_not_hang_together_is_refused(ssm, content, code, message):
    assert refused(ssm, "Automation", content) == (code, message)


def test_automation_documents_need_their_type_named_doc_19(ssm):
    assert refused(ssm, None, RUNBOOK) == (
        "InvalidDocumentSchemaVersion",
        "Document type is required for schema version 0.3",
    )


@pytest.mark.parametrize(
    ("document_type", "document_format", "message"),
    [
        ("Policy", "TEXT", "A Policy document is JSON or YAML, not TEXT."),
        ("Automation", "TEXT", "An Automation document is JSON or YAML, not TEXT."),
        ("ChangeCalendar", "JSON", "A ChangeCalendar document is TEXT, not JSON."),
        ("ChangeCalendar", "YAML", "A ChangeCalendar document is TEXT, not YAML."),
        (None, "TEXT", "A Command document is JSON or YAML, not TEXT."),
    ],
)
def test_types_have_formats(ssm, document_type, document_format, message):
    assert refused(ssm, document_type, "{}", document_format) == ("InvalidDocumentContent", message)


def test_a_calendar_is_text_and_stays_so_doc_09(ssm):
    told = create(ssm, "ChangeCalendar", CALENDAR, "TEXT")
    assert (told["DocumentType"], told["DocumentFormat"], told["Parameters"]) == ("ChangeCalendar", "TEXT", [])
    assert "SchemaVersion" not in told
    assert ssm.get_document(Name="anything")["Content"] == CALENDAR
    assert refusal(ssm.get_document, Name="anything", DocumentFormat="JSON") == (
        "ValidationException",
        "A TEXT document can not be converted to JSON.",
    )
    ssm.update_document(
        Name="anything", Content=CALENDAR.replace("DEFAULT_OPEN", "DEFAULT_CLOSED"), DocumentFormat="TEXT"
    )
    assert ssm.get_calendar_state(CalendarNames=["anything"])["State"] == "OPEN"
    ssm.update_document_default_version(Name="anything", DocumentVersion="2")
    assert ssm.get_calendar_state(CalendarNames=["anything"])["State"] == "CLOSED"


def test_a_calendar_that_cannot_be_read_is_refused_d67(ssm):
    code, message = refused(ssm, "ChangeCalendar", "no calendar", "TEXT")
    assert code == "InvalidDocumentContent"
    assert message
    create(ssm, "ChangeCalendar", CALENDAR, "TEXT")
    asked = {"Name": "anything", "Content": "no calendar", "DocumentFormat": "TEXT"}
    assert refusal(ssm.update_document, **asked) == (code, message)
    assert len(ssm.list_document_versions(Name="anything")["DocumentVersions"]) == 1


@pytest.mark.parametrize(("document_type", "document_format", "text"), STORED)
def test_other_types_are_stored_and_returned_unchanged(ssm, document_type, document_format, text):
    told = create(ssm, document_type, text, document_format)
    assert (told["DocumentType"], told["DocumentFormat"], told["Parameters"]) == (document_type, document_format, [])
    got = ssm.get_document(Name="anything")
    assert (got["Content"], got["DocumentType"], got["DocumentFormat"]) == (text, document_type, document_format)
    filters = [{"Key": "DocumentType", "Values": [document_type]}, {"Key": "Owner", "Values": ["Self"]}]
    assert len(ssm.list_documents(Filters=filters)["DocumentIdentifiers"]) == 1


def test_what_can_be_seen_of_a_stored_content_is_shown(ssm):
    told = create(ssm, "Session", {"schemaVersion": "1.0", "description": "A shell.", "sessionType": "Port"})
    assert (told["SchemaVersion"], told["Description"]) == ("1.0", "A shell.")


@pytest.mark.parametrize(
    ("document_format", "text", "message"),
    [
        ("JSON", "{", "The JSON content can not be read: not valid JSON"),
        ("YAML", "a: b: c", "The YAML content can not be read: not valid YAML"),
    ],
)
def test_stored_content_is_what_its_format_says(ssm, document_format, text, message):
    code, told = refused(ssm, "Package", text, document_format)
    assert code == "InvalidDocumentContent"
    assert told.startswith(message)


def test_stored_content_that_cannot_be_converted_is_said_so_doc_09(ssm):
    create(ssm, "CloudFormation", TEMPLATE, "YAML")
    code, message = refusal(ssm.get_document, Name="anything", DocumentFormat="JSON")
    assert code == "ValidationException"
    assert message.startswith("The YAML content can not be read: line 2, column 10: anchors are not allowed")


def test_a_configuration_names_the_schema_that_it_requires(ssm):
    create(ssm, "ApplicationConfigurationSchema", "{}", name="the-schema", VersionName="first")
    required = [{"Name": "the-schema", "Version": "1"}]
    told = create(ssm, "ApplicationConfiguration", "{}", Requires=required)
    assert told["Requires"] == required
    assert ssm.get_document(Name="anything")["Requires"] == required
    (found,) = ssm.list_documents(Filters=[{"Key": "Name", "Values": ["anything"]}])["DocumentIdentifiers"]
    assert found["Requires"] == required
    assert ssm.update_document(Name="anything", Content='{"a": 1}')["DocumentDescription"]["Requires"] == required


@pytest.mark.parametrize(
    ("document_type", "required", "code", "message"),
    [
        pytest.param(
            "ApplicationConfiguration",
            {"Name": "nobody"},
            "InvalidDocumentContent",
            "Requires nobody: Document with name nobody does not exist.",
            id="unknown",
        ),
        pytest.param(
            "ApplicationConfiguration",
            {"Name": "AWS-RunShellScript", "Version": "7"},
            "InvalidDocumentContent",
            "Requires AWS-RunShellScript: The document version is not valid or does not exist.",
            id="version",
        ),
        pytest.param(
            "Package",
            {"Name": "AWS-RunShellScript"},
            "ValidationException",
            "Requires is only for documents of type ApplicationConfiguration, not Package.",
            id="type",
        ),
    ],
)
def test_what_is_required_exists(ssm, document_type, required, code, message):
    assert refused(ssm, document_type, "{}", Requires=[required]) == (code, message)


def test_a_schema_of_configurations_is_deleted_by_force(ssm):
    create(ssm, "ApplicationConfigurationSchema", "{}")
    assert refusal(ssm.delete_document, Name="anything") == (
        "InvalidDocumentOperation",
        "A document of type ApplicationConfigurationSchema is deleted only with Force.",
    )
    ssm.delete_document(Name="anything", Force=True)
    assert refusal(ssm.get_document, Name="anything")[0] == "InvalidDocument"


@pytest.mark.parametrize("operation", ["GetDocument", "DescribeDocument"])
def test_nodes_read_what_has_steps_for_them_d55(ssm, nodes, operation):
    node = nodes.one(online=False)
    create(ssm, "Policy", MINIMAL, name="policy")
    create(ssm, "Automation", RUNBOOK, name="automation")
    create(ssm, "ChangeCalendar", CALENDAR, "TEXT", name="calendar")
    for name in ("AWS-RunShellScript", "AWS-GatherSoftwareInventory", "policy", arn("policy")):
        assert node.request(operation, Name=name).status_code == 200
    for name, document_type in (("automation", "Automation"), ("calendar", "ChangeCalendar")):
        response = node.request(operation, Name=name)
        assert (response.status_code, response.json()["__type"]) == (400, "AccessDeniedException")
        assert response.json()["message"] == (
            f"{node.node_id} is not authorized to perform: ssm:{operation} on documents of type {document_type}"
        )
