"""The virtual environment ``.venv``: made from the lock files, trusted only when its stamp says that it is whole.

The stamp is written last and removed first, so an installation that was interrupted is never mistaken for a finished
one. It names the Python, the place and the lock files that it was made from; any difference makes the environment anew.
Two sets can be in it: ``runtime``, what the gateway needs, and ``development``, which adds the test tools.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from deploy.dev import debian
from deploy.dev.report import run_quietly, say

BUILD_LOCK = Path("deploy/requirements-build.txt")
RUNTIME_LOCK = Path("deploy/requirements.txt")
DEVELOPMENT_LOCK = Path("deploy/requirements-dev.txt")
STAMP_NAME = "dev-stamp.json"


class Packages(StrEnum):
    """Which of the locked packages a command needs."""

    RUNTIME = "runtime"
    DEVELOPMENT = "development"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an environment was made from."""

    packages: str  # the larger set holds the smaller
    locks: str  # of Python, place and lock files: another value means another environment
    project: str  # of pyproject.toml: another value means that only the project itself is installed again

    def serves(self, wanted: Stamp) -> bool:
        """Return whether an environment with this stamp does for one that should have the wanted stamp."""
        return (self.locks, self.project) == (wanted.locks, wanted.project) and self.has_packages_of(wanted)

    def has_packages_of(self, wanted: Stamp) -> bool:
        """Return whether at least the wanted set of packages is installed."""
        return self.packages in (wanted.packages, Packages.DEVELOPMENT)


def wanted_stamp(root: Path, packages: Packages) -> Stamp:
    """Return the stamp that a complete environment would have now."""
    locks = hashlib.sha256(f"{sys.version_info[:2]} {sys.platform} {os.fspath(root)}".encode())
    for lock in (BUILD_LOCK, RUNTIME_LOCK, DEVELOPMENT_LOCK):
        locks.update(hashlib.sha256((root / lock).read_bytes()).digest())
    project = hashlib.sha256((root / "pyproject.toml").read_bytes())
    return Stamp(packages, locks.hexdigest(), project.hexdigest())


def read_stamp(folder: Path) -> Stamp | None:
    """Return the environment's stamp, or None where there is no whole environment."""
    try:
        return Stamp(**json.loads((folder / STAMP_NAME).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def write_stamp(folder: Path, stamp: Stamp) -> None:
    """Declare the environment whole, in one step."""
    fresh = folder / f"{STAMP_NAME}.new"
    fresh.write_text(json.dumps(asdict(stamp)))
    fresh.replace(folder / STAMP_NAME)


def missing_packages(root: Path) -> list[str]:
    """Return the Debian packages without which the environment cannot be made; none where it need not be."""
    present = read_stamp(root / ".venv")
    if present is not None and present.locks == wanted_stamp(root, Packages.RUNTIME).locks:
        return []
    return debian.missing_venv_package()


def ensure(root: Path, packages: Packages) -> Path:
    """Make the environment if it is not there, and return its Python.

    Args:
        root: The top of the checkout.
        packages: What the command to be run needs.

    Raises:
        SetupError: It cannot be made.
    """
    folder = root / ".venv"
    wanted = wanted_stamp(root, packages)
    present = read_stamp(folder)
    if present is None or not present.serves(wanted):
        with only_one(root) as lock:
            # Whoever held the lock before may have done it all.
            present = read_stamp(folder)
            if present is None or not present.serves(wanted):
                _Making(root, lock).bring_up(present, wanted)
    return folder / "bin" / "python"


@contextlib.contextmanager
def only_one(root: Path) -> Iterator[int]:
    """Hold the checkout's lock: one that lies on a folder leaves no file behind and dies with its holders."""
    handle = os.open(root / "deploy", os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another ./dev, which is installing")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True)
class _Making:
    """The steps that make an environment, each by a program that holds the lock for as long as it runs."""

    root: Path
    lock: int

    @property
    def folder(self) -> Path:
        return self.root / ".venv"

    def bring_up(self, present: Stamp | None, wanted: Stamp) -> None:
        started = time.monotonic()
        (self.folder / STAMP_NAME).unlink(missing_ok=True)
        if present is None or present.locks != wanted.locks:
            present = None
            self.make()
        packages = wanted.packages
        if present is not None and present.has_packages_of(wanted):
            packages = present.packages
        else:
            self.install_locked(RUNTIME_LOCK if packages == Packages.RUNTIME else DEVELOPMENT_LOCK)
        self.install_project()
        write_stamp(self.folder, Stamp(packages, wanted.locks, wanted.project))
        say(f"the environment is ready after {time.monotonic() - started:.0f} s")

    def make(self) -> None:
        say(f"making .venv with Python {sys.version.split()[0]}")
        shutil.rmtree(self.folder, ignore_errors=True)
        # By the base interpreter, for this one may itself lie in the folder that was just removed.
        base = getattr(sys, "_base_executable", None) or sys.executable
        run_quietly([base, "-I", "-m", "venv", self.folder], "the virtual environment could not be made", self.lock)

    def install_locked(self, requirements: Path) -> None:
        count = sum("==" in line for line in (self.root / requirements).read_text().splitlines())
        say(f"installing the {count} packages of {requirements}, each checked against its hash")
        files: list[str | Path] = ["-r", self.root / BUILD_LOCK, "-r", self.root / requirements]
        self._pip(["--require-hashes", *files], f"the packages of {requirements} could not be installed")

    def install_project(self) -> None:
        say("installing the project itself, editable")
        options = ["--no-index", "--no-deps", "--no-build-isolation", "--editable"]
        self._pip([*options, self.root], "the project itself could not be installed")

    def _pip(self, arguments: Sequence[str | Path], failure: str) -> None:
        # Which registry pip asks is the machine's own setting.
        pip = ("-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check")
        run_quietly([self.folder / "bin" / "python", *pip, *arguments], failure, self.lock)
