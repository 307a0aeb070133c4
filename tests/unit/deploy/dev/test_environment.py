"""The environment that ``./dev`` makes: when it is made, when it is trusted, and who may write it."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.dev import environment
from deploy.dev.environment import Packages, Stamp, ensure, read_stamp, wanted_stamp, write_stamp
from deploy.dev.report import SetupError, run_quietly

ALL = Stamp(Packages.DEVELOPMENT, "locks", "project")
SOME = Stamp(Packages.RUNTIME, "locks", "project")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but what an environment is made from."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    for lock in (environment.BUILD_LOCK, environment.RUNTIME_LOCK, environment.DEVELOPMENT_LOCK):
        (tmp_path / lock).write_text("thing==1\n")
    return tmp_path


class Installer:
    """Stands in for the programs that install: notes what was asked of them, and fails on request."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.fails_at = ""

    def __call__(self, command: Sequence[str | Path], failure: str, lock: int | None = None) -> None:
        """Note a step, named by the words that tell it from the others."""
        words = [str(word) for word in command]
        step = "venv" if "venv" in words else "project" if "--editable" in words else Path(words[-1]).name
        self.steps.append(step)
        if step == "venv":
            (Path(words[-1]) / "bin").mkdir(parents=True)
        if step == self.fails_at:
            raise SetupError(failure)


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> Installer:
    """The installer that ``environment`` uses in a test."""
    stand_in = Installer()
    monkeypatch.setattr(environment, "run_quietly", stand_in)
    return stand_in


def test_stamp_same_serves_and_larger_set_serves_smaller() -> None:
    """The test tools come on top of what the gateway needs, so one environment does for both."""
    assert ALL.serves(ALL)
    assert ALL.serves(SOME)
    assert not SOME.serves(ALL)


@pytest.mark.parametrize("other", [Stamp(ALL.packages, "other", ALL.project), Stamp(ALL.packages, ALL.locks, "other")])
def test_stamp_other_locks_or_project_does_not_serve(other: Stamp) -> None:
    """A lock file or project file that changed is seen."""
    assert not other.serves(ALL)


def test_stamp_written_is_read_back_and_leaves_no_other_file(tmp_path: Path) -> None:
    """The stamp appears in one step."""
    write_stamp(tmp_path, ALL)
    assert read_stamp(tmp_path) == ALL
    assert [path.name for path in tmp_path.iterdir()] == [environment.STAMP_NAME]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"{}", b'{"packages": "runtime"}', b"\xff"])
def test_stamp_damaged_counts_as_absent(tmp_path: Path, content: bytes) -> None:
    """What cannot be read is not trusted."""
    (tmp_path / environment.STAMP_NAME).write_bytes(content)
    assert read_stamp(tmp_path) is None


@pytest.mark.parametrize("lock", [environment.BUILD_LOCK, environment.RUNTIME_LOCK, environment.DEVELOPMENT_LOCK])
def test_wanted_stamp_any_lock_file_changes_it(checkout: Path, lock: Path) -> None:
    """Each of the lock files counts."""
    before = wanted_stamp(checkout, Packages.RUNTIME)
    (checkout / lock).write_text("thing==2\n")
    assert wanted_stamp(checkout, Packages.RUNTIME).locks != before.locks


def test_wanted_stamp_moved_checkout_changes_it(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An environment knows where it lies; moved, it has to be made anew."""
    moved = tmp_path_factory.mktemp("moved") / "checkout"
    shutil.copytree(checkout, moved)
    assert wanted_stamp(moved, Packages.RUNTIME).locks != wanted_stamp(checkout, Packages.RUNTIME).locks


def test_ensure_first_start_installs_all_and_second_nothing(checkout: Path, installer: Installer) -> None:
    """Only the first start costs time."""
    python = ensure(checkout, Packages.DEVELOPMENT)
    assert python == checkout / ".venv" / "bin" / "python"
    assert installer.steps == ["venv", "requirements-dev.txt", "project"]
    ensure(checkout, Packages.DEVELOPMENT)
    ensure(checkout, Packages.RUNTIME)
    assert len(installer.steps) == 3


def test_ensure_runtime_then_development_adds_the_tools(checkout: Path, installer: Installer) -> None:
    """Who began with the demo keeps that environment when the tests come."""
    ensure(checkout, Packages.RUNTIME)
    assert installer.steps == ["venv", "requirements.txt", "project"]
    ensure(checkout, Packages.DEVELOPMENT)
    assert installer.steps[3:] == ["requirements-dev.txt", "project"]


def test_ensure_changed_project_installs_only_the_project(checkout: Path, installer: Installer) -> None:
    """A new entry point needs no new packages, and takes none away."""
    ensure(checkout, Packages.DEVELOPMENT)
    (checkout / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    ensure(checkout, Packages.RUNTIME)
    assert installer.steps[3:] == ["project"]
    ensure(checkout, Packages.DEVELOPMENT)
    assert len(installer.steps) == 4


def test_ensure_changed_lock_makes_the_environment_anew(checkout: Path, installer: Installer) -> None:
    """No package of the old lock file stays behind."""
    ensure(checkout, Packages.DEVELOPMENT)
    (checkout / ".venv" / "leftover").touch()
    (checkout / environment.RUNTIME_LOCK).write_text("thing==2\n")
    ensure(checkout, Packages.DEVELOPMENT)
    assert installer.steps[3] == "venv"
    assert not (checkout / ".venv" / "leftover").exists()


@pytest.mark.parametrize("step", ["venv", "requirements-dev.txt", "project"])
def test_ensure_interrupted_leaves_no_stamp_and_begins_again(checkout: Path, installer: Installer, step: str) -> None:
    """An installation that broke off anywhere is never taken for a whole one."""
    installer.fails_at = step
    with pytest.raises(SetupError):
        ensure(checkout, Packages.DEVELOPMENT)
    assert read_stamp(checkout / ".venv") is None
    installer.fails_at = ""
    installer.steps.clear()
    ensure(checkout, Packages.DEVELOPMENT)
    assert installer.steps == ["venv", "requirements-dev.txt", "project"]


def test_ensure_several_at_once_install_once(checkout: Path, installer: Installer) -> None:
    """Of several first starts one installs; the others wait for it."""
    starts = [threading.Thread(target=ensure, args=(checkout, Packages.DEVELOPMENT)) for _ in range(4)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert installer.steps == ["venv", "requirements-dev.txt", "project"]


def test_missing_packages_without_ensurepip_only_while_there_is_no_environment(
    checkout: Path, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's Python cannot make an environment by itself, and need not once there is one."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    expected = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    assert environment.missing_packages(checkout) == [expected]
    ensure(checkout, Packages.RUNTIME)
    assert environment.missing_packages(checkout) == []


def test_run_quietly_killed_caller_leaves_the_lock_with_the_installer(checkout: Path) -> None:
    """An installer that outlives a killed ./dev still keeps others away from what it writes."""
    with environment.only_one(checkout) as lock:
        copy = os.dup(lock)
    with pytest.raises(BlockingIOError):
        _try_lock(checkout)
    os.close(copy)
    _try_lock(checkout)

    with environment.only_one(checkout) as lock:
        sees_it = "import os, sys; os.fstat(int(sys.argv[1]))"
        run_quietly([sys.executable, "-c", sees_it, str(lock)], "the installer does not hold the lock", lock)


def _try_lock(checkout: Path) -> None:
    handle = os.open(checkout / "deploy", os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(handle)
