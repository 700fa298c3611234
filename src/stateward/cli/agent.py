"""`stateward agent`: this machine as a managed node."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from stateward.config import DEFAULT_REGION, data_home

app = typer.Typer(no_args_is_help=True)

StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        envvar="STATEWARD_AGENT_STATE_DIR",
        help="Folder of the node's identity and journal.  "
        "[default: $XDG_DATA_HOME/stateward-agent, as root /var/lib/stateward-agent]",
        show_default=False,
    ),
]
Endpoint = Annotated[
    str, typer.Option("--endpoint", envvar="STATEWARD_AGENT_ENDPOINT", help="The server's address, https://host:port.")
]
Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        envvar="STATEWARD_AGENT_INSECURE",
        help="Talk plain http with another machine: who can listen can register nodes.",
    ),
]
RebootCommand = Annotated[
    str,
    typer.Option(
        "--reboot-command",
        envvar="STATEWARD_AGENT_REBOOT_COMMAND",
        help="Shell command for steps that end with exit code 194, such as `shutdown -r +1`. Empty: they fail.",
    ),
]
GithubUrl = Annotated[
    str,
    typer.Option(
        "--github-url",
        envvar="STATEWARD_AGENT_GITHUB_URL",
        help="The API that archives of repositories come from, for a GitHub of one's own.",
    ),
]
S3Endpoint = Annotated[
    str,
    typer.Option(
        "--s3-endpoint",
        envvar="STATEWARD_AGENT_S3_ENDPOINT",
        help="What speaks S3 in place of AWS, for content of that kind.  [default: AWS]",
        show_default=False,
    ),
]
DownloadLimit = Annotated[
    int,
    typer.Option(
        "--download-limit",
        envvar="STATEWARD_AGENT_DOWNLOAD_LIMIT",
        min=1,
        help="How many MiB one step may download.",
    ),
]
LogLevel = Annotated[
    str, typer.Option("--log-level", envvar="STATEWARD_AGENT_LOG_LEVEL", help="debug, info, warning or error.")
]
LogFormat = Annotated[
    str, typer.Option("--log-format", envvar="STATEWARD_AGENT_LOG_FORMAT", help="text or json, on standard error.")
]


@app.command()
def register(
    endpoint: Endpoint,
    activation_id: Annotated[
        str, typer.Option(envvar="STATEWARD_AGENT_ACTIVATION_ID", help="The activation's id, a UUID.")
    ],
    activation_code: Annotated[
        str,
        typer.Option(
            envvar=["STATEWARD_ACTIVATION_CODE", "STATEWARD_AGENT_ACTIVATION_CODE"],
            help="The activation's code. Better in the environment: arguments are seen by every user of the machine.  "
            "[required]",
            show_default=False,
        ),
    ] = "",
    region: Annotated[str, typer.Option(envvar="STATEWARD_AGENT_REGION", help="Region to sign with.")] = DEFAULT_REGION,
    insecure: Insecure = False,
    state_dir: StateDir = None,
    log_level: LogLevel = "warning",
    log_format: LogFormat = "text",
) -> None:
    """Make this machine a managed node, and print its id."""
    _configure_logs(log_level, log_format)
    if not activation_code:
        _fail("the activation's code is missing: put it into STATEWARD_ACTIVATION_CODE, or give --activation-code")
    _check_way(endpoint, insecure=insecure)
    typer.echo(_register(_state_dir(state_dir), endpoint, activation_id, activation_code, region))


@app.command()
def run(
    state_dir: StateDir = None,
    reboot_command: RebootCommand = "",
    github_url: GithubUrl = "https://api.github.com",
    s3_endpoint: S3Endpoint = "",
    download_limit: DownloadLimit = 1024,
    log_level: LogLevel = "info",
    log_format: LogFormat = "text",
) -> None:
    """Take and run commands until SIGTERM or Ctrl-C."""
    _configure_logs(log_level, log_format)
    _run(_state_dir(state_dir), reboot_command, (github_url, s3_endpoint, download_limit), log_level, log_format)


@app.command()
def join(
    endpoint: Endpoint,
    state_dir: StateDir = None,
    name: Annotated[str, typer.Option(envvar="STATEWARD_AGENT_NAME", help="Name of the node in lists.")] = "",
    tag: Annotated[
        list[str] | None,
        typer.Option(envvar="STATEWARD_AGENT_TAG", help="A tag of the node, key=value; may be repeated."),
    ] = None,
    iam_role: Annotated[
        str, typer.Option(envvar="STATEWARD_AGENT_IAM_ROLE", help="Role name of the activation.")
    ] = "stateward",
    insecure: Insecure = False,
    reboot_command: RebootCommand = "",
    github_url: GithubUrl = "https://api.github.com",
    s3_endpoint: S3Endpoint = "",
    download_limit: DownloadLimit = 1024,
    log_level: LogLevel = "info",
    log_format: LogFormat = "text",
) -> None:
    """Register this machine with your own AWS credentials, unless it is registered there, and run the agent."""
    from stateward.agent import identity
    from stateward.agent.client import checked_endpoint

    _configure_logs(log_level, log_format)
    folder = _state_dir(state_dir)
    try:
        endpoint = checked_endpoint(endpoint)
        present = identity.registered(folder)
        tags = [_tag(text) for text in tag or []]
    except (ValueError, identity.IdentityProblem) as error:
        _fail(str(error))
    if present is None:
        _check_way(endpoint, insecure=insecure)
        activation, region = _create_activation(endpoint, name, tags, iam_role)
        _register(folder, endpoint, activation["ActivationId"], activation["ActivationCode"], region)
    elif present.endpoint != endpoint:
        _fail(f"{folder}: already registered as {present.node_id} at {present.endpoint}, use another --state-dir")
    _run(folder, reboot_command, (github_url, s3_endpoint, download_limit), log_level, log_format)


@app.command()
def status(
    state_dir: StateDir = None,
    output: Annotated[
        str, typer.Option("--output", "-o", envvar="STATEWARD_AGENT_OUTPUT", help="text or json.")
    ] = "text",
) -> None:
    """Tell who this node is and how its agent is; exit code 3: not registered, 5: not running or not connected."""
    from stateward.cli import agent_upkeep

    agent_upkeep.show_status(_state_dir(state_dir), output)


@app.command()
def install(
    state_dir: StateDir = None,
    user: Annotated[
        bool,
        typer.Option("--user", envvar="STATEWARD_AGENT_USER", help="For this user, instead of the whole machine."),
    ] = False,
    only_print: Annotated[
        bool, typer.Option("--print", envvar="STATEWARD_AGENT_PRINT", help="Print the unit and write nothing.")
    ] = False,
) -> None:
    """Write a systemd unit that runs the agent, and tell what to do next."""
    from stateward.cli import agent_upkeep

    agent_upkeep.install(_state_dir(state_dir), user=user, only_print=only_print)


@app.command()
def update(
    state_dir: StateDir = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure", envvar="STATEWARD_AGENT_INSECURE", help="Take a program over plain http from another machine."
        ),
    ] = False,
) -> None:
    """Replace the agent's zip-app by the one that the server hands out, and restart the service."""
    from stateward.cli import agent_upkeep

    agent_upkeep.update(_state_dir(state_dir), insecure=insecure)


