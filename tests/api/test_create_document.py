"""CreateDocument over boto3 (spec 5.1, 5.2, 5.7; DOC, D23, D66)."""

import hashlib
import json

import pytest

from refusals import refusal
from stateward.quotas import Quotas
from stateward.wire.protocol import parse_instant

SCRIPT = {"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": ["true"]}}
MINIMAL = {"schemaVersion": "2.2", "mainSteps": [SCRIPT]}
LIMIT = 64 * 1024


def create(ssm, content=MINIMAL, name="runbook", **members):
    members.setdefault("DocumentType", "Command")
    text = content if isinstance(content, str) else json.dumps(content)
    return ssm.create_document(Name=name, Content=text, **members)["DocumentDescription"]


def refused(ssm, content=MINIMAL, name="runbook", **members):
    members.setdefault("DocumentType", "Command")
    text = content if isinstance(content, str) else json.dumps(content)
    return refusal(ssm.create_document, Name=name, Content=text, **members)


def padded(size):
    """A document's text of exactly `size` bytes."""
    text = json.dumps({**MINIMAL, "description": ""})
    return json.dumps({**MINIMAL, "description": "x" * (size - len(text))})


def test_a_new_document_is_creating_then_active_doc_01(ssm, server):
    text = json.dumps(MINIMAL)
    told = create(ssm, text)
    assert told["Status"] == "Creating"
    assert told["Hash"] == hashlib.sha256(text.encode()).hexdigest()
    assert told["HashType"] == "Sha256"
    assert told["DocumentVersion"] == told["LatestVersion"] == told["DefaultVersion"] == "1"
    assert told["Owner"] == "123456789012"
    assert told["DocumentType"] == "Command"
    assert told["DocumentFormat"] == "JSON"
    assert told["SchemaVersion"] == "2.2"
    assert told["PlatformTypes"] == ["Linux", "MacOS"]
    assert told["CreatedDate"].timestamp() == pytest.approx(parse_instant(server.clock()["now"]) / 1000, abs=0.001)
    stored = ssm.describe_document(Name="runbook")["Document"]
    assert stored == {**told, "Status": "Active"}


def test_members_that_were_not_given_are_absent(ssm):
    told = create(ssm)
    assert not {"Description", "VersionName", "DisplayName", "TargetType"} & told.keys()


def test_members_that_were_given_come_back(ssm):
    given = {"VersionName": "first", "DisplayName": "A run book", "TargetType": "/AWS::EC2::Instance"}
    told = create(ssm, {**MINIMAL, "description": "Does nothing."}, **given)
    assert {member: told[member] for member in given} == given
    assert told["Description"] == "Does nothing."
    stored = ssm.describe_document(Name="runbook")["Document"]
    assert {member: stored[member] for member in given} == given


