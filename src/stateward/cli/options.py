"""Options of `stateward serve` that say where the world outside is, and how it comes in."""

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
OtlpEndpoint = Annotated[
    str,
    typer.Option(
        "--otlp-endpoint",
        envvar="STATEWARD_OTLP_ENDPOINT",
        help="OpenTelemetry collector (OTLP over HTTP) that gets a trace of every execution.",
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
TlsPort = Annotated[
    int | None,
    typer.Option(
        "--tls-port",
        envvar="STATEWARD_TLS_PORT",
        min=0,
        max=65535,
        help="Port for the same over TLS; 0 serves without.  [default: 8443; none with --port 0 or a virtual clock]",
        show_default=False,
    ),
]
TlsName = Annotated[
    list[str] | None,
    typer.Option(
        envvar="STATEWARD_TLS_NAMES",
        help="Name or address that nodes and clients write; again for others, or several by commas.",
    ),
]
TlsCert = Annotated[
    Path | None,
    typer.Option(
        "--tls-cert",
        envvar="STATEWARD_TLS_CERT",
        help="A certificate of your own with its chain, PEM; read again when it changes.",
    ),
]
TlsKey = Annotated[Path | None, typer.Option("--tls-key", envvar="STATEWARD_TLS_KEY", help="Its private key, PEM.")]
NodeParameters = Annotated[
    list[str] | None,
    typer.Option(
        envvar="STATEWARD_NODE_PARAMETERS",
        help="Path of parameters that every node may read; again for others, or several by commas.",
    ),
]
OutputLimit = Annotated[
    str,
    typer.Option(
        envvar="STATEWARD_OUTPUT_LIMIT",
        help="How much of the beginning and of the end of a step's output is kept, such as 2M, or off.",
    ),
]
Drain = Annotated[
    float,
    typer.Option(
        envvar="STATEWARD_DRAIN",
        min=0,
        max=600,
        help="Seconds over which an ending server sends its nodes away, one after the other.",
    ),
]
RotateNodeKeys = Annotated[
    str,
    typer.Option(
        envvar="STATEWARD_ROTATE_NODE_KEYS",
        help="Ask official agents for another key when theirs is so old, such as 90d, or never.",
    ),
]