@app.command()
def pack(
    file: Annotated[Path, typer.Argument(help="Where it goes.", show_default=False)] = Path("stateward-agent.pyz"),
) -> None:
    """Make a zip-app of the agent, for machines of this system and Python."""
    from stateward.cli import agent_upkeep

    agent_upkeep.pack(file)


def run_zipapp() -> None:
    """The whole program of a zip-app: `stateward-agent.pyz agent …`."""
    program = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
    program.add_typer(app, name="agent")
    program.callback()(lambda: None)
    program()


def _create_activation(
    endpoint: str, name: str, tags: list[dict[str, str]], iam_role: str
) -> tuple[dict[str, Any], str]:
    """A fresh activation for one node, and the region that it belongs to."""
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        _fail("join needs the package stateward with boto3: use `register` with an activation here")
    session = boto3.Session()
    # botocore itself reads AWS_DEFAULT_REGION only.
    region = os.environ.get("AWS_REGION") or session.region_name or DEFAULT_REGION
    optional = {key: value for key, value in {"DefaultInstanceName": name, "Tags": tags}.items() if value}
    try:
        ssm = session.client("ssm", endpoint_url=endpoint, region_name=region)
        return ssm.create_activation(IamRole=iam_role, RegistrationLimit=1, **optional), region
    except (BotoCoreError, ClientError) as error:
        _fail(f"no activation could be created at {endpoint}: {error}")


def _register(state_dir: Path, endpoint: str, activation_id: str, activation_code: str, region: str) -> str:
    from stateward.agent.identity import IdentityProblem
    from stateward.agent.main import RegistrationFailed
    from stateward.agent.main import register as register_node
    from stateward.cli.loop import run_loop

    try:
        return run_loop(register_node(state_dir, endpoint, activation_id, activation_code, region))
    except (RegistrationFailed, IdentityProblem) as error:
        _fail(str(error))


def _run(
    state_dir: Path, reboot_command: str, sources: tuple[str, str, int], log_level: str, log_format: str
) -> NoReturn:
    from stateward.agent import identity
    from stateward.agent.client import checked_endpoint
    from stateward.agent.sources import Sources
    from stateward.cli.agent_process import AgentOptions, become

    github_url, s3_endpoint, download_limit = sources
    try:
        identity.load(state_dir)
        if s3_endpoint:
            s3_endpoint = checked_endpoint(s3_endpoint)
    except (ValueError, identity.IdentityProblem) as error:
        _fail(str(error))
    become(
        AgentOptions(
            state_dir=str(state_dir),
            reboot_command=reboot_command,
            sources=Sources(github_url=github_url, s3_endpoint=s3_endpoint, most_bytes=download_limit * 1024 * 1024),
            log_level=log_level,
            log_format=log_format,
        )
    )


def _check_way(endpoint: str, *, insecure: bool) -> None:
    from stateward.agent.reaching import is_in_clear

    if is_in_clear(endpoint) and not insecure:
        _fail(f"{endpoint} is not secure: anybody on the way could read the activation's code, use https or --insecure")


def _tag(text: str) -> dict[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ValueError(f"--tag {text!r}: use key=value")
    return {"Key": key, "Value": value}


def _state_dir(given: Path | None) -> Path:
    # A step runs in another folder than this program.
    return (given or data_home("stateward-agent")).absolute()


def _configure_logs(level: str, form: str) -> None:
    from stateward.cli.logs import configure_logs

    try:
        configure_logs(level, form)
    except ValueError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    typer.echo(f"stateward: {message}", err=True)
    raise typer.Exit(1)
