"""For every printed example of an operation that exists here: what it finds and which ids are put in, or why not.

A row is a function of a `Region` that makes what the example speaks of, and answers the texts of the command that are
replaced: ids that the server made up. Names stay as they are printed wherever they can.
"""

import json

import msgspec
from example_house import AGENT, ONCE, RUNBOOK, SHELL, WEEKLY

NODE = "i-1234567890abcdef0"
ASSOCIATION = "8dfe3659-4309-493a-8755-0123456789ab"
EXECUTION = "7abb6378-a4a5-4f10-8312-0123456789ab"
SETTING = "/ssm/parameter-store/high-throughput-enabled"
INVENTORY_NODE = "i-016648b75dd622dab"
REVIEWED = {"Action": "SendForReview"}
AGAIN = json.dumps(SHELL).replace("hello", "again")


class NotHere(msgspec.Struct, frozen=True):
    """Why an example cannot apply, and what it is refused with."""

    reason: str
    told: str


def nothing(region):
    return {}


def runbook(region):
    """The file with a document to create."""
    region.write("exampleDocument.yml", RUNBOOK)
    return {}


def parameters(*names, **members):
    def prepare(region):
        for name in names:
            region.parameter(name, **members)
        return {}

    return prepare


def labelled(name, *labels):
    """A parameter with three versions, the second with these labels."""

    def prepare(region):
        for number in range(3):
            region.parameter(name, value=f"value {number}", Overwrite=True)
        if labels:
            region.ssm.label_parameter_version(Name=name, ParameterVersion=2, Labels=list(labels))
        return {}

    return prepare


def document(name, **how):
    def prepare(region):
        region.document(name, **how)
        return {}

    return prepare


def calendar(text):
    return document("MyCalendar", content=text, document_type="ChangeCalendar", DocumentFormat="TEXT")


def node(*printed, **tags):
    """A node whose id stands for those that are printed."""

    def prepare(region):
        made = region.node(**tags)
        return dict.fromkeys(printed, made.node_id)

    return prepare


def association(**members):
    """An association that has run once on a node."""

    def prepare(region):
        made = region.node(Name="Linux")
        association_id = region.association(AGENT, **members)
        rows = region.ssm.describe_association_executions(AssociationId=association_id)["AssociationExecutions"]
        return {NODE: made.node_id, ASSOCIATION: association_id, EXECUTION: rows[0]["ExecutionId"]}

    return prepare


def legacy(region):
    """An association that was made with an instance id."""
    region.association(InstanceId=NODE)
    return {}


def command(*printed):
    def prepare(region):
        made = region.node()
        return {**dict.fromkeys(printed, region.command(made)), NODE: made.node_id, "i-02573cafcfEXAMPLE": made.node_id}

    return prepare


def activation(region):
    made = region.ssm.create_activation(IamRole="HybridWebServersRole", DefaultInstanceName="HybridWebServers")
    return {"aa673477-d926-42c1-8757-1358cEXAMPLE": made["ActivationId"]}


def another_version(region):
    """A document, and the file with its next version."""
    region.document("RunShellScript")
    region.write("RunShellScript.json", AGAIN)
    return {}


def two_versions(region):
    region.document("Example")
    region.ssm.update_document(Name="Example", Content=AGAIN)
    return {}


def inventory(region):
    """A node that has told of its rack and its applications."""
    made = region.node()
    for kind, content in (
        ("Custom:RackInfo", {"RackLocation": "Bay B"}),
        ("AWS:Application", {"Name": "curl", "Version": "8"}),
    ):
        region.ssm.put_inventory(
            InstanceId=made.node_id,
            Items=[
                {
                    "TypeName": kind,
                    "SchemaVersion": "1.0" if kind.startswith("Custom") else "1.1",
                    "CaptureTime": "2019-01-22T10:01:01Z",
                    "Content": [content],
                }
            ],
        )
    return dict.fromkeys((NODE, INVENTORY_NODE), made.node_id)


def deletion(region):
    inventory(region)
    gone = region.ssm.delete_inventory(TypeName="Custom:RackInfo", SchemaDeleteOption="DeleteSchema")
    return {"d72ac9e8-1f60-4d40-b1c6-987654321c4d": gone["DeletionId"]}


def shared(region):
    region.document("Example")
    region.ssm.modify_document_permission(Name="Example", PermissionType="Share", AccountIdsToAdd=["111122223333"])
    return {}


def reviewed(name):
    def prepare(region):
        region.document(name)
        region.ssm.update_document_metadata(Name=name, DocumentReviews=REVIEWED)
        return {}

    return prepare


def own_region(region):
    return {"us-east-1": region.name}


def another_setting(region):
    return {SETTING: "/ssm/parameter-store/default-parameter-tier", **own_region(region)}


def shell_command(region):
    return node(NODE, ENV="Dev", Env="Dev", Role="WebServers")(region)


def shared_command(region):
    region.document("ExampleDocument")
    return {**node(NODE)(region), **own_region(region)}


def typo(region):
    """A slash stands where a backslash was meant."""
    association(AssociationName="UpdateSSMAgent", Targets=[{"Key": "tag:Name", "Values": ["Linux"]}])(region)
    return {" / ": " "}


NO_WINDOWS = NotHere("there are no maintenance windows", "resource type MaintenanceWindow are not supported")
NO_PATCHES = NotHere("there are no patch baselines", "resource type PatchBaseline are not supported")
NO_POLICIES = NotHere("parameters have no policies", "Policies is not supported")
NO_SETTING = NotHere("other settings have no value true", "high-throughput-enabled")
NO_SNS = NotHere("nothing is sent to SNS", "ServiceRoleArn is not supported")
NO_LOGS = NotHere("nothing is sent to CloudWatch Logs", "CloudWatchOutputConfig is not supported")

