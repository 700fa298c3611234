"""What is installed elsewhere: wheel and source archive are whole, and work with the lowest versions they allow."""

import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def said_by(*command, cwd=ROOT, timeout=280):
    done = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder with wheel and source archive, made in an environment of their own as `make wheel` does."""
    folder = tmp_path_factory.mktemp("dist")
    said_by(sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT))
    return folder


@pytest.fixture(scope="session")
def wheel(built):
    return next(built.glob("*.whl"))


def tracked(folder):
    """The files that belong to the repository below a folder."""
    names = said_by("git", "ls-files", "--cached", "--others", "--exclude-standard", folder).splitlines()
    return {name for name in names if (ROOT / name).exists()}


def fresh(folder):
    """A new environment's program that is called with a name and arguments."""
    venv.create(folder, with_pip=True)

    def program(name, *arguments):
        return said_by(str(folder / "bin" / name), *arguments, cwd=folder)

    return program


@pytest.mark.slow_all
@pytest.mark.timeout(300)
def test_the_wheel_has_every_file_of_the_package(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.removeprefix("src/") for name in tracked("src")} <= names
    assert {"stateward/py.typed", "stateward/console/assets/style.css"} <= names


@pytest.mark.slow_all
@pytest.mark.timeout(300)
def test_the_source_archive_has_what_tests_and_pages_need(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert tracked(".") - {".gitignore"} <= names


@pytest.mark.slow_all
@pytest.mark.timeout(300)
def test_the_wheel_works_where_nothing_else_is(wheel, tmp_path):
    program = fresh(tmp_path)
    program("python", "-m", "pip", "install", "--quiet", str(wheel))
    assert f"stateward {PROJECT['version']}" in program("stateward", "--version")
    assert "Hello, State Manager!" in program("stateward", "demo")


@pytest.mark.slow_all
@pytest.mark.timeout(300)
def test_the_lowest_versions_that_are_allowed_work(wheel, tmp_path):
    """What is stated is exactly what is installed; only what these need in turn is as new as it can be."""
    program = fresh(tmp_path)
    lowest = [one.replace(">=", "==") for one in PROJECT["dependencies"]]
    program("python", "-m", "pip", "install", "--quiet", "--no-deps", str(wheel))
    program("python", "-m", "pip", "install", "--quiet", *lowest)
    assert "make_metavar" not in program("stateward", "serve", "--help")
    assert "Hello, State Manager!" in program("stateward", "demo")


def test_every_dependency_has_a_lower_bound_and_no_other():
    extras = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]
    for one in [*PROJECT["dependencies"], *extras]:
        assert re.fullmatch(r"[A-Za-z][\w-]*(\[\w+\])?>=[\d.]+(; .+)?", one), one


def test_the_pages_tell_every_extra():
    page = (ROOT / "docs" / "installing.md").read_text(encoding="utf-8")
    assert set(PROJECT["optional-dependencies"]) - {"dev"} == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def test_the_pythons_that_are_named_begin_with_the_oldest():
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert PROJECT["requires-python"] == f">={named[0]}"
