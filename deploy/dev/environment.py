"""The virtual environment ``.venv``: made from the lock files, trusted only when its stamp says that it is whole.

The stamp is removed first and written last, so an installation that was interrupted is never mistaken for a finished one. It
stands for all that the environment was made from; whatever differs makes it anew, as a whole. There are two sets of packages:
what the gateway needs, so that the demo runs also where a test tool has no wheel or the network is slow, and the same with the
test tools.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import time
import tomllib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from deploy.dev import debian
from deploy.dev.report import run_quietly, say

BUILD_LOCK = Path("deploy/requirements-build.txt")
RUNTIME_LOCK = Path("deploy/requirements.txt")
DEVELOPMENT_LOCK = Path("deploy/requirements-dev.txt")
"""Holds all of the former."""
STAMP_NAME = "dev-stamp"


def stamp_of(root: Path, packages: Path) -> str:
    """Return the stamp of an environment that is made now, from the lock file ``packages``."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    installed = [project.get(table) for table in ("build-system", "project")] + [project.get("tool", {}).get("setuptools")]
    locks = [(root / lock).read_bytes() for lock in (BUILD_LOCK, packages)]
    return sha256(repr([sys.version_info[:2], sys.platform, os.fspath(root), packages, installed, locks]).encode()).hexdigest()


def is_whole(root: Path, packages: Path) -> bool:
    """Return whether there is an environment with at least these packages."""
    try:
        present = (root / ".venv" / STAMP_NAME).read_text(encoding="ascii")
    except (OSError, ValueError):
        return False
    return present in (stamp_of(root, packages), stamp_of(root, DEVELOPMENT_LOCK))


def missing_packages(root: Path, packages: Path) -> list[str]:
    """Return the Debian packages without which the environment cannot be made; none where it need not be."""
    return [] if is_whole(root, packages) else debian.missing_venv_package()


def ensure(root: Path, packages: Path) -> Path:
    """Make the environment unless it is there, and return its Python.

    Raises:
        SetupError: It cannot be made.
    """
    if not is_whole(root, packages):
        with only_one(root):
            if not is_whole(root, packages):  # whoever held the lock before may have made it
                _make(root, packages)
    return root / ".venv" / "bin" / "python"


@contextlib.contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Hold the checkout's lock, together with the programs that are started to keep it: it ends with the last of them."""
    handle = os.open(root / "deploy", os.O_RDONLY)  # on a folder: no file is left behind
    try:
        os.set_inheritable(handle, True)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another ./dev, which is installing")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _make(root: Path, packages: Path) -> None:
    started, folder = time.monotonic(), root / ".venv"
    count = (root / packages).read_text(encoding="utf-8").count("==")
    say(
        f"making .venv with Python {sys.version.split()[0]} and the {count} packages of {packages}, each checked against its hash"
    )
    (folder / STAMP_NAME).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    # By the base interpreter, for this one may itself lie in the folder that was just removed.
    base = getattr(sys, "_base_executable", None) or sys.executable
    run_quietly([base, "-I", "-m", "venv", folder], "the virtual environment could not be made", keeps_lock=True)
    # Which registry pip asks is the machine's own setting.
    pip = (
        os.fspath(folder / "bin" / "python"),
        "-I",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    )
    locked = ["--require-hashes", *(f"--requirement={root / lock}" for lock in (BUILD_LOCK, packages))]
    run_quietly([*pip, *locked], f"the packages of {packages} could not be installed", keeps_lock=True)
    project = ["--no-index", "--no-deps", "--no-build-isolation", "--editable", os.fspath(root)]
    run_quietly([*pip, *project], "the project itself could not be installed", keeps_lock=True)
    fresh = folder / f"{STAMP_NAME}.new"
    fresh.write_text(stamp_of(root, packages), encoding="ascii")
    fresh.replace(folder / STAMP_NAME)
    say(f"the environment is ready after {time.monotonic() - started:.0f} s")
