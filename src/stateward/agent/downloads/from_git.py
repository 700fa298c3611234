"""sourceType Git: a branch or a commit, by the git program (spec 5.5). No shell reads any of it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from stateward.agent.downloads import placing
from stateward.agent.downloads.fetching import Budget, Fetched, Order, options_of
from stateward.agent.plugins import running
from stateward.agent.plugins.calling_off import CalledOff, end_of
from stateward.agent.plugins.step import StepFailed

_SCHEMES = ("https://", "http://", "ssh://", "file://")
# git@github.com:owner/repository.git
_SSH = re.compile(r"[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[^:]+")
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+@-]{0,250}")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
_LINE = re.compile(r"(?P<mode>\d{6}) (?P<kind>\w+) \w+ +(?P<size>\d+|-)\t(?P<path>.*)", re.DOTALL)
_MOST_LISTING_BYTES = 32 * 1024 * 1024
_ASKPASS = """#!/bin/sh
case "$1" in
Username*) printf '%s' "$STATEWARD_GIT_USERNAME" ;;
*) printf '%s' "$STATEWARD_GIT_PASSWORD" ;;
esac
"""
_QUIET = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "protocol.ext.allow=never"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "gc.auto=0"),
    *("-c", "advice.detachedHead=false"),
)


async def fetch(order: Order) -> Fetched:
    """Clone without history where that is possible, look at what is there, and only then check it out."""
    repository = _repository(order.info.required("repository"), insecure=order.info.flag("allowInsecureDownload"))
    kind, ref = options_of(order.info.text("getOptions"))
    if not (_BRANCH if kind == "branch" else _COMMIT).fullmatch(ref or "0000000"):
        raise StepFailed(
            f"sourceInfo.getOptions: {ref[:60]!r} is no {'branch' if kind == 'branch' else 'commit'} of git"
        )
    git = _Git(order, await _environment(order, repository))
    clone, content = order.folder / "repository", order.folder / "content"
    branch = ("--branch", ref) if kind == "branch" else ()
    depth = () if kind == "commitID" else ("--depth=1", "--single-branch")
    await git.run("clone", "--quiet", "--no-checkout", "--no-tags", *depth, *branch, "--", repository, str(clone))
    commit = ref if kind == "commitID" else "HEAD"
    _check_listing(await git.run("-C", str(clone), "ls-tree", "-r", "-l", "-z", commit, keep=True), order.budget)
    content.mkdir()
    await git.run("-C", str(clone), f"--work-tree={content}", "checkout", "--quiet", "--force", commit, "--", ".")
    _check_links(content)
    return Fetched(content)


class _Git:
    """The git program of this node, in the step's clean environment."""

    def __init__(self, order: Order, environment: dict[str, str]) -> None:
        program = shutil.which("git", path=environment["PATH"])
        if program is None:
            raise StepFailed("git is not on this node")
        self._program = program
        self._order = order
        self._environment = environment

    async def run(self, *arguments: str, keep: bool = False) -> str:
        setting = self._order.setting
        program = self._limited([self._program, *_QUIET, *arguments])
        keep_bytes = _MOST_LISTING_BYTES if keep else 4_000
        ended = await running.run(program, self._order.folder, self._environment, setting, keep_bytes=keep_bytes)
        if ended.timed_out or (ended.code < 0 and setting.interruption.reason):
            raise CalledOff(end_of(setting.interruption.reason))
        if keep and ended.overflowed[0]:
            raise StepFailed("the repository has more files than this node takes")
        if ended.code != 0:
            raise StepFailed(f"git ended with exit code {ended.code}: {ended.standard_error.strip()[-2_000:]}")
        return ended.standard_output

    def _limited(self, program: Sequence[str]) -> list[str]:
        """The program under a limit for the size of each file that it writes, packs included."""
        blocks = max(1, self._order.setting.sources.most_bytes // 512)
        return ["/bin/sh", "-c", 'ulimit -f "$0" && exec "$@"', str(blocks), *program]


def _repository(text: str, *, insecure: bool) -> str:
    if text.startswith("-") or any(ord(letter) < 32 for letter in text):
        raise StepFailed("sourceInfo.repository is no address of a repository")
    if not text.startswith(_SCHEMES) and not _SSH.fullmatch(text):
        raise StepFailed(f"sourceInfo.repository {text[:100]!r}: use https://, ssh:// or git@host:path")
    if text.startswith("http://") and not insecure:
        raise StepFailed("sourceInfo.repository is not secure: use https, or allowInsecureDownload")
    return text


async def _environment(order: Order, repository: str) -> dict[str, str]:
    """The step's environment, and how git gets at what is not public; no secret stands in an argument."""
    info, folder = order.info, order.folder
    environment = {
        **order.setting.environment,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "https:http:ssh:file",
        "GIT_CONFIG_COUNT": "0",
    }
    password = await info.secret("password")
    if password:
        askpass = folder / "askpass"
        _write_private(askpass, _ASKPASS, 0o700)
        environment |= {
            "GIT_ASKPASS": str(askpass),
            "STATEWARD_GIT_USERNAME": await info.secret("username"),
            "STATEWARD_GIT_PASSWORD": password,
            # Another host must not be told the password.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.followRedirects",
            "GIT_CONFIG_VALUE_0": "false",
        }
    ssh = ["ssh", "-o", "BatchMode=yes"]
    key = await info.secret("privateSSHKey")
    if key:
        path = folder / "ssh-key"
        _write_private(path, key.replace("\r\n", "\n").rstrip("\n") + "\n", 0o600)
        ssh += ["-i", str(path), "-o", "IdentitiesOnly=yes"]
    if info.flag("skipHostKeyChecking"):
        ssh += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    else:
        ssh += ["-o", "StrictHostKeyChecking=yes"]
    # git gives this one to a shell; nothing in it comes from a document.
    return {**environment, "GIT_SSH_COMMAND": shlex.join(ssh), "GIT_SSH_VARIANT": "ssh"}


def _write_private(path: Path, text: str, mode: int) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)


def _check_listing(listing: str, budget: Budget) -> None:
    """Count what a checkout would write, before it does."""
    for line in filter(None, listing.split("\0")):
        found = _LINE.fullmatch(line)
        if found is None:
            raise StepFailed("the repository's listing cannot be read")
        if found["kind"] == "commit":
            continue  # a submodule: it stays an empty folder
        placing.parts_of(found["path"])
        budget.take_file()
        budget.take(int(found["size"]) if found["size"] != "-" else 0)


def _check_links(content: Path) -> None:
    for folder, names, files in os.walk(content):
        for name in (*names, *files):
            path = Path(folder, name)
            if path.is_symlink():
                placing.check_link(path.relative_to(content).parts, os.readlink(path))