TABLE = {
    "add-tags-to-resource 1": NO_WINDOWS,
    "add-tags-to-resource 2": parameters("My-Parameter"),
    "add-tags-to-resource 3": document("My-Document"),
    "cancel-command 1": command("662add3d-5831-4a10-b64a-f2ff3EXAMPLE"),
    "cancel-command 2": command("662add3d-5831-4a10-b64a-f2ff3EXAMPLE"),
    "create-activation 1": nothing,
    "create-association 1": nothing,
    "create-association 2": nothing,
    "create-association 3": nothing,
    "create-association-batch 1": nothing,
    "create-document 1": runbook,
    "delete-activation 1": activation,
    "delete-association 1": association(),
    "delete-association 2": legacy,
    "delete-document 1": document("Example"),
    "delete-inventory 1": inventory,
    "delete-inventory 2": inventory,
    "delete-parameter 1": parameters("MyParameter"),
    "delete-parameters 1": parameters("MyFirstParameter", "MySecondParameter"),
    "deregister-managed-instance 1": node("mi-08ab247cdfEXAMPLE"),
    "describe-activations 1": activation,
    "describe-association 1": association(),
    "describe-association 2": legacy,
    "describe-association-execution-targets 1": association(),
    "describe-association-executions 1": association(),
    "describe-association-executions 2": association(),
    "describe-document 1": document("Example"),
    "describe-document-permission 1": shared,
    "describe-effective-instance-associations 1": association(),
    "describe-instance-associations-status 1": association(),
    "describe-instance-information 1": node(),
    "describe-instance-information 2": node("i-028ea792daEXAMPLE"),
    "describe-instance-information 3": node(DEV="yes"),
    "describe-inventory-deletions 1": deletion,
    "describe-inventory-deletions 2": deletion,
    "describe-parameters 1": parameters("MyStringParameter"),
    "describe-parameters 2": parameters("MyStringListParameter", Type="StringList"),
    "get-calendar-state 1": calendar(WEEKLY),
    "get-calendar-state 2": calendar(ONCE),
    "get-command-invocation 1": command("ef7fdfd8-9b57-4151-a15c-db9a12345678"),
    "get-connection-status 1": node(NODE),
    "get-document 1": nothing,
    "get-inventory 1": inventory,
    "get-inventory-schema 1": nothing,
    "get-inventory-schema 2": nothing,
    "get-parameter 1": parameters("MyStringParameter"),
    "get-parameter 2": parameters("MySecureStringParameter", Type="SecureString"),
    "get-parameter 3": labelled("MyParameter", "label"),
    "get-parameter 4": labelled("MyParameter"),
    "get-parameter-history 1": labelled("MyStringParameter"),
    "get-parameters 1": parameters("MyStringParameter", "MyStringListParameter"),
    "get-parameters 2": parameters("MyStringParameter", "MyStringListParameter"),
    "get-parameters 3": labelled("MyParameter", "label"),
    "get-parameters-by-path 1": parameters("/site/newyork/department/marketing"),
    "get-service-setting 1": another_setting,
    "label-parameter-version 1": labelled("MyStringParameter"),
    "label-parameter-version 2": labelled("MyStringParameter"),
    "list-association-versions 1": association(),
    "list-associations 1": typo,
    "list-associations 2": typo,
    "list-command-invocations 1": command("ef7fdfd8-9b57-4151-a15c-db9a12345678"),
    "list-commands 1": command("0831e1a8-a1ac-4257-a1fd-c831bEXAMPLE"),
    "list-commands 2": command(),
    "list-commands 3": command(),
    "list-compliance-items 1": association(),
    "list-compliance-items 2": association(),
    "list-compliance-items 3": association(),
    "list-compliance-summaries 1": association(),
    "list-compliance-summaries 2": association(),
    "list-document-metadata-history 1": reviewed("MyChangeManageTemplate"),
    "list-document-versions 1": document("Example"),
    "list-documents 1": document("Example", Tags=[{"Key": "DocUse", "Value": "Testing"}]),
    "list-documents 2": nothing,
    "list-inventory-entries 1": inventory,
    "list-inventory-entries 2": inventory,
    "list-resource-compliance-summaries 1": association(),
    "list-resource-compliance-summaries 2": association(),
    "list-tags-for-resource 1": NO_PATCHES,
    "modify-document-permission 1": document("Example"),
    "put-compliance-items 1": node(NODE),
    "put-inventory 1": node(INVENTORY_NODE),
    "put-inventory 2": node(INVENTORY_NODE),
    "put-parameter 1": parameters("MyStringParameter"),
    "put-parameter 2": nothing,
    "put-parameter 3": parameters("MyConvertedParameter"),
    "put-parameter 4": NO_POLICIES,
    "put-parameter 5": NO_POLICIES,
    "remove-tags-from-resource 1": NO_PATCHES,
    "reset-service-setting 1": another_setting,
    "send-command 1": shell_command,
    "send-command 2": shell_command,
    "send-command 3": shell_command,
    "send-command 4": NO_SNS,
    "send-command 5": NO_LOGS,
    "send-command 6": shell_command,
    "send-command 7": shell_command,
    "send-command 8": shared_command,
    "start-associations-once 1": association(),
    "unlabel-parameter-version 1": labelled("parameterName", "label_1", "label_2", "label_3"),
    "update-association 1": association(),
    "update-association 2": association(),
    "update-association-status 1": legacy,
    "update-document 1": another_version,
    "update-document 2": another_version,
    "update-document-default-version 1": two_versions,
    "update-document-metadata 1": reviewed("MyChangeManagerTemplate"),
    "update-managed-instance-role 1": node("mi-08ab247cdfEXAMPLE"),
    "update-service-setting 1": NO_SETTING,
}
