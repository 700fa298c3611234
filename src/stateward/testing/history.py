"""Reading the history whole, through the API: what would be three calls and their pages in every test."""

from __future__ import annotations

from typing import Any


class History:
    """What associations have done, by a boto3 client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def executions(self, association_id: str) -> list[dict[str, Any]]:
        """The executions of an association, oldest first."""
        pages = self._client.get_paginator("describe_association_executions").paginate(AssociationId=association_id)
        return [one for page in pages for one in page["AssociationExecutions"]][::-1]

    def steps(self, execution: dict[str, Any]) -> list[dict[str, Any]]:
        """Each step on each target of an execution, by node and in the order of the document.

        A target that was not reached has no steps, and an execution that is too old to have its outputs none at all.
        """
        pages = self._client.get_paginator("describe_association_execution_targets").paginate(
            AssociationId=execution["AssociationId"], ExecutionId=execution["ExecutionId"]
        )
        targets = [one for page in pages for one in page["AssociationExecutionTargets"]]
        return [
            step
            for target in sorted(targets, key=lambda one: str(one["ResourceId"]))
            if "OutputSource" in target
            for step in self._steps_of(target["OutputSource"]["OutputSourceId"], target["ResourceId"])
        ]

    def _steps_of(self, command_id: str, node_id: str) -> list[dict[str, Any]]:
        told = self._client.list_command_invocations(CommandId=command_id, InstanceId=node_id, Details=True)
        return [
            self._client.get_command_invocation(CommandId=command_id, InstanceId=node_id, PluginName=plugin["Name"])
            for invocation in told["CommandInvocations"]
            for plugin in invocation["CommandPlugins"]
        ]
