"""Every operation of Stateward's own on associations and executions, with its address and role (console 6)."""

from __future__ import annotations

from stateward.access.roles import OPERATOR, READER
from stateward.api.extension import Extension
from stateward.associations import mapping, pausing, progress, stopping, upcoming
from stateward.associations.asking_why import Questions, WhyWanted
from stateward.associations.comparing import ComparisonWanted, compare_executions
from stateward.associations.execution_calls import OneAssociation, OneExecution
from stateward.associations.mapping import MapWanted
from stateward.associations.retrying import Retries, RetryWanted
from stateward.associations.running_on_nodes import Runs, RunWanted
from stateward.associations.searching import SearchWanted, search_everything
from stateward.associations.upcoming import NextWanted
from stateward.nodes.groups import ResourceGroups

ASSOCIATION = "/associations/{association}"
EXECUTION = "/executions/{execution}"


def of_associations() -> list[Extension]:
    """The operations on associations."""
    pause, resume, following = pausing.pause_association, pausing.resume_association, upcoming.list_next_fire_times
    return [
        Extension("PauseAssociation", OPERATOR, "POST", f"{ASSOCIATION}/pause", OneAssociation, pause),
        Extension("ResumeAssociation", OPERATOR, "POST", f"{ASSOCIATION}/resume", OneAssociation, resume),
        Extension("ListNextFireTimes", READER, "GET", f"{ASSOCIATION}/next", NextWanted, following),
        Extension("DescribeAssociationMap", READER, "GET", f"{ASSOCIATION}/map", MapWanted, mapping.describe_map),
    ]


def of_questions(questions: Questions) -> list[Extension]:
    """Why? and search."""
    return [
        Extension("ExplainAssociation", READER, "GET", "/why", WhyWanted, questions.explain),
        Extension("Search", READER, "GET", "/search", SearchWanted, search_everything),
    ]


def of_executions(groups: ResourceGroups) -> list[Extension]:
    """The operations on executions; `groups` are those of resource-groups targets."""
    retries = Retries(groups)
    come_so_far, errors = progress.get_execution_progress, progress.list_execution_errors
    return [
        Extension("RunOnNodes", OPERATOR, "POST", f"{ASSOCIATION}/run", RunWanted, Runs(groups).run_on_nodes),
        Extension("GetExecutionProgress", READER, "GET", f"{EXECUTION}/progress", OneExecution, come_so_far),
        Extension("ListExecutionErrors", READER, "GET", f"{EXECUTION}/errors", OneExecution, errors),
        Extension("CompareExecutions", READER, "GET", f"{EXECUTION}/compare", ComparisonWanted, compare_executions),
        Extension("PreviewRetry", READER, "GET", f"{EXECUTION}/retry", RetryWanted, retries.preview_retry),
        Extension("RetryExecution", OPERATOR, "POST", f"{EXECUTION}/retry", RetryWanted, retries.retry_execution),
        Extension("StopExecution", OPERATOR, "POST", f"{EXECUTION}/stop", OneExecution, stopping.stop_execution),
    ]
