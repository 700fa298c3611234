"""Patterns of the service model, which are Java's, compiled for Python."""

import re

import regex

# What a hostile value may cost before it counts as not matching.
TIMEOUT_S = 0.05

# Java's dot stops at every line terminator, Python's only at \n.
_DOT = r"[^\n\r\x85\u2028\u2029]"
_ESCAPE_OR_CLASS_OR_DOT = re.compile(r"(\\.|\[(?:\\.|[^\]\\])*\])|\.")


class JavaPattern:
    """One pattern of the model; `text` is its source as error messages quote it."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        # Java's \w, \d and \s are ASCII; regex's ASCII flag would confine \p{…} too, so patterns with \p go without it
        # (none of the model's mixes \p with \w).
        flags = 0 if "\\p" in text else regex.ASCII
        self._compiled = regex.compile(_ESCAPE_OR_CLASS_OR_DOT.sub(lambda found: found[1] or _DOT, text), flags)

    def matches(self, value: str) -> bool:
        """Whether the whole value matches; raises TimeoutError when that takes longer than `TIMEOUT_S` to find out."""
        return self._compiled.fullmatch(value, timeout=TIMEOUT_S) is not None
