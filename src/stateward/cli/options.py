"""Options of `stateward serve` that say where the world outside is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AlarmsFile = Annotated[
    Path | None,
    typer.Option(
        "--alarms",
        envvar="STATEWARD_ALARMS",
        help="JSON file, alarm to OK, ALARM or UNKNOWN; read again when it changes.",
        show_default=False,
    ),
]
S3Endpoint = Annotated[
    str,
    typer.Option(
        envvar="STATEWARD_S3_ENDPOINT",
        help="Where output is uploaded to, for what speaks S3.  [default: AWS]",
        show_default=False,
    ),
]
AlarmUrl = Annotated[
    str,
    typer.Option(envvar="STATEWARD_ALARM_URL", help='Asked for alarms: GET <url>/<alarm> answers {"state": "OK"}.'),
]
