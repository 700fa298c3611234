import pytest

from stateward.wire.errors import AwsError
from stateward.wire.model import ServiceModel
from stateward.wire.validation import ShapeCompiler, Validator

ASSOCIATION_ID = "a3363996-df35-58ea-99ab-828192b4241f"
ASSOCIATION_ID_RULE = (
    "Member must satisfy regular expression pattern: "
    "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
)
CONCURRENCY_RULE = "Member must satisfy regular expression pattern: ^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$"
NODE = "mi-931037a4338c5757b"


@pytest.fixture(scope="module")
def model() -> ServiceModel:
    return ServiceModel.load()


def refused(model, operation, request):
    with pytest.raises(AwsError) as raised:
        model.input_validator(operation)(request)
    assert raised.value.status == 400
    return raised.value


def violation(value, path, rule):
    return f"1 validation error detected: Value {value} at '{path}' failed to satisfy constraint: {rule}"


def target(**members):
    return {"Key": "tag:env", "Values": ["a"], **members}


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        pytest.param(
            "DescribeAssociationExecutions",
            {"AssociationId": "a"},
            violation("'a'", "associationId", ASSOCIATION_ID_RULE),
            id="GEN-04",
        ),
        pytest.param(
            "DescribeAssociation",
            {"AssociationId": ""},
            violation("''", "associationId", ASSOCIATION_ID_RULE),
            id="DES-03",
        ),
        pytest.param(
            "DescribeAssociationExecutionTargets",
            {"AssociationId": "a", "ExecutionId": "b"},
            "2 validation errors detected: "
            f"Value 'a' at 'associationId' failed to satisfy constraint: {ASSOCIATION_ID_RULE}; "
            f"Value 'b' at 'executionId' failed to satisfy constraint: {ASSOCIATION_ID_RULE}",
            id="GEN-05",
        ),
        pytest.param(
            "CreateAssociationBatch",
            {"Entries": [{"Name": "lab-shell"}, {"Name": "lab-shell", "MaxConcurrency": "0"}]},
            violation("'0'", "entries.2.member.maxConcurrency", CONCURRENCY_RULE),
            id="GEN-06-list",
        ),
        pytest.param(
            "StartAssociationsOnce",
            {"AssociationIds": [ASSOCIATION_ID, "a"]},
            violation("'a'", "associationIds.2.member", ASSOCIATION_ID_RULE),
            id="GEN-06-list-of-strings",
        ),
        pytest.param(
            "CreateAssociation",
            {"Name": "lab-shell", "OutputLocation": {"S3Location": {"OutputS3Region": "eu"}}},
            violation(
                "'eu'",
                "outputLocation.s3Location.outputS3Region",
                "Member must have length greater than or equal to 3",
            ),
            id="GEN-06-structure",
        ),
        pytest.param(
            "CreateAssociation",
            {"Name": "lab-shell", "TargetMaps": [{"k": [""]}]},
            violation(
                "''", "targetMaps.1.member.member.1.member", "Member must have length greater than or equal to 1"
            ),
            id="GEN-06-map",
        ),
        pytest.param(
            "StartAssociationsOnce",
            {"AssociationIds": []},
            violation("'[]'", "associationIds", "Member must have length greater than or equal to 1"),
            id="ONC-02",
        ),
        pytest.param(
            "CreateAssociation",
            {},
            violation("null", "name", "Member must not be null"),
            id="required",
        ),
        pytest.param(
            "CreateAssociation",
            {"Name": "lab-shell", "SyncCompliance": "auto"},
            violation("'auto'", "syncCompliance", "Member must satisfy enum value set: [AUTO, MANUAL]"),
            id="enum",
        ),
        pytest.param(
            "ListAssociations",
            {"MaxResults": 51},
            violation("'51'", "maxResults", "Member must have value less than or equal to 50"),
            id="GEN-10-51",
        ),
        pytest.param(
            "ListAssociations",
            {"MaxResults": 0},
            violation("'0'", "maxResults", "Member must have value greater than or equal to 1"),
            id="GEN-10-0",
        ),
        pytest.param(
            "DescribeInstanceInformation",
            {"MaxResults": 4},
            violation("'4'", "maxResults", "Member must have value greater than or equal to 5"),
            id="NOD-04",
        ),
        pytest.param(
            "DescribeEffectiveInstanceAssociations",
            {"InstanceId": NODE, "MaxResults": 6},
            violation("'6'", "maxResults", "Member must have value less than or equal to 5"),
            id="EFF-01",
        ),
    ],
)
def test_violations_read_as_aws_writes_them(model, operation, request_, message):
    error = refused(model, operation, request_)
    assert (error.code, error.message) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("members", "path", "rule"),
    [
        pytest.param({"Targets": [target()] * 6}, "targets", "length less than or equal to 5", id="CRE-22-targets"),
        pytest.param(
            {"Targets": [target(Values=["v"] * 51)]},
            "targets.1.member.values",
            "length less than or equal to 50",
            id="CRE-22-values",
        ),
        pytest.param({"MaxConcurrency": "0"}, "maxConcurrency", "pattern", id="CRE-29-0"),
        pytest.param({"MaxConcurrency": "0%"}, "maxConcurrency", "pattern", id="CRE-29-0%"),
        pytest.param({"MaxConcurrency": "101%"}, "maxConcurrency", "pattern", id="CRE-29-101%"),
        pytest.param({"ScheduleOffset": 0}, "scheduleOffset", "value greater than or equal to 1", id="CRE-30-0"),
        pytest.param({"ScheduleOffset": 7}, "scheduleOffset", "value less than or equal to 6", id="CRE-30-7"),
        pytest.param({"Duration": 0}, "duration", "value greater than or equal to 1", id="CRE-33-0"),
        pytest.param({"Duration": 25}, "duration", "value less than or equal to 24", id="CRE-33-25"),
        pytest.param({"AssociationName": "näme"}, "associationName", "pattern", id="ascii-only"),
        pytest.param({"InstanceId": "i-1234567é"}, "instanceId", "pattern", id="ascii-word-characters"),
        pytest.param({"AssociationName": "name\n"}, "associationName", "pattern", id="no-trailing-newline"),
    ],
)
def test_limits_of_an_association_are_kept(model, members, path, rule):
    error = refused(model, "CreateAssociation", {"Name": "lab-shell", **members})
    assert error.code == "ValidationException"
    assert error.message.startswith("1 validation error detected: ")
    assert f" at '{path}' failed to satisfy constraint: Member must " in error.message
    assert rule in error.message


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        pytest.param("ListAssociations", {"MaxResults": 1}, id="GEN-10-1"),
        pytest.param("ListAssociations", {"MaxResults": 50}, id="GEN-10-50"),
        pytest.param("CreateAssociation", {"Name": "lab-shell", "MaxErrors": "0"}, id="CRE-29-errors-0"),
        pytest.param("CreateAssociation", {"Name": "lab-shell", "MaxErrors": "0%"}, id="CRE-29-errors-0%"),
        pytest.param(
            "CreateAssociation", {"Name": "lab-shell", "Targets": [target(Values=["v"] * 50)] * 5}, id="CRE-22"
        ),
        pytest.param("CreateAssociation", {"Name": "lab-shell", "ScheduleOffset": 6}, id="CRE-30-6"),
        pytest.param("CreateAssociation", {"Name": "lab-shell", "Duration": 24}, id="CRE-33-24"),
        pytest.param("DescribeInstanceInformation", {"MaxResults": 5}, id="NOD-04-5"),
        pytest.param("CreateAssociation", {"Name": "lab-shell", "Targets": [target(Key="tag:größe")]}, id="unicode"),
        pytest.param("GetDocument", {"Name": "lab-shell", "DocumentVersion": "$DEFAULT"}, id="document-version"),
    ],
)
def test_what_keeps_the_rules_passes_unchanged(model, operation, request_):
    assert model.input_validator(operation)(request_) == request_


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param({"Unknown": 1, "Name": "lab-shell"}, {"Name": "lab-shell"}, id="GEN-07-top"),
        pytest.param(
            {"Name": "lab-shell", "Targets": [target(Extra=[])]},
            {"Name": "lab-shell", "Targets": [target()]},
            id="GEN-07-nested",
        ),
        pytest.param({"Name": "lab-shell", "MaxErrors": None}, {"Name": "lab-shell"}, id="null-is-absent"),
        pytest.param(
            {"Name": "lab-shell", "Parameters": {"a": ["1"], "b": None}},
            {"Name": "lab-shell", "Parameters": {"a": ["1"]}},
            id="null-in-a-map",
        ),
        pytest.param({"Name": "lab-shell", "Duration": 5.0}, {"Name": "lab-shell", "Duration": 5}, id="whole-float"),
    ],
)
def test_what_the_model_lacks_is_dropped(model, given, kept):
    before = repr(given)
    assert model.input_validator("CreateAssociation")(given) == kept
    assert repr(given) == before


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"Name": 5}, "Value at 'name' must be a string, not a number"),
        ({"Name": ["a"]}, "Value at 'name' must be a string, not a list"),
        ({"Targets": {}}, "Value at 'targets' must be a list, not an object"),
        ({"Targets": ["a"]}, "Value at 'targets.1.member' must be an object, not a string"),
        ({"Parameters": {"a": "b"}}, "Value at 'parameters.member' must be a list, not a string"),
        ({"Parameters": []}, "Value at 'parameters' must be an object, not a list"),
        ({"Duration": "5"}, "Value at 'duration' must be a number, not a string"),
        ({"Duration": True}, "Value at 'duration' must be a number, not a boolean"),
        ({"Duration": 1.5}, "Value at 'duration' must be a whole number, not 1.5"),
        ({"Duration": 2**31}, "Value at 'duration' must lie between -2147483648 and 2147483647"),
        ({"ApplyOnlyAtCronInterval": "true"}, "Value at 'applyOnlyAtCronInterval' must be a boolean, not a string"),
    ],
)
def test_another_json_type_is_a_serialization_error(model, members, message):
    error = refused(model, "CreateAssociation", {"Name": "lab-shell", **members})
    assert (error.code, error.message) == ("SerializationException", message)


