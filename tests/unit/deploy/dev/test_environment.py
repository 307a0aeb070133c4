"""The environment that ``./dev`` makes: when it is made, when it is trusted, and who may write it."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from deploy.dev import environment
from deploy.dev.environment import BUILD_LOCK, DEVELOPMENT_LOCK, RUNTIME_LOCK, SetupError, ensure, is_whole, run_quietly

STEPS = ["venv", "requirements-dev.txt", "project"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but what an environment is made from."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    for lock in (BUILD_LOCK, RUNTIME_LOCK, DEVELOPMENT_LOCK):
        (tmp_path / lock).write_text(f"thing==1  # {lock.name}\n")
    return tmp_path


class Installer:
    """Stands in for the programs that install: notes what was asked of them, and fails on request."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.fails_at = ""

    def __call__(self, command: Sequence[str | Path], failure: str) -> None:
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


def test_run_quietly_failure_shows_the_end_of_the_output() -> None:
    """What an installer said is shown when it fails, and only then."""
    program = "import sys; print('the beginning', *range(99), 'the reason', sep='\\n'); sys.exit(3)"
    with pytest.raises(SetupError, match=r"could not(?s:.*)the reason") as failed:
        run_quietly([sys.executable, "-c", program], "could not")
    assert "the beginning" not in str(failed.value)
    with pytest.raises(SetupError, match="could not"):
        run_quietly(["no-such-program-anywhere"], "could not")


def test_ensure_first_start_installs_all_and_later_ones_nothing(checkout: Path, installer: Installer) -> None:
    """Only the first start costs time; with the test tools there, the demo has what it needs too."""
    for packages in (DEVELOPMENT_LOCK, DEVELOPMENT_LOCK, RUNTIME_LOCK):
        ensure(checkout, packages)
    assert installer.steps == STEPS


def test_ensure_demo_alone_installs_what_the_gateway_needs(checkout: Path, installer: Installer) -> None:
    """A demo asks for none of the test tools; the first test does."""
    ensure(checkout, RUNTIME_LOCK)
    assert installer.steps == ["venv", "requirements.txt", "project"]
    ensure(checkout, DEVELOPMENT_LOCK)
    assert installer.steps[3:] == STEPS


def _moved(checkout: Path) -> Path:
    return Path(shutil.copytree(checkout, checkout / "elsewhere"))


def _written(file: Path, content: bytes) -> Callable[[Path], Path]:
    def change(checkout: Path) -> Path:
        (checkout / file).write_bytes(content)
        return checkout

    return change


@pytest.mark.parametrize(
    ("change", "whole"),
    [
        (_written(DEVELOPMENT_LOCK, b"thing==2\n"), False),
        (_written(BUILD_LOCK, b"thing==2\n"), False),
        (_written(Path("pyproject.toml"), b"[project]\nname = 'other'\n"), False),
        (_written(Path("pyproject.toml"), b"[project]\n[tool.setuptools]\npackages = []\n"), False),
        (_written(Path("pyproject.toml"), b"[project]\n[tool.mypy]\nstrict = true\n"), True),
        (_written(Path(".venv") / environment.STAMP_NAME, b""), False),
        (_written(Path(".venv") / environment.STAMP_NAME, b"\xff"), False),
        (_moved, False),
    ],
)
def test_ensure_after_a_change_makes_the_environment_anew(
    checkout: Path, installer: Installer, change: Callable[[Path], Path], whole: bool
) -> None:
    """Locks, metadata, place and a readable stamp count, tools' settings do not; nothing of before stays behind."""
    ensure(checkout, DEVELOPMENT_LOCK)
    (checkout / ".venv" / "leftover").touch()
    changed = change(checkout)
    assert is_whole(changed, DEVELOPMENT_LOCK) is whole
    ensure(changed, DEVELOPMENT_LOCK)
    assert installer.steps == STEPS * (1 if whole else 2)
    assert (changed / ".venv" / "leftover").exists() is whole


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
    with environment.only_one(checkout):
        for start in starts:
            start.start()
        assert installer.steps == []
    for start in starts:
        start.join()
    assert installer.steps == STEPS