def test_tags_of_the_creation_are_the_documents_tags(ssm):
    told = create(ssm, Tags=[{"Key": "team", "Value": "blue"}])
    assert told["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert ssm.list_tags_for_resource(ResourceType="Document", ResourceId="runbook")["TagList"] == told["Tags"]


def test_duplicate_name_is_refused_doc_02(ssm):
    create(ssm)
    other = {**MINIMAL, "description": "another text"}
    assert refused(ssm, other) == ("DocumentAlreadyExists", "The specified document already exists.")
    assert "Description" not in ssm.describe_document(Name="runbook")["Document"]


def test_names_are_free_in_another_region_d17(server, ssm):
    create(ssm)
    create(server.client(region="eu-west-1"), {**MINIMAL, "description": "European"})
    assert "Description" not in ssm.describe_document(Name="runbook")["Document"]


@pytest.mark.parametrize("name", ["AWS-Mine", "aws-mine", "amazon-mine", "AmazonMine", "amzn-mine"])
def test_names_of_amazon_are_reserved(ssm, name):
    assert refused(ssm, name=name) == (
        "ValidationException",
        f"The document name {name} is reserved: choose one that does not begin with AWS, amazon or amzn.",
    )


def test_parameters_are_flattened_with_text_defaults_doc_11(ssm):
    parameters = {
        "word": {"type": "String", "default": "hello", "description": "What to say."},
        "empty": {"type": "String", "default": ""},
        "required": {"type": "String"},
        "words": {"type": "StringList", "default": ["a", "b c"]},
        "flag": {"type": "Boolean", "default": True},
        "count": {"type": "Integer", "default": 7},
        "map": {"type": "StringMap", "default": {"k": "v"}},
    }
    told = create(ssm, {**MINIMAL, "parameters": parameters})["Parameters"]
    assert [one["Name"] for one in told] == list(parameters)
    shown = {one["Name"]: one for one in told}
    assert shown["word"] == {
        "Name": "word",
        "Type": "String",
        "Description": "What to say.",
        "DefaultValue": "hello",
    }
    assert shown["empty"]["DefaultValue"] == ""
    assert "DefaultValue" not in shown["required"]
    assert json.loads(shown["words"]["DefaultValue"]) == ["a", "b c"]
    assert shown["flag"]["DefaultValue"] == "true"
    assert shown["count"]["DefaultValue"] == "7"
    assert json.loads(shown["map"]["DefaultValue"]) == {"k": "v"}


POWER = {"action": "aws:runPowerShellScript", "name": "power", "inputs": {"runCommand": ["exit 0"]}}
ONLY_LINUX = {**SCRIPT, "precondition": {"StringEquals": ["platformType", "Linux"]}}


@pytest.mark.parametrize(
    ("steps", "platforms"),
    [
        pytest.param([SCRIPT], ["Linux", "MacOS"], id="shell"),
        pytest.param([POWER], ["Windows", "Linux", "MacOS"], id="PowerShell"),
        pytest.param([ONLY_LINUX], ["Linux"], id="precondition"),
        pytest.param([ONLY_LINUX, POWER], ["Windows", "Linux", "MacOS"], id="one fitting step is enough"),
    ],
)
def test_platforms_follow_the_plugins(ssm, steps, platforms):
    assert create(ssm, {**MINIMAL, "mainSteps": steps})["PlatformTypes"] == platforms


def test_schema_1_2_is_a_command_document_by_itself(ssm):
    old = {"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["id"]}]}}}
    told = ssm.create_document(Name="old", Content=json.dumps(old))["DocumentDescription"]
    assert (told["DocumentType"], told["SchemaVersion"]) == ("Command", "1.2")


@pytest.mark.parametrize("version", ["2.0", "2.2"])
def test_schema_2_needs_a_document_type_doc_19(ssm, version):
    content = json.dumps({**MINIMAL, "schemaVersion": version})
    assert refusal(ssm.create_document, Name="runbook", Content=content) == (
        "InvalidDocumentSchemaVersion",
        "Document type is required for schema version 2.0",
    )


@pytest.mark.parametrize("version", ["0.3", "1.0", "3.0", ""])
def test_schema_versions_that_command_documents_lack_are_refused(ssm, version):
    assert refused(ssm, {**MINIMAL, "schemaVersion": version}) == (
        "InvalidDocumentSchemaVersion",
        f"schemaVersion '{version}' is not supported for Command documents: use 1.2, 2.0 or 2.2",
    )


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("Attachments", [{"Key": "SourceUrl", "Values": ["s3://bucket/key"], "Name": "a.zip"}]),
    ],
)
def test_members_without_effect_are_refused_d66(ssm, member, value):
    assert refused(ssm, **{member: value}) == (
        "ValidationException",
        f"{member} is not supported by this version of Stateward",
    )


def test_64_kilobytes_are_accepted_and_no_more_doc_10(ssm):
    create(ssm, padded(LIMIT), "largest")
    assert refused(ssm, padded(LIMIT + 1)) == (
        "MaxDocumentSizeExceeded",
        "The size limit of a document is 64 KB.",
    )


