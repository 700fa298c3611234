"""The documentation tells of everything that there is, its links lead somewhere, and the README's tour still works."""

import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import typer

import stateward.app
from stateward.cli.main import app

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "changelog.d").glob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TOUR = re.compile(r"<!-- tour: (\w+) -->\n```console\n(.*?)```", re.DOTALL)
VOLATILE = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"mi-[0-9a-f]{17}"), "<node>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"), "<instant>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<address>"),
)


def read(*parts):
    return (ROOT.joinpath(*parts)).read_text(encoding="utf-8")


def commands_of(command, path="stateward"):
    """Every command with a callback of its own, by its words."""
    inner = getattr(command, "commands", {})
    if not inner:
        yield path, command
    for name, one in inner.items():
        yield from commands_of(one, f"{path} {name}")


def refused_members():
    """The members in every NOT_BUILT of the server's modules."""
    loaded = [module for name, module in sys.modules.items() if name.startswith(stateward.__name__)]
    return sorted({member for module in loaded for member in getattr(module, "NOT_BUILT", ())})


def test_every_operation_is_documented(server):
    page = read("docs", "api.md")
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert rows == set(server.thread_server.performer.operations)


@pytest.mark.parametrize("member", refused_members())
def test_every_refused_member_is_documented(member):
    assert f"`{member}`" in read("docs", "api.md")


def test_there_are_refused_members_to_look_at():
    assert "NotificationConfig" in refused_members()


@pytest.mark.parametrize(("words", "command"), list(commands_of(typer.main.get_command(app))))
def test_every_command_and_option_is_documented(words, command):
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES if page.parent.name == "docs")
    assert f"`{words}`" in text
    for option in (one for one in command.params if one.param_type_name == "option"):
        variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar or []
        for name in (*option.opts, *variables):
            assert f"`{name}`" in text, f"{words}: {name} is not documented"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_internal_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link}: there is no such file"
        assert not anchor or anchor in anchors(target), f"{link}: there is no such heading"


def test_every_page_is_in_the_index():
    index = {link.partition("#")[0] for link in LINK.findall(read("docs", "README.md"))}
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")} - {"README.md"}
    assert pages <= index


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="the tour needs bash and curl")
def test_the_tour_of_the_readme_works(tmp_path):
    tour = Tour(tmp_path)
    try:
        for terminal, text in TOUR.findall(read("README.md")):
            tour.play(terminal, text)
    finally:
        tour.close()


def anchors(page):
    """The anchors of a page's headings, made as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def steps_of(text):
    """(command, expected output) of a console block."""
    steps = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append(([line[2:]], []))
        elif line.startswith("> ") or line == ">":
            steps[-1][0].append(line[2:])
        else:
            steps[-1][1].append(line)
    return [("\n".join(command), "\n".join(output)) for command, output in steps]


def without_volatile(text):
    for pattern, name in VOLATILE:
        text = pattern.sub(name, text)
    return [line.rstrip() for line in text.strip().splitlines()]


class Tour:
    """Three terminals in one folder."""

    def __init__(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STATEWARD_"))}
        self._environment = kept | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "STATEWARD_PORT": str(port),
            "NO_PROXY": "127.0.0.1",
        }
        self._folder = folder
        self._shells = {}

    def play(self, terminal, text):
        """Type a block's commands in a terminal, and compare what it prints."""
        for command, expected in steps_of(text):
            lasting = command.startswith(("stateward serve", "stateward agent join"))
            end = "listening on" if "serve" in command else "the control channel is open"
            output = self._type(terminal, command, end if lasting else None)
            if not lasting or expected:
                assert without_volatile(output) == without_volatile(expected), command

    def close(self):
        for shell in reversed(self._shells.values()):
            os.killpg(shell.pid, signal.SIGTERM)
            shell.communicate(timeout=20)

    def _type(self, terminal, command, end):
        shell = self._shells.get(terminal) or self._open(terminal)
        mark = end or "the command has ended"
        shell.stdin.write(f"{command}\n" if end else f"{command}\nprintf '\\n%s\\n' '{mark}'\n")
        shell.stdin.flush()
        lines = []
        for line in shell.stdout:
            lines.append(line)
            if mark in line:
                break
        else:
            raise AssertionError(f"{command}: the terminal was closed\n{''.join(lines)}")
        if end is None and terminal == "client":
            self._settle(shell)
        return "".join(lines if end else lines[:-1])

    def _open(self, terminal):
        self._shells[terminal] = subprocess.Popen(
            ["bash", "--norc"],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return self._shells[terminal]

    def _settle(self, shell):
        """A reader is slower than this test: wait until what was started has been done."""
        shell.stdin.write('echo "$AWS_ENDPOINT_URL_SSM $AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"\n')
        shell.stdin.flush()
        url, key = shell.stdout.readline().split()
        headers = {
            "authorization": f"Basic {base64.b64encode(key.encode()).decode()}",
            "content-type": "application/json",
        }
        request = urllib.request.Request(f"{url}/_stateward/clock", b'{"advance": "0s"}', headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200
