"""The program `stateward`. What a subcommand needs is imported when it runs, so that the others start quickly."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from stateward.cli import agent as agent_commands
from stateward.cli import as_code, asking, looking, running
from stateward.cli import associations as association_commands
from stateward.cli import calendars as calendar_commands
from stateward.cli import commands as command_commands
from stateward.cli import compliance as compliance_commands
from stateward.cli import documents as document_commands
from stateward.cli import executions as execution_commands
from stateward.cli import fleet as fleet_commands
from stateward.cli import history as history_commands
from stateward.cli import keys as key_commands
from stateward.cli import nodes as node_commands
from stateward.cli import parameters as parameter_commands
from stateward.cli.declaring import group
from stateward.cli.options import (
    AlarmsFile,
    AlarmUrl,
    Drain,
    NodeParameters,
    OtlpEndpoint,
    OutputLimit,
    RotateNodeKeys,
    S3Endpoint,
    TlsCert,
    TlsKey,
    TlsName,
    TlsPort,
)
from stateward.config import (
    DEFAULT_ACCOUNT,
    DEFAULT_DRAIN_S,
    DEFAULT_PORT,
    DEFAULT_REGION,
    DEFAULT_RETENTION_DAYS,
    Config,
    ConfigurationError,
    data_home,
    days,
    requests_per_second,
    tls_port_of,
)
from stateward.config import output_limit as bytes_of_output
from stateward.quotas import Quotas
from stateward.scripted.rules import USUAL, range_problem

app = group(
    "State Manager, anywhere: run and answer the AWS Systems Manager State Manager API.",
    "stateward run nightly-patch --watch",
    "stateward why nightly-patch web-031",
    name="stateward",
    pretty_exceptions_enable=False,
    add_completion=True,
)
app.add_typer(agent_commands.app, name="agent", help="The built-in node agent.")
app.add_typer(key_commands.app, name="credentials")
app.add_typer(command_commands.app, name="commands")
app.add_typer(node_commands.app, name="nodes")
running.add_to(app)
app.add_typer(association_commands.app, name="associations")
app.add_typer(execution_commands.app, name="executions")
app.add_typer(document_commands.app, name="documents")
app.add_typer(history_commands.app, name="history")
app.add_typer(compliance_commands.app, name="compliance")
app.add_typer(calendar_commands.app, name="calendars")
app.add_typer(parameter_commands.app, name="parameters")
asking.add_to(app)
looking.add_to(app)
as_code.add_to(app)
app.add_typer(fleet_commands.app, name="fleet")

USAGE, BUG = 64, 70

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="STATEWARD_DATA_DIR",
        help="Folder of the database and keys.  [default: $XDG_DATA_HOME/stateward, as root /var/lib/stateward]",
        show_default=False,
    ),
]
AdminKeyId = Annotated[
    str,
    typer.Option(envvar="STATEWARD_ADMIN_ACCESS_KEY_ID", help="The administrator's access key, set at every start."),
]
AdminSecret = Annotated[
    str,
    typer.Option(
        envvar="STATEWARD_ADMIN_SECRET_ACCESS_KEY",
        help="Its secret. Better in the environment: arguments are seen by every user of the machine.",
    ),
]


def fail(message: str, code: int = 1) -> NoReturn:
    """Say on standard error what is wrong, and end."""
    typer.echo(f"stateward: {message}", err=True)
    raise typer.Exit(code)


def _duration_of_steps(text: str) -> str:
    """The text, if it is a duration or a range of durations. Raises ConfigurationError."""
    if problem := range_problem("--simulated-step", text):
        raise ConfigurationError(problem)
    return text


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from stateward.wire.model import ServiceModel

        typer.echo(f"stateward {version('stateward')} (service model: {ServiceModel.load().version})")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """State Manager, anywhere."""


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(envvar="STATEWARD_HOST", help="Address to listen on, over TLS if not loopback.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="STATEWARD_PORT", min=0, max=65535, help="Port to listen on; 0 picks a free one.")
    ] = DEFAULT_PORT,
    tls_port: TlsPort = None,
    tls_name: TlsName = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    drain: Drain = DEFAULT_DRAIN_S,
    data_dir: DataDir = None,
    auth: Annotated[
        str, typer.Option(envvar="STATEWARD_AUTH", help="sigv4, or open (loopback only): anybody is administrator.")
    ] = "sigv4",
    clock: Annotated[
        str, typer.Option(envvar="STATEWARD_CLOCK", help="system, or virtual: time that POST /_stateward/clock turns.")
    ] = "system",
    simulated_step: Annotated[
        str,
        typer.Option(
            envvar="STATEWARD_SIMULATED_STEP",
            help="How long steps of simulated nodes take without a rule, such as 0s or 1s..5s.",
        ),
    ] = USUAL,
    region: Annotated[str, typer.Option(envvar="STATEWARD_REGION", help="Default region.")] = DEFAULT_REGION,
    account_id: Annotated[
        str, typer.Option(envvar="STATEWARD_ACCOUNT_ID", help="Account of the administrator's key.")
    ] = DEFAULT_ACCOUNT,
    allowed_hosts: Annotated[
        str, typer.Option(envvar="STATEWARD_ALLOWED_HOSTS", help="Host names to answer to beside loopback, by commas.")
    ] = "",
    insecure_http: Annotated[
        bool,
        typer.Option(envvar="STATEWARD_INSECURE_HTTP", help="Listen without TLS on other addresses than loopback too."),
    ] = False,
    metrics_public: Annotated[
        bool, typer.Option(envvar="STATEWARD_METRICS_PUBLIC", help="Serve /metrics without a key off loopback.")
    ] = False,
    iam_roles: Annotated[
        str, typer.Option(envvar="STATEWARD_IAM_ROLES", help="The only role names that activations may use, by commas.")
    ] = "",
    node_parameters: NodeParameters = None,
    alarms: AlarmsFile = None,
    alarm_url: AlarmUrl = "",
    s3_endpoint: S3Endpoint = "",
    quota: Annotated[
        list[str] | None,
        typer.Option(envvar="STATEWARD_QUOTAS", help="A limit as NAME=N; again for others, or several by commas."),
    ] = None,
    rate_limit: Annotated[
        str, typer.Option(envvar="STATEWARD_RATE_LIMIT", help="Requests per second and access key, such as 20/s.")
    ] = "",
    event_webhook: Annotated[
        list[str] | None,
        typer.Option(
            envvar="STATEWARD_EVENT_WEBHOOKS", help="Address to post events to; again for others, or several by commas."
        ),
    ] = None,
    event_webhook_secret: Annotated[
        str,
        typer.Option(
            envvar="STATEWARD_EVENT_WEBHOOK_SECRET",
            help="What webhooks are signed with, whsec_….  [default: made once, in webhook.secret]",
            show_default=False,
        ),
    ] = "",
    event_file: Annotated[
        Path | None, typer.Option(envvar="STATEWARD_EVENT_FILE", help="File to append events to, as JSON lines.")
    ] = None,
    event_stdout: Annotated[
        bool, typer.Option(envvar="STATEWARD_EVENT_STDOUT", help="Print events as JSON lines on standard output.")
    ] = False,
    event_retention_days: Annotated[
        int,
        typer.Option(envvar="STATEWARD_EVENT_RETENTION_DAYS", min=1, help="How long delivered events stay readable."),
    ] = 30,
    otlp_endpoint: OtlpEndpoint = "",
    groups: Annotated[
        Path | None, typer.Option(envvar="STATEWARD_GROUPS", help="JSON file of resource groups: name, tag filters.")
    ] = None,
    retention: Annotated[
        str, typer.Option(envvar="STATEWARD_RETENTION", help="How long history is kept, such as 90d, or forever.")
    ] = f"{DEFAULT_RETENTION_DAYS}d",
    output_retention: Annotated[
        str,
        typer.Option(
            envvar="STATEWARD_OUTPUT_RETENTION",
            help="How long the output of steps is kept, if less.  [default: as long as the history]",
            show_default=False,
        ),
    ] = "forever",
    rotate_node_keys: RotateNodeKeys = "never",
    output_limit: OutputLimit = "512K",
    per_run_history: Annotated[
        bool,
        typer.Option(
            envvar="STATEWARD_PER_RUN_HISTORY", help="Show every run of legacy and Policy associations, not one row."
        ),
    ] = False,
    new_master_key: Annotated[
        bool,
        typer.Option(
            envvar="STATEWARD_NEW_MASTER_KEY",
            help="Start although the database's master key is lost, and give up what it has encrypted.",
        ),
    ] = False,
    log_level: Annotated[
        str, typer.Option(envvar="STATEWARD_LOG_LEVEL", help="debug, info, warning or error.")
    ] = "info",
    log_format: Annotated[
        str, typer.Option(envvar="STATEWARD_LOG_FORMAT", help="text or json, on standard error.")
    ] = "text",
    admin_access_key_id: AdminKeyId = "",
    admin_secret_access_key: AdminSecret = "",
) -> None:
    """Run the server until SIGTERM or Ctrl-C."""
    from stateward import serving
    from stateward.cli.logs import configure_logs
    from stateward.cli.loop import run_loop

    try:
        configure_logs(log_level, log_format)
        folder = data_dir or _default_data_dir(clock)
        config = Config(
            data_dir=folder,
            host=host,
            port=port,
            auth=auth,
            clock=clock,
            simulated_step=_duration_of_steps(simulated_step),
            region=region,
            account_id=account_id,
            allowed_hosts=_names(allowed_hosts),
            insecure_http=insecure_http,
            tls_port=tls_port_of(
                tls_port,
                host=host,
                port=port,
                clock=clock,
                insecure_http=insecure_http,
                asked=bool(tls_name or tls_cert or tls_key),
            ),
            tls_names=_names(",".join(tls_name or ())),
            tls_cert=tls_cert,
            tls_key=tls_key,
            drain_s=drain,
            metrics_public=metrics_public,
            iam_roles=_names(iam_roles),
            node_parameters=_names(",".join(node_parameters or ())),
            alarms=alarms,
            alarm_url=alarm_url or None,
            s3_endpoint=s3_endpoint or None,
            admin_access_key_id=admin_access_key_id or None,
            admin_secret_access_key=admin_secret_access_key or None,
            durable=clock != "virtual" or data_dir is not None,
            new_master_key=new_master_key,
            quotas=Quotas.parse(_names(",".join(quota or ()))),
            rate_limit=requests_per_second(rate_limit) if rate_limit else None,
            event_webhooks=_names(",".join(event_webhook or ())),
            event_webhook_secret=event_webhook_secret or None,
            event_file=event_file,
            event_stdout=event_stdout,
            event_retention_days=event_retention_days,
            otlp_endpoint=otlp_endpoint or None,
            otlp_headers=os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", ""),
            groups=groups,
            retention_days=days("--retention", retention),
            output_retention_days=days("--output-retention", output_retention),
            rotate_node_keys_days=days("--rotate-node-keys", rotate_node_keys, "never"),
            output_limit=bytes_of_output(output_limit),
            per_run_history=per_run_history,
        )

        def ready(url: str) -> None:
            # Standard output belongs to the events where they are wanted there.
            typer.echo(f"Stateward is listening on {url}", err=event_stdout)
            if clock == "virtual" and data_dir is None:
                typer.echo(f"Its data lies in {folder} until it ends; for its key: {_KEY_OF.format(folder)}", err=True)

        run_loop(serving.serve(config, ready))
    except (ConfigurationError, serving.CannotServe, ValueError) as error:
        fail(str(error))


@app.command()
def ca(data_dir: DataDir = None) -> None:
    """Print the certificate of the server's own CA (PEM), for nodes and clients that are to trust it."""
    from stateward.tls.authority import CertificateProblem, ca_pem

    try:
        typer.echo(ca_pem(data_dir or data_home("stateward")), nl=False)
    except CertificateProblem as error:
        fail(str(error))


