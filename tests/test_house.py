"""The house rules that no linter knows: time and ids, SQL, sizes, names, imports, options, sleeping tests.

What breaks a rule with a reason stands in a list here, with the reason; a list may get shorter, never longer by itself.
"""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import typer

from stateward.cli.main import app

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "stateward"
TESTS = ROOT / "tests"

MOST_LINES = 500
MOST_FUNCTION_LINES = 70
LONG_MODULES: dict[str, int] = {}
LONG_FUNCTIONS: dict[str, int] = {}
"""path, or path:function → its lines, each with a comment that says why."""

CLOCKS = {"clock.py"}
IDS = {"ids.py"}
TIME_MODULES = {"time", "sched"}
CHANCE_MODULES = {"secrets", "random", "uuid"}
NOW_CALLS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now"}
CHANCE_CALLS = {"os.urandom", "os.getrandom"}
SQL = re.compile(
    r"\s*(SELECT\s|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|(CREATE|DROP|ALTER)\s+(TABLE|INDEX)|PRAGMA\s|"
    r"BEGIN$|COMMIT$|ROLLBACK|SAVEPOINT)"
)
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc", "base", "core", "shared"}
MACHINE_PATHS = ("../shared", "/work/", "/root/")
AGENT_MAY_IMPORT = re.compile(
    r"stateward\.(agent(\..+)?|clock|ids|access\.signing|wire\.agent_message|"
    r"documents\.(flow|interpolation|parameters|schema|content|patterns|declarations|platforms|problems))"
)
SLEEPS = {"time.sleep", "sleep", "pause", "clock.pause", "asyncio.sleep"}
STARTED_BY_NAME = {"stateward.__main__", "stateward.__init__", "stateward.calendars.worker", "stateward.testing.plugin"}


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def source_files():
    return sorted(SOURCE.rglob("*.py"))


def files_of_tests():
    return sorted(TESTS.rglob("*.py"))


def name_of(path):
    return path.relative_to(SOURCE).as_posix()


def imported_by(path):
    """Modules that a module imports: `from a import b` is a.b where that is one of ours, else a."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in our_modules() else node.module for name in names)


@cache
def our_modules():
    names = [name_of(path).removesuffix(".py").removesuffix("/__init__") for path in source_files()]
    return {f"stateward.{name}".replace("/", ".") for name in names}


def attributes_of(path):
    """Dotted texts such as `datetime.now`, with their lines."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node), node.lineno


