"""Names from the server for the shell's completion: within 300 ms, else none (console 6)."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable
from typing import Any

import typer

WAIT_S = 0.3
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


def associations(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of associations; the id of one without."""
    return _begin(incomplete, _answer(ctx, _associations))


def executions(ctx: typer.Context, incomplete: str) -> list[str]:
    """`nightly-patch/last`."""
    return _begin(incomplete, [f"{name}/last" for name in _answer(ctx, _associations)])


def nodes(ctx: typer.Context, incomplete: str) -> list[str]:
    """The ids and names of nodes."""
    return _begin(incomplete, _answer(ctx, _nodes))


def documents(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of one's own documents."""
    return _begin(incomplete, _answer(ctx, _documents))


def script(shell: str) -> str:
    """What a shell reads to complete `stateward …`. Raises ValueError for a shell that is not known."""
    if shell not in SHELLS:
        raise ValueError(f"{shell!r}: use one of {', '.join(SHELLS)}")
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    made: str = get_completion_script(prog_name="stateward", complete_var="_STATEWARD_COMPLETE", shell=shell)
    return made


def _begin(incomplete: str, names: list[str]) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete)})


def _answer(ctx: typer.Context, ask: Callable[[Any], list[str]]) -> list[str]:
    """What the server says; nothing when it takes too long or cannot be asked. Only the server's time counts."""
    from stateward.cli.server import Server, Where

    given = ctx.params
    names = {"endpoint": "endpoint_url", "region": "region", "profile": "profile", "ca_bundle": "ca_bundle"}
    where = Where(
        **{member: given.get(option) or "" for member, option in names.items()},
        data_dir=given.get("data_dir"),
        aws=bool(given.get("aws")),
    )
    found: list[str] = []

    def work(server: Any) -> None:
        with contextlib.suppress(Exception), contextlib.redirect_stderr(io.StringIO()):
            found.extend(ask(server))

    with contextlib.suppress(Exception), contextlib.redirect_stderr(io.StringIO()):
        thread = threading.Thread(target=work, args=(Server(where),), daemon=True, name="completion")
        thread.start()
        thread.join(WAIT_S)
        return list(found) if not thread.is_alive() else []
    return []


def _associations(server: Any) -> list[str]:
    rows = server.some("list_associations", "Associations", 200, MaxResults=50)
    return [row.get("AssociationName") or row.get("Name") or row["AssociationId"] for row in rows]


def _nodes(server: Any) -> list[str]:
    rows = server.some("describe_instance_information", "InstanceInformationList", 200, MaxResults=50)
    return [name for row in rows for name in (row.get("Name"), row["InstanceId"]) if name]


def _documents(server: Any) -> list[str]:
    filters = [{"Key": "Owner", "Values": ["Self"]}]
    return [row["Name"] for row in server.some("list_documents", "DocumentIdentifiers", 200, Filters=filters)]
