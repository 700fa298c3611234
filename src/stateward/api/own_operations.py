"""Every operation of Stateward's own on associations and executions, with its address and role (console 6)."""

from __future__ import annotations

from stateward.access.roles import OPERATOR, READER
from stateward.api.extension import Extension
from stateward.associations import stopping
from stateward.associations.execution_calls import OneExecution
from stateward.associations.retrying import Retries, RetryWanted
from stateward.nodes.groups import ResourceGroups

EXECUTION = "/executions/{execution}"


def of_associations(groups: ResourceGroups) -> list[Extension]:
    """The operations; `groups` are those of resource-groups targets."""
    retries = Retries(groups)
    return [
        Extension("PreviewRetry", READER, "GET", f"{EXECUTION}/retry", RetryWanted, retries.preview_retry),
        Extension("RetryExecution", OPERATOR, "POST", f"{EXECUTION}/retry", RetryWanted, retries.retry_execution),
        Extension("StopExecution", OPERATOR, "POST", f"{EXECUTION}/stop", OneExecution, stopping.stop_execution),
    ]
