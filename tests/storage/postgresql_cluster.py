"""A PostgreSQL of this test run alone: found on PATH or where Debian puts it, in a temporary folder, on a socket."""

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

NOT_FOUND = "no PostgreSQL was found (pg_ctl, initdb and postgres on PATH or below /usr/lib/postgresql)"
WAIT_S = 60


def binaries():
    """The folder of pg_ctl, initdb and postgres, the newest one; None where there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("pg_ctl")
    for folder in ([Path(on_path).parent] if on_path else []) + debian:
        if all((folder / name).exists() for name in ("pg_ctl", "initdb", "postgres")):
            return folder
    return None


@contextmanager
def cluster(folder_of_programs):
    """Arguments for asyncpg.connect while a fresh cluster runs."""
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="stateward-postgresql-"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, user.pw_uid, user.pw_gid)
        _run(user, folder, folder_of_programs / "initdb", "-D", folder / "data", "-U", "test", "--no-sync", *INITDB)
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c shared_buffers=16MB"
        pg_ctl = (folder_of_programs / "pg_ctl", "-D", folder / "data")
        _run(user, folder, *pg_ctl, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield {"host": str(folder), "user": "test", "database": "postgres"}
        finally:
            _run(user, folder, *pg_ctl, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


INITDB = ("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")


def _user():
    """Who runs it: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise AssertionError("root needs a user postgres or nobody to run PostgreSQL as")


def _run(user, folder, *command):
    as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    ended = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server that pg_ctl starts
        stderr=subprocess.DEVNULL,
        timeout=WAIT_S,
        check=False,
        **as_user,
    )
    assert ended.returncode == 0, f"{command} ended with {ended.returncode}"