@pytest.mark.parametrize(
    "instant",
    [1550505827.119, "1550505827.119", "2019-02-18T16:03:47.119Z", "2019-02-18T17:03:47.119+01:00"],
)
def test_instants_become_milliseconds(model, instant):
    status = {"Date": instant, "Name": "Success", "Message": "m"}
    request = {"Name": "lab-shell", "InstanceId": NODE, "AssociationStatus": status}
    checked = model.input_validator("UpdateAssociationStatus")(request)
    assert checked["AssociationStatus"]["Date"] == 1550505827119
    assert isinstance(checked["AssociationStatus"]["Date"], int)


@pytest.mark.parametrize("instant", ["yesterday", 1e308, -1e11, "2019-02-30T00:00:00Z", True])
def test_what_is_no_instant_is_refused(model, instant):
    error = refused(model, "CreateActivation", {"IamRole": "r", "ExpirationDate": instant})
    assert error.code == "SerializationException"
    assert error.message.startswith("Value at 'expirationDate' must be an instant (epoch seconds or ISO-8601 text)")


@pytest.mark.parametrize(
    ("operation", "request_", "path"),
    [
        pytest.param("PutParameter", {"Name": "", "Value": "hush"}, "name", id="beside"),
        pytest.param("RegisterManagedInstance", {"ActivationCode": "hush"}, "activationCode", id="itself"),
    ],
)
def test_sensitive_values_are_never_printed(model, operation, request_, path):
    error = refused(model, operation, request_)
    assert f" at '{path}' " in error.message
    assert "hush" not in error.message