def test_the_size_is_counted_in_bytes_doc_10(ssm):
    wide = json.dumps({**MINIMAL, "description": "ä" * (LIMIT // 2)}, ensure_ascii=False)
    assert len(wide) < LIMIT
    assert refused(ssm, wide)[0] == "MaxDocumentSizeExceeded"


def test_the_number_of_documents_is_limited(start_server):
    ssm = start_server(quotas=Quotas(documents=2)).client()
    create(ssm, name="one")
    create(ssm, name="two")
    assert refused(ssm, name="three") == ("DocumentLimitExceeded", "You can have at most 2 documents.")
    ssm.delete_document(Name="one")
    create(ssm, name="three")


YAML = """\
schemaVersion: {version}
description: Says something.
parameters:
  word:
    type: String
    default: "hello"
mainSteps:
  - action: aws:runShellScript
    name: only
    inputs:
      runCommand:
        - echo {{{{ word }}}}
"""


@pytest.mark.parametrize("version", ["2.2", '"2.2"'])
def test_yaml_versions_need_no_quotes_d23(ssm, version):
    text = YAML.format(version=version)
    told = create(ssm, text, DocumentFormat="YAML")
    assert (told["SchemaVersion"], told["DocumentFormat"]) == ("2.2", "YAML")
    assert told["Description"] == "Says something."
    assert told["Hash"] == hashlib.sha256(text.encode()).hexdigest()


def test_text_is_no_format_of_a_command_document(ssm):
    assert refused(ssm, DocumentFormat="TEXT") == (
        "InvalidDocumentContent",
        "A Command document is JSON or YAML, not TEXT.",
    )


ALIASES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    ("document_format", "text", "reason"),
    [
        pytest.param("JSON", "{", "The JSON content can not be read: not valid JSON", id="cut off"),
        pytest.param("JSON", "hello", "The JSON content can not be read: not valid JSON", id="no JSON"),
        pytest.param("JSON", "[]", "A document is an object with the member schemaVersion.", id="a list"),
        pytest.param("JSON", "null", "A document is an object with the member schemaVersion.", id="null"),
        pytest.param("JSON", "{}", "schemaVersion: missing, use text (in quotes)", id="empty object"),
        pytest.param("JSON", '{"schemaVersion": 2.2}', "schemaVersion: use text (in quotes)", id="a number"),
        pytest.param("JSON", "[" * 60_000, "nested more than 50 levels deep at character 51", id="deep"),
        pytest.param("JSON", '{"a":' * 5_000, "nested more than 50 levels deep", id="deep objects"),
        pytest.param("JSON", '{"a": 1, "a": 2}', "the key 'a' appears twice", id="doubled key"),
        pytest.param("JSON", '{"a": NaN}', "NaN is not a JSON value", id="NaN"),
        pytest.param("JSON", '{"a": ' + "9" * 5_000 + "}", "is too large", id="a huge number"),
        pytest.param("JSON", '{"a": "\\ud800"}', "half of a surrogate pair", id="half a surrogate pair"),
        pytest.param("JSON", "[" + "0," * 20_000 + "0]", "more than 10000 values", id="many values"),
        pytest.param("YAML", ALIASES, "anchors are not allowed, remove &a", id="alias bomb"),
        pytest.param("YAML", "a: *b", "aliases are not allowed, write the value out", id="alias"),
        pytest.param("YAML", "[" * 900, "nested more than 50 levels deep", id="deep YAML"),
        pytest.param("YAML", "!!python/object:os.system {}", "tags are not allowed", id="tag"),
        pytest.param("YAML", "a: b: c", "The YAML content can not be read: not valid YAML", id="no YAML"),
        pytest.param("YAML", "---\na: 1\n---\nb: 2\n", "more than one YAML document", id="two documents"),
        pytest.param("YAML", "just text", "A document is an object with the member", id="a scalar"),
    ],
)
def test_hostile_and_broken_content_is_refused(ssm, document_format, text, reason):
    code, message = refused(ssm, text, DocumentFormat=document_format)
    assert code == "InvalidDocumentContent"
    assert reason in message
    assert len(message) < 1_000
    assert refusal(ssm.describe_document, Name="runbook")[0] == "InvalidDocument"


def step(**changes):
    return {**MINIMAL, "mainSteps": [{**SCRIPT, **changes}]}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param({**MINIMAL, "mainSteps": []}, "mainSteps: empty, a document has at least one step", id="no step"),
        pytest.param({"schemaVersion": "2.2"}, "mainSteps: missing, use a list", id="no steps member"),
        pytest.param(
            {**MINIMAL, "mainSteps": [SCRIPT, SCRIPT]},
            "mainSteps: the name only stands on more than one step",
            id="doubled name",
        ),
        pytest.param(
            step(name="a step"),
            "mainSteps[0].name 'a step': use up to 128 letters, digits, _ and -",
            id="name with a blank",
        ),
        pytest.param(
            step(inputs={}), "mainSteps.only: aws:runShellScript requires the input runCommand", id="missing input"
        ),
        pytest.param(
            step(inputs={"runCommand": ["echo {{ nobody }}"]}),
            "mainSteps.only: {{ nobody }} is not a parameter of this document",
            id="unknown reference",
        ),
        pytest.param(
            {**step(precondition={"StringEquals": ["platformType", "Linux"]}), "schemaVersion": "2.0"},
            "mainSteps[0].precondition: needs schema 2.2, not 2.0",
            id="precondition before 2.2",
        ),
        pytest.param(
            {**MINIMAL, "parameters": {"p": {"type": "Secret"}}},
            "parameters.p.type 'Secret': use one of",
            id="unknown type",
        ),
        pytest.param(
            {**MINIMAL, "parameters": {"p": {"type": "String", "default": "c", "allowedValues": ["a", "b"]}}},
            "parameters.p.default: ",
            id="default outside allowedValues",
        ),
        pytest.param({**MINIMAL, "runtimeConfig": {}}, "runtimeConfig: unknown member in schema 2.2", id="1.2 member"),
    ],
)
def test_content_that_breaks_a_rule_is_refused_with_its_path(ssm, content, reason):
    code, message = refused(ssm, content)
    assert code == "InvalidDocumentContent"
    assert message.startswith(reason)


def test_half_a_surrogate_pair_in_the_text_is_refused(ssm):
    code, _ = refused(ssm, '{"schemaVersion": "2.2", "description": "\ud800"}')
    assert code in ("InvalidDocumentContent", "SerializationException")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        pytest.param(
            {"Name": "a b"},
            "1 validation error detected: Value 'a b' at 'name' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: ^[a-zA-Z0-9_\-.]{3,128}$",
            id="name",
        ),
        pytest.param(
            {"DocumentFormat": "XML"},
            "1 validation error detected: Value 'XML' at 'documentFormat' failed to satisfy constraint: "
            "Member must satisfy enum value set: [YAML, JSON, TEXT]",
            id="format",
        ),
        pytest.param(
            {"Tags": [{"Key": "aws:mine", "Value": "x"}]},
            "The tag key aws:mine is not valid: keys beginning with aws: are reserved.",
            id="tag",
        ),
    ],
)
def test_members_are_checked_before_anything_is_stored(ssm, members, message):
    assert refusal(
        ssm.create_document,
        **{"Name": "runbook", "Content": json.dumps(MINIMAL), "DocumentType": "Command", **members},
    ) == ("ValidationException", message)
    assert refusal(ssm.describe_document, Name="runbook")[0] == "InvalidDocument"
