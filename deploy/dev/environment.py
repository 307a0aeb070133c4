"""The virtual environment ``.venv``: made from a lock file, trusted only while its stamp matches.

The stamp is removed first and written last, so an interrupted installation is never mistaken for a finished one. It is a hash of
all that the environment is made from; when any of that changes, the whole environment is made again. The demo needs only the
gateway's own packages, so that it starts soon, and also where a test tool has no wheel, as on a Raspberry Pi.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

BUILD_LOCK = Path("deploy/requirements-build.txt")
RUNTIME_LOCK = Path("deploy/requirements.txt")
DEVELOPMENT_LOCK = Path("deploy/requirements-dev.txt")  # holds every package of the runtime lock too
STAMP_NAME = "dev-stamp"

#: Lines of a failed installer's output that are shown: enough for its error, not the whole download.
TAIL_LINES = 30


class SetupError(Exception):
    """The environment cannot be made; the message says what the user has to know or do. Exit status 2."""


def say(message: str) -> None:
    """Print one line of progress on standard error, since standard output is the command's own."""
    print(f"dev: {message}", file=sys.stderr, flush=True)


def run_quietly(command: Sequence[str | Path], failure: str) -> None:
    """Run an installer and show the end of its output only if it fails.

    Raises:
        SetupError: It could not be started or its exit status is not 0; the message begins with `failure`.
    """
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except OSError as error:
        raise SetupError(f"{failure}: {error}") from error
    if done.returncode != 0:
        tail = done.stdout.decode(errors="replace").splitlines()[-TAIL_LINES:]
        raise SetupError("\n".join([failure, *(f"    {line}" for line in tail)]))


def stamp_of(root: Path, packages: Path) -> str:
    """Return the stamp of an environment made now from a lock file: a hash of interpreter, place, locks and metadata."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    metadata = [project.get(table) for table in ("build-system", "project")] + [project.get("tool", {}).get("setuptools")]
    locks = [(root / lock).read_bytes() for lock in (BUILD_LOCK, packages)]
    return sha256(repr([sys.version_info[:2], sys.platform, os.fspath(root), metadata, locks]).encode()).hexdigest()


def is_whole(root: Path, packages: Path) -> bool:
    """Return whether there is a finished environment with these packages, made from the files as they are now."""
    try:
        stamp = (root / ".venv" / STAMP_NAME).read_text(encoding="ascii")
        return stamp in (stamp_of(root, packages), stamp_of(root, DEVELOPMENT_LOCK))
    except (OSError, ValueError):
        return False


@contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Hold the checkout's lock, so that of several ./dev only one installs at a time."""
    with (root / "pyproject.toml").open() as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another ./dev, which is installing")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ensure(root: Path, packages: Path) -> None:
    """Make the environment from a lock file, unless there is one with these packages.

    Raises:
        SetupError: It cannot be made.
    """
    if is_whole(root, packages):
        return
    with only_one(root):
        if not is_whole(root, packages):  # another ./dev may just have made it
            _make(root, packages)


def _make(root: Path, packages: Path) -> None:
    started, folder, python = time.monotonic(), root / ".venv", sys.version.split()[0]
    count = (root / packages).read_text(encoding="utf-8").count("==")
    say(f"making .venv with Python {python} and the {count} packages of {packages}, each checked against its hash")
    (folder / STAMP_NAME).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    # By the base interpreter, for this one may itself lie in the folder that was just removed.
    base = getattr(sys, "_base_executable", None) or sys.executable
    run_quietly([base, "-I", "-m", "venv", folder], "the virtual environment could not be made")
    # Which registry pip asks is the machine's own setting.
    pip = (folder / "bin" / "python", "-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check")
    locks = ("--require-hashes", "-r", root / BUILD_LOCK, "-r", root / packages)
    run_quietly([*pip, *locks], f"the packages of {packages} could not be installed")
    project = ("--no-index", "--no-deps", "--no-build-isolation", "--editable", root)
    run_quietly([*pip, *project], "the project itself could not be installed")
    (folder / STAMP_NAME).write_text(stamp_of(root, packages), encoding="ascii")
    say(f"the environment is ready after {time.monotonic() - started:.0f} s")