def test_a_printed_list_hides_what_is_sensitive_in_it():
    shapes = {
        "In": {"type": "structure", "members": {"Entries": {"shape": "Entries"}}},
        "Entries": {"type": "list", "member": {"shape": "Entry"}, "max": 1},
        "Entry": {"type": "structure", "members": {"Name": {"shape": "Text"}, "Parameters": {"shape": "Parameters"}}},
        "Parameters": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Values"}, "sensitive": True},
        "Values": {"type": "list", "member": {"shape": "Text"}},
        "Text": {"type": "string", "max": 6},
    }
    entry = {"Name": "a", "Parameters": {"hush": ["hush"]}}
    with pytest.raises(AwsError) as raised:
        Validator(ShapeCompiler(shapes).node("In"))({"Entries": [entry, {"Parameters": {"a": ["hush!!!"]}}]})
    assert raised.value.message == (
        "2 validation errors detected: "
        "Value '[{Name=a, Parameters=***}, {Parameters=***}]' at 'entries' failed to satisfy constraint: "
        "Member must have length less than or equal to 1; "
        "Value '***' at 'entries.2.member.parameters.member.1.member' failed to satisfy constraint: "
        "Member must have length less than or equal to 6"
    )


def test_an_answer_stays_small_when_everything_is_wrong(model):
    error = refused(model, "CreateAssociation", {"Name": "x" * 100_000, "Targets": [{"Key": ""}] * 100_000})
    assert error.message.startswith("100 validation errors detected: ")
    assert len(error.message) < 40_000
    assert "Value '" + "x" * 1024 + "...' at 'name'" in error.message


def test_a_slow_pattern_counts_as_violated():
    shapes = {
        "In": {"type": "structure", "members": {"Text": {"shape": "Slow"}}},
        "Slow": {"type": "string", "pattern": r"(a|a|aa)+(b|bb)*\1c"},
    }
    value = "a" * 40 + "!"
    with pytest.raises(AwsError) as raised:
        Validator(ShapeCompiler(shapes).node("In"))({"Text": value})
    assert raised.value.code == "ValidationException"
    assert "Member must satisfy regular expression pattern" in raised.value.message


def test_shapes_may_contain_themselves(model):
    aggregator = {"Expression": "AWS:InstanceInformation.PlatformType"}
    request = {"Aggregators": [{**aggregator, "Aggregators": [{**aggregator, "Aggregators": [{"Expression": ""}]}]}]}
    error = refused(model, "GetInventory", request)
    assert error.message == violation(
        "''",
        "aggregators.1.member.aggregators.1.member.aggregators.1.member.expression",
        "Member must have length greater than or equal to 1",
    )


def test_blobs_become_bytes():
    shapes = {
        "In": {"type": "structure", "members": {"Data": {"shape": "Data"}}},
        "Data": {"type": "blob", "max": 3},
    }
    validate = Validator(ShapeCompiler(shapes).node("In"))
    assert validate({"Data": "YWJj"}) == {"Data": b"abc"}
    with pytest.raises(AwsError, match="Value at 'data' must be base64"):
        validate({"Data": "?"})
    with pytest.raises(AwsError, match="Member must have length less than or equal to 3"):
        validate({"Data": "YWJjZA=="})


def test_an_unknown_type_of_shape_is_named():
    with pytest.raises(ValueError, match="shape Odd: unknown type 'quaternion'"):
        ShapeCompiler({"Odd": {"type": "quaternion"}}).node("Odd")
