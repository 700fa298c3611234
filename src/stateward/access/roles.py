"""What the holder of an access key may do by its role (D62): a table over every operation, the least role each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stateward.access.principals import Principal
from stateward.wire.errors import AwsError

READER, OPERATOR, ADMINISTRATOR = "reader", "operator", "administrator"
ROLES = (READER, OPERATOR, ADMINISTRATOR)
"""Each may what those before it may."""

_READERS = """
DescribeActivations DescribeAssociation DescribeAssociationExecutionTargets DescribeAssociationExecutions
DescribeAutomationExecutions DescribeAutomationStepExecutions DescribeAvailablePatches DescribeDocument
DescribeDocumentPermission DescribeEffectiveInstanceAssociations DescribeEffectivePatchesForPatchBaseline
DescribeInstanceAssociationsStatus DescribeInstanceInformation DescribeInstancePatchStates
DescribeInstancePatchStatesForPatchGroup DescribeInstancePatches DescribeInstanceProperties
DescribeInventoryDeletions DescribeMaintenanceWindowExecutionTaskInvocations
DescribeMaintenanceWindowExecutionTasks DescribeMaintenanceWindowExecutions DescribeMaintenanceWindowSchedule
DescribeMaintenanceWindowTargets DescribeMaintenanceWindowTasks DescribeMaintenanceWindows
DescribeMaintenanceWindowsForTarget DescribeOpsItems DescribeParameters DescribePatchBaselines
DescribePatchGroupState DescribePatchGroups DescribePatchProperties DescribeSessions GetAutomationExecution
GetCalendarState GetCloudConnector GetCommandInvocation GetConnectionStatus GetDefaultPatchBaseline
GetDeployablePatchSnapshotForInstance GetDocument GetExecutionPreview GetInventory GetInventorySchema
GetMaintenanceWindow GetMaintenanceWindowExecution GetMaintenanceWindowExecutionTask
GetMaintenanceWindowExecutionTaskInvocation GetMaintenanceWindowTask GetOpsItem GetOpsMetadata GetOpsSummary
GetParameter GetParameterHistory GetParameters GetParametersByPath GetPatchBaseline
GetPatchBaselineForPatchGroup GetResourcePolicies GetServiceSetting ListAssociationVersions ListAssociations
ListCloudConnectors ListCommandInvocations ListCommands ListComplianceItems ListComplianceSummaries
ListDocumentMetadataHistory ListDocumentVersions ListDocuments ListInventoryEntries ListNodes ListNodesSummary
ListOpsItemEvents ListOpsItemRelatedItems ListOpsMetadata ListResourceComplianceSummaries ListResourceDataSync
ListTagsForResource
"""
_OPERATORS = """
AddTagsToResource AssociateOpsItemRelatedItem CancelCommand CancelMaintenanceWindowExecution CreateAssociation
CreateAssociationBatch CreateCloudConnector CreateDocument CreateMaintenanceWindow CreateOpsItem CreateOpsMetadata
CreatePatchBaseline CreateResourceDataSync DeleteActivation DeleteAssociation DeleteCloudConnector DeleteDocument
DeleteInventory DeleteMaintenanceWindow DeleteOpsItem DeleteOpsMetadata DeleteParameter DeleteParameters
DeletePatchBaseline DeleteResourceDataSync DeregisterPatchBaselineForPatchGroup
DeregisterTargetFromMaintenanceWindow DeregisterTaskFromMaintenanceWindow DisassociateOpsItemRelatedItem
LabelParameterVersion PutComplianceItems PutInventory PutParameter RegisterDefaultPatchBaseline
RegisterPatchBaselineForPatchGroup RegisterTargetWithMaintenanceWindow RegisterTaskWithMaintenanceWindow
RemoveTagsFromResource ResumeSession SendAutomationSignal SendCommand StartAssociationsOnce
StartAutomationExecution StartChangeRequestExecution StartExecutionPreview StartSession StopAutomationExecution
TerminateSession UnlabelParameterVersion UpdateAssociation UpdateAssociationStatus UpdateCloudConnector
UpdateDocument UpdateDocumentDefaultVersion UpdateDocumentMetadata UpdateMaintenanceWindow
UpdateMaintenanceWindowTarget UpdateMaintenanceWindowTask UpdateManagedInstanceRole UpdateOpsItem
UpdateOpsMetadata UpdatePatchBaseline UpdateResourceDataSync ValidateCloudConnector
"""
# Who becomes a node, who is shared with, what all are bound by, and whatever hands out credentials.
_ADMINISTRATORS = """
CreateActivation DeregisterManagedInstance ModifyDocumentPermission UpdateServiceSetting ResetServiceSetting
RegisterManagedInstance RegisterDefaultHostManagementConfiguration DeregisterDefaultHostManagementConfiguration
PutResourcePolicy DeleteResourcePolicy GetAccessToken StartAccessRequest
"""

LEAST_ROLE: Mapping[str, str] = {
    operation: role
    for role, operations in ((READER, _READERS), (OPERATOR, _OPERATORS), (ADMINISTRATOR, _ADMINISTRATORS))
    for operation in operations.split()
}
"""Operation → the least role that may call it; what only nodes call is not here."""

DECRYPTS = "WithDecryption"
"""The member with which a reading operation shows secrets: from operators on."""


def allows(role: str, needed: str) -> bool:
    """Whether a key of this role may do what needs `needed`; a role that is none may nothing."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)


def needed_for(operation: str, request: Mapping[str, Any]) -> str:
    """The least role for this request; an operation that the table lacks is for administrators alone."""
    least = LEAST_ROLE.get(operation, ADMINISTRATOR)
    return OPERATOR if least == READER and request.get(DECRYPTS) is True else least


def require(principal: Principal, wish: str, needed: str, status: int = 400) -> None:
    """Raises AccessDeniedException when the principal's role is less than `needed`; `wish` is what it asked for."""
    if not allows(principal.role, needed):
        raise AwsError("AccessDeniedException", refused(principal, wish, needed), status)


def refused(principal: Principal, wish: str, needed: str) -> str:
    """The sentence: who, with which role, may not do what, and who may."""
    who = f"{principal.name} (a node)" if principal.is_node else f"{principal.name} (role {principal.role or 'none'})"
    able = ROLES[ROLES.index(needed) :]
    may = f"only an {ADMINISTRATOR} may" if len(able) == 1 else f"this needs the role {' or '.join(able)}"
    return f"{who} is not authorized to perform: {wish}; {may}."
