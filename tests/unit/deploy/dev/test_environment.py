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
from deploy.dev.environment import BUILD_LOCK, DEVELOPMENT_LOCK, RUNTIME_LOCK, ensure, is_whole
from deploy.dev.report import SetupError, run_quietly

STEPS = ["venv", "requirements-dev.txt", "project"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but what an environment is made from."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    for lock in (BUILD_LOCK, RUNTIME_LOCK, DEVELOPMENT_LOCK):
        (tmp_path / lock).write_text("thing==1\n")
    return tmp_path


class Installer:
    """Stands in for the programs that install: notes what was asked of them, and fails on request."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.fails_at = ""

    def __call__(self, command: Sequence[str | Path], failure: str, *, keeps_lock: bool) -> None:
        """Note a step, named by the words that tell it from the others."""
        assert keeps_lock
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


def test_ensure_first_start_installs_all_and_later_ones_nothing(checkout: Path, installer: Installer) -> None:
    """Only the first start costs time; with the test tools there, the demo has what it needs too."""
    assert ensure(checkout, DEVELOPMENT_LOCK) == checkout / ".venv" / "bin" / "python"
    ensure(checkout, DEVELOPMENT_LOCK)
    ensure(checkout, RUNTIME_LOCK)
    assert installer.steps == STEPS
    assert sorted(path.name for path in (checkout / ".venv").iterdir()) == ["bin", environment.STAMP_NAME]


def test_ensure_demo_alone_installs_what_the_gateway_needs(checkout: Path, installer: Installer) -> None:
    """A demo asks for none of the test tools; the first test does."""
    ensure(checkout, RUNTIME_LOCK)
    assert installer.steps == ["venv", "requirements.txt", "project"]
    ensure(checkout, DEVELOPMENT_LOCK)
    assert installer.steps[3:] == STEPS


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_stamp_damaged_counts_as_absent(checkout: Path, installer: Installer, content: bytes) -> None:
    """What cannot be read is not trusted."""
    ensure(checkout, DEVELOPMENT_LOCK)
    (checkout / ".venv" / environment.STAMP_NAME).write_bytes(content)
    assert not is_whole(checkout, DEVELOPMENT_LOCK)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (DEVELOPMENT_LOCK, "thing==2\n"),
        (BUILD_LOCK, "thing==2\n"),
        (Path("pyproject.toml"), "[project]\nname = 'other'\n"),
        (Path("pyproject.toml"), "[project]\n[tool.setuptools]\npackages = []\n"),
    ],
)
def test_ensure_other_sources_make_the_environment_anew(checkout: Path, installer: Installer, file: Path, content: str) -> None:
    """Each lock file and what pyproject.toml says of the project count; nothing of before stays behind."""
    ensure(checkout, DEVELOPMENT_LOCK)
    (checkout / ".venv" / "leftover").touch()
    (checkout / file).write_text(content)
    ensure(checkout, DEVELOPMENT_LOCK)
    assert installer.steps == STEPS * 2
    assert not (checkout / ".venv" / "leftover").exists()


def test_ensure_other_settings_of_tools_change_nothing(checkout: Path, installer: Installer) -> None:
    """What ruff or mypy are told needs no other packages."""
    ensure(checkout, DEVELOPMENT_LOCK)
    (checkout / "pyproject.toml").write_text("[project]\n[tool.mypy]\nstrict = true\n")
    ensure(checkout, DEVELOPMENT_LOCK)
    assert installer.steps == STEPS


def test_ensure_in_a_moved_checkout_makes_the_environment_anew(
    checkout: Path, installer: Installer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An environment knows where it lies."""
    ensure(checkout, DEVELOPMENT_LOCK)
    moved = tmp_path_factory.mktemp("moved") / "checkout"
    shutil.copytree(checkout, moved)
    assert is_whole(checkout, DEVELOPMENT_LOCK)
    assert not is_whole(moved, DEVELOPMENT_LOCK)


@pytest.mark.parametrize("step", STEPS)
def test_ensure_interrupted_leaves_no_stamp_and_begins_again(checkout: Path, installer: Installer, step: str) -> None:
    """An installation that broke off anywhere, a second one too, is never taken for a whole one."""
    ensure(checkout, RUNTIME_LOCK)
    installer.fails_at = step
    with pytest.raises(SetupError):
        ensure(checkout, DEVELOPMENT_LOCK)
    assert not is_whole(checkout, RUNTIME_LOCK)
    installer.fails_at = ""
    installer.steps.clear()
    ensure(checkout, DEVELOPMENT_LOCK)
    assert installer.steps == STEPS


def test_ensure_several_at_once_install_once(checkout: Path, installer: Installer) -> None:
    """Of several first starts one installs; the others wait for it."""
    starts = [threading.Thread(target=ensure, args=(checkout, DEVELOPMENT_LOCK)) for _ in range(4)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert installer.steps == STEPS


def test_missing_packages_without_ensurepip_only_while_there_is_no_environment(
    checkout: Path, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's Python cannot make an environment by itself, and need not once there is one."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    expected = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    assert environment.missing_packages(checkout, RUNTIME_LOCK) == [expected]
    ensure(checkout, RUNTIME_LOCK)
    assert environment.missing_packages(checkout, RUNTIME_LOCK) == []


def test_only_one_installer_of_a_killed_caller_still_keeps_others_away(checkout: Path) -> None:
    """What installs holds the lock with the ./dev that started it, and so beyond it; apt, which may start a daemon, does not."""
    with environment.only_one(checkout):
        assert not _can_lock(checkout)
        command = [sys.executable, "-c", _HOLDS, str((checkout / "deploy").stat().st_ino)]
        run_quietly(command, "the installer does not hold the lock", keeps_lock=True)
        with pytest.raises(SetupError, match="holds no lock"):
            run_quietly(command, "what may start a daemon holds no lock")
    assert _can_lock(checkout)


_HOLDS = """
import os, sys
held = [os.fstat(int(name)).st_ino for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
sys.exit(int(sys.argv[1]) not in held)
"""


def _can_lock(checkout: Path) -> bool:
    handle = os.open(checkout / "deploy", os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True
