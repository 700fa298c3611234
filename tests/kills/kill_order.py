"""An order to a process to end itself by SIGKILL at a named moment: a line in a file that the test writes."""

import os
import signal
from pathlib import Path

VARIABLE = "KILL_ORDER"


def write(path, moment, when="after"):
    """Order the process that watches this file to die at the next such moment, `before` or `after` it is durable."""
    path.write_text(f"{moment} {when}")


def read():
    """(moment, when) of the present order; nothing when there is none."""
    path = Path(os.environ[VARIABLE])
    return tuple(path.read_text().split()) if path.exists() else ("", "")


def die():
    """End at once; the order is carried out, so that the next process lives."""
    Path(os.environ[VARIABLE]).unlink(missing_ok=True)
    os.kill(os.getpid(), signal.SIGKILL)