def functions_of(path):
    """Name and lines of each function; a command's parameters are declarations of options and do not count."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            command = any(ast.unparse(decorator).startswith("app.command(") for decorator in node.decorator_list)
            first = node.body[0].lineno if command else node.lineno
            yield node.name, node.end_lineno - first + 1


def tops(names):
    return {name.partition(".")[0] for name in names}


def in_source(broken):
    """What `broken(path)` finds in each module: {name: findings}, without the empty ones."""
    found = {name_of(path): list(broken(path)) for path in source_files()}
    return {name: findings for name, findings in found.items() if findings}


def test_the_house_is_found():
    assert len(source_files()) > 100
    assert len(files_of_tests()) > 30


# Time, chance, SQL


def test_only_clock_asks_for_the_time():
    def broken(path):
        if name_of(path) not in CLOCKS:
            yield from tops(imported_by(path)) & TIME_MODULES
            yield from (found for found in attributes_of(path) if found[0] in NOW_CALLS)

    assert in_source(broken) == {}


def test_only_ids_makes_what_cannot_be_repeated():
    def broken(path):
        if name_of(path) not in IDS:
            yield from tops(imported_by(path)) & CHANCE_MODULES
            yield from (found for found in attributes_of(path) if found[0] in CHANCE_CALLS)

    assert in_source(broken) == {}


def test_sql_stands_in_stores_and_storage():
    def broken(path):
        if path.name.startswith("store") or name_of(path).startswith("storage/"):
            return
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value):
                yield node.lineno, node.value[:60]

    assert in_source(broken) == {}


# Sizes and names


def test_modules_stay_small():
    sizes = {path.relative_to(ROOT).as_posix(): lines_of(path) for path in source_files() + files_of_tests()}
    assert {name: size for name, size in sizes.items() if size > LONG_MODULES.get(name, MOST_LINES)} == {}


def test_functions_stay_small():
    sizes = {
        f"{path.relative_to(ROOT).as_posix()}:{function}": size
        for path in source_files() + files_of_tests()
        for function, size in functions_of(path)
    }
    assert {key: size for key, size in sizes.items() if size > LONG_FUNCTIONS.get(key, MOST_FUNCTION_LINES)} == {}


def lines_of(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def test_exceptions_of_size_are_still_needed():
    for name, lines in LONG_MODULES.items():
        assert MOST_LINES < lines_of(ROOT / name) == lines, name
    for key, size in LONG_FUNCTIONS.items():
        name, _, function = key.partition(":")
        assert size in [lines for found, lines in functions_of(ROOT / name) if found == function], key


def test_modules_are_named_after_what_they_know():
    def broken(path):
        for part in path.relative_to(SOURCE).with_suffix("").parts:
            if part in VAGUE_NAMES or part.endswith(("_utils", "_helpers", "_manager", "_base")):
                yield part

    assert in_source(broken) == {}


# Imports


def test_nothing_imports_tests():
    names = {path.stem for path in files_of_tests()} | {"tests", "pytest", "hypothesis", "moto"}
    kit = {"testing/plugin.py": {"pytest"}}  # the test kit's plugin, which no other module imports
    assert in_source(lambda path: tops(imported_by(path)) & names - kit.get(name_of(path), set())) == {}


def test_every_module_is_imported_by_another():
    """A module that nobody uses is dead; one that is not in the repository yet may still be on its way."""
    used = {name for path in source_files() for name in imported_by(path)}
    packages = {f"stateward.{name_of(path.parent).replace('/', '.')}" for path in SOURCE.rglob("*/__init__.py")}
    dead = our_modules() - used - packages - STARTED_BY_NAME
    tracked = {path.relative_to(ROOT).as_posix() for path in tracked_files()}
    assert {name for name in dead if f"src/{name.replace('.', '/')}.py" in tracked} == set()


def test_the_agent_imports_only_what_it_may():
    def broken(path):
        if name_of(path).startswith("agent/"):
            ours = (name for name in imported_by(path) if name.startswith("stateward"))
            yield from (name for name in ours if not AGENT_MAY_IMPORT.fullmatch(name))

    assert in_source(broken) == {}


def loaded_by(statement):
    """Modules that are loaded after a statement in a fresh process."""
    code = f"import sys; {statement}; print(*sorted(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    return set(ended.stdout.split())


def test_an_agent_never_loads_botocore():
    loaded = loaded_by("import stateward.agent.main")
    assert "stateward.agent.runner" in loaded
    assert not tops(loaded) & {"botocore", "boto3", "apsw", "starlette", "uvicorn"}


def test_commands_that_talk_to_a_server_load_none():
    loaded = loaded_by("import stateward.cli.main, stateward.cli.agent")
    assert not loaded & {"stateward.app", "stateward.serving"}
    assert not tops(loaded) & {"botocore", "boto3", "apsw", "starlette", "uvicorn", "cryptography", "structlog"}


# Options of the command line


def options():
    """(command, option) for every option of every command."""

    def walk(command, words):
        yield from ((" ".join(words), parameter) for parameter in command.params)
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(child, [*words, name])

    yield from walk(typer.main.get_command(app), ["stateward"])


OWN_MEANING = {"--help", "--version", "--install-completion", "--show-completion"}
NO_VARIABLE = {"--aws"}
"""A variable that was forgotten must not let a command run on AWS."""
OF_ONE_CALL = {
    "--all",
    "--at",
    "--comment",
    "--count",
    "--default",
    "--document",
    "--document-version",
    "--exit-code",
    "--failed",
    "--file",
    "--limit",
    "--map",
    "--max-concurrency",
    "--max-errors",
    "--no-header",
    "--node",
    "--not-compliant",
    "--not-started",
    "--not-well",
    "--only-at-schedule",
    "--parameter",
    "--path",
    "--print",
    "--query",
    "--quiet",
    "--remove",
    "--reveal",
    "--schedule",
    "--since",
    "--status",
    "--step",
    "--tag",
    "--tail",
    "--target",
    "--timed-out",
    "--timeout",
    "--type",
    "--watch",
}
"""What one call is about, in the commands for people: a variable would change the next one as well, unseen."""


def test_options_have_a_variable_and_a_help_text():
    missing = []
    for command, option in options():
        if OWN_MEANING & set(option.opts):
            continue
        variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar
        is_argument = option.param_type_name == "argument"
        if (
            not is_argument
            and not (NO_VARIABLE | OF_ONE_CALL) & set(option.opts)
            and (not variables or not all(variable.startswith("STATEWARD_") for variable in variables))
        ):
            missing.append((command, option.opts, "environment variable"))
        if not option.help or option.hidden:
            missing.append((command, option.opts, "help"))
    assert missing == []


# Tests


def test_tests_do_not_sleep():
    """They wait for a condition with a time-out; `asyncio.sleep(0)` only lets others go on."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path in files_of_tests()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in SLEEPS and ast.unparse(node) != "asyncio.sleep(0)"
    ]
    assert found == []


def test_names_of_test_files_are_unique():
    names = [path.name for path in files_of_tests() if path.name != "conftest.py"]
    assert sorted(names) == sorted(set(names)), "pytest imports them by their bare names"
    assert not list(TESTS.rglob("__init__.py"))


# The repository


def tracked_files():
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout: which files are the repository's cannot be told")
    return [ROOT / name for name in listed.split("\0") if name]


def test_no_path_of_somebodys_machine_is_in_the_repository():
    found = []
    for path in tracked_files():
        # The recordings say what a real agent said, its home among it.
        if path == Path(__file__) or not path.is_file() or "official-agent" in path.parts:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # not a text
        found += [f"{path.relative_to(ROOT)}: {part}" for part in MACHINE_PATHS if part in text]
    assert found == []
