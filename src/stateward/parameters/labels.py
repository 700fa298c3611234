"""Which labels a version of a parameter can have."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from stateward.wire.errors import AwsError

LABELS_PER_VERSION = 10
_LABEL = re.compile(r"(?!aws|ssm)[a-z_.-][a-z0-9_.-]*", re.IGNORECASE | re.ASCII)


def sort_out(labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """Labels that can be attached, and those that cannot, each once in the order given."""
    once = list(dict.fromkeys(labels))
    valid = [label for label in once if _LABEL.fullmatch(label)]
    return valid, [label for label in once if label not in valid]


def check_count(attached: Collection[str], added: Collection[str]) -> None:
    """Raises ParameterVersionLabelLimitExceeded when a version would have more than ten labels."""
    count = len({*attached, *added})
    if count > LABELS_PER_VERSION:
        raise AwsError(
            "ParameterVersionLabelLimitExceeded",
            f"A parameter version can have a maximum of {LABELS_PER_VERSION} labels, this one would have {count}. "
            "Move one or more labels to another version and try again.",
        )