@app.command()
def demo() -> None:
    """Show the whole way, on this machine, in a temporary folder: node, association, execution, history."""
    from stateward.cli.demo import DemoFailed, run_demo

    try:
        run_demo()
    except DemoFailed as error:
        fail(f"the demo failed: {error}")
    except KeyboardInterrupt:
        fail("the demo was interrupted", 130)


@app.command()
def local(
    data_dir: DataDir = None,
    port: Annotated[
        int, typer.Option(envvar="STATEWARD_PORT", min=0, max=65535, help="Port to listen on; 0 picks a free one.")
    ] = DEFAULT_PORT,
) -> None:
    """Run a server and make this machine a managed node of it, until Ctrl-C (what `make run` does)."""
    from stateward.cli.local import LocalFailed, run_local

    try:
        run_local(data_dir or data_home("stateward"), port)
    except LocalFailed as error:
        fail(str(error))


_KEY_OF = 'eval "$(stateward credentials --data-dir {})"'


def _default_data_dir(clock: str) -> Path:
    if clock != "virtual":
        return data_home("stateward")
    import atexit
    import shutil
    import tempfile

    # A virtual clock without a folder of its own keeps nothing (D47).
    folder = Path(tempfile.mkdtemp(prefix="stateward-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def main() -> None:
    """Entry point of the installed program. Exit codes: 64 for a wrong option, 70 for a bug (D68)."""
    for kind in typer.BadParameter.__mro__:
        if kind.__name__ == "UsageError":
            # The library's 2 means here that there is a difference.
            kind.exit_code = USAGE  # type: ignore[attr-defined]
    try:
        app(prog_name="stateward")
    except Exception:
        import traceback

        traceback.print_exc()
        sys.exit(BUG)
    sys.exit(0)
