"""What `stateward executions show` tells of one execution."""

from __future__ import annotations

from stateward.associations import causes
from stateward.cli import region
from stateward.cli.presentation import Look
from stateward.cli.progress import Progress
from stateward.cli.runs import counted
from stateward.console.times import span


def show(progress: Progress, look: Look) -> None:
    told = progress.plain
    cause = causes.words(told["cause"], told["by"]) if "cause" in told else ""
    groups = region.failures(progress.groups, 400, lambda text, status: text, lambda status: "")
    fields = {
        "Run": progress.execution.word,
        "Execution": progress.execution.id,
        "Association": f"{progress.execution.association.id}  {progress.execution.association.name}",
        "Cause": cause,
        "Version": progress.version,
        "Status": ("status", progress.status),
        "Details": progress.detailed_status if progress.detailed_status != progress.status else "",
        "Nodes": counted(progress.counts) or "none",
        "At a time": progress.slots,
        "Created": ("instant", told.get("created") or told.get("CreatedTime")),
        "Took" if progress.is_over else "Runs for": span(progress.elapsed_ms),
        "Left, about": "" if progress.is_over else span(progress.remaining_ms),
        "Errors": "\n".join(line.strip() for line in groups),
    }
    look.show_one(told, fields, progress.execution.word)
