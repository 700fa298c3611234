"""What is wrong with a request, collected over all of its members and told in one sentence (spec 0.2)."""

from stateward.wire.errors import AwsError, validation_error

# An answer must not grow far beyond its request: so many violations, and so much of each value.
MAX_VIOLATIONS = 100
MAX_SHOWN = 1024

NOT_NULL = "Member must not be null"


class EnoughViolations(Exception):
    """Stops a validation whose outcome is certain."""


class Violations:
    """The violations of one request, in the order of the model's members."""

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        self._texts: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._texts)

    def add(self, value: str | None, path: str, rule: str) -> None:
        """Note that `value` (printed; None for an absent one) breaks `rule`; raises EnoughViolations at the limit."""
        shown = "null" if value is None else f"'{_shortened(value)}'"
        self._texts.append(f"Value {shown} at '{path}' failed to satisfy constraint: {rule}")
        if len(self._texts) == MAX_VIOLATIONS:
            raise EnoughViolations

    def error(self) -> AwsError:
        """The ValidationException that lists them all."""
        count = len(self._texts)
        detected = "1 validation error detected" if count == 1 else f"{count} validation errors detected"
        return validation_error(f"{detected}: {'; '.join(self._texts)}")


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."
