"""The statuses' signs and colours on a terminal; colour is never alone (console 2)."""

from __future__ import annotations

import os
import sys

from stateward.statuses import look_of

WHEN = ("auto", "always", "never")
LIGHT = {
    "Success": "#156f53",
    "Failed": "#8f1005",
    "TimedOut": "#65357a",
    "Cancelled": "#8d6710",
    "Skipped": "#696e80",
    "Pending": "#313339",
    "InProgress": "#2763eb",
    "None": "#696e80",
}
DARK = {
    "Success": "#4fa67b",
    "Failed": "#ff3d33",
    "TimedOut": "#ad70ec",
    "Cancelled": "#fddd78",
    "Skipped": "#8d94a3",
    "Pending": "#edeef1",
    "InProgress": "#afc8fe",
    "None": "#8d94a3",
}
SIXTEEN = {
    "Success": "32",
    "Failed": "91",
    "TimedOut": "35",
    "Cancelled": "33",
    "Skipped": "90",
    "Pending": "39",
    "InProgress": "94",
    "None": "90",
}
LIGHT_BACKGROUNDS = ("7", "15")


def wanted(when: str, *, terminal: bool) -> bool:
    """Whether to colour: as it was said, else on a terminal that has colours, for whoever has not asked for none."""
    if when != "auto":
        return when == "always"
    return terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def hex_of(status: str) -> str:
    """The status' colour, for the theme that the terminal tells of; dark when it tells nothing."""
    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return (LIGHT if background in LIGHT_BACKGROUNDS else DARK)[look_of(status).name]


def painted(text: str, status: str) -> str:
    """The text between the terminal's own signs for the status' colour."""
    if os.environ.get("COLORTERM") in ("truecolor", "24bit"):
        code = "38;2;" + ";".join(str(int(hex_of(status)[at : at + 2], 16)) for at in (1, 3, 5))
    else:
        code = SIXTEEN[look_of(status).name]
    return f"\x1b[{code}m{text}\x1b[0m"


def sign(status: str) -> str:
    """The status' sign, or its letter where the terminal cannot write signs."""
    look = look_of(status)
    return look.sign if _writes(look.sign) else look.letter


def with_sign(status: str) -> str:
    """`✕ Failed`."""
    return f"{sign(status)} {status}"


def _writes(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
