"""``./dev`` itself: the system packages that it needs, what it refuses, and what it hands over."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from deploy.dev import commands, debian, environment
from deploy.dev.environment import SetupError
from tests.support.checkout import ROOT
from tests.support.waiting import HANG_S


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with apt-get and nothing else, and a user who may not use it."""
    apt = tmp_path / "apt-get"
    apt.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian, "SYSTEM_FOLDERS", ())
    monkeypatch.setattr(environment, "is_whole", lambda root, packages: False)
    monkeypatch.setattr(debian, "ENSUREPIP", debian.Program("/no/such/ensurepip", "python3.11-venv"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return tmp_path


def test_packages_missing_and_not_installable_prints_the_command(bare_machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who may not install is told exactly what to run, and the exit status is 2."""
    assert commands.main(["bench", "ingest"]) == 2
    told = capsys.readouterr().err
    names = "python3.11-venv mosquitto mosquitto-clients"
    assert told.endswith(f"; run: sudo apt-get update && sudo apt-get install -y --no-install-recommends {names}\n")


def test_packages_without_apt_are_named(bare_machine: Path) -> None:
    """On a system without apt the user is told what is missing."""
    (bare_machine / "apt-get").unlink()
    with pytest.raises(SetupError, match="mosquitto"):
        debian.install(["mosquitto"])


def test_packages_are_installed_as_the_printed_command_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine may have no package lists, or old ones, so they are fetched first; nobody is asked for a password."""
    calls: list[list[str]] = []
    monkeypatch.setattr(debian, "run_quietly", lambda command, failure: calls.append([str(word) for word in command]))
    monkeypatch.setattr(debian, "root_prefix", lambda: ["sudo", "-n"])
    monkeypatch.setattr(shutil, "which", lambda name, path: f"/usr/bin/{name}")
    debian.install(["strace"])
    assert [("install" in call, "update" in call) for call in calls] == [(False, True), (True, False)]
    assert all(call[:2] == ["sudo", "-n"] for call in calls)
    assert calls[-1][-1] == "strace"


def test_program_present_outside_the_users_path_and_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian keeps daemons where an ordinary user's PATH does not look; a file need not be executable."""
    (tmp_path / "mosquitto").touch(mode=0o755)
    (tmp_path / "library.go").touch(mode=0o644)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(debian, "SYSTEM_FOLDERS", (str(tmp_path),))
    files = [debian.Program(str(tmp_path / name), f"{name}-dev") for name in ("library.go", "absent.go")]
    assert debian.missing_packages([debian.MOSQUITTO, debian.MOSQUITTO_SUB, *files]) == ["mosquitto-clients", "absent.go-dev"]


@pytest.mark.parametrize(("slow", "needed"), [([], False), (["--slow"], True), (["-k", "x", "--slow"], True)])
def test_packages_of_slow_tests_only_with_slow(slow: list[str], needed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call needs its own programs and no others."""
    monkeypatch.setattr(debian.Program, "is_present", lambda program: False)
    assert (debian.GO.package in commands.COMMANDS["test"].missing_packages(slow)) is needed
    assert debian.MOSQUITTO.package not in commands.COMMANDS["demo"].missing_packages(slow)


@pytest.mark.parametrize("arguments", [["frobnicate"], [], ["--slow"]])
def test_main_unknown_subcommand_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A subcommand that is not there is named, with those that are, and nothing is installed."""
    assert commands.main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert all(part in told.err for part in [*arguments, *(f"  ./dev {name} " for name in commands.COMMANDS)])


def test_main_lint_with_arguments_exits_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Lint checks everything, always."""
    monkeypatch.setattr(environment, "ensure", lambda root, packages: None)
    assert commands.main(["lint", "gateway"]) == 2
    assert "`gateway`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("demo --for 20s --json out.json", "-P -m gateway.cli demo --for 20s --json out.json"),
        ("bench ingest --json out.json", "-P -m tests.bench ingest --json out.json"),
        ("privacy --json out.json", "-P -m tests.privacy.measured --json out.json"),
        ("test -k this", "-m pytest --durations=10 -m not_slow --numprocesses=3 --dist=loadfile -k this"),
        ("test -x --slow", "-m pytest --durations=10 -m slow -x"),
        ("lock --upgrade", "-m deploy.dev.lock --upgrade"),
    ],
)
def test_main_hands_over_every_argument(arguments: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `./dev` does not know belongs to the program that it starts."""
    handed: list[list[str]] = []
    monkeypatch.setattr(environment, "ensure", lambda root, packages: None)
    monkeypatch.setattr(commands.Command, "missing_packages", lambda command, arguments: [])
    monkeypatch.setattr(os, "chdir", lambda folder: None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    monkeypatch.setattr(os, "execve", lambda program, words, environ: handed.append(words[1:]))
    commands.main(arguments.split())
    assert handed == [[word.replace("_", " ") for word in expected.split()]]


def test_script_from_anywhere_with_spaces_passes_arguments_whole(tmp_path: Path) -> None:
    """The shell part works from any folder and in any folder, and leaves arguments and the caller's folder alone."""
    checkout, elsewhere = tmp_path / "my check out", tmp_path / "else where"
    elsewhere.mkdir()
    (checkout / "deploy" / "dev").mkdir(parents=True)
    shutil.copy(ROOT / "dev", checkout / "dev")
    (checkout / "deploy" / "dev" / "__main__.py").write_text("import os, sys; print(os.getcwd(), sys.argv[1:])")
    (elsewhere / "link").symlink_to(checkout / "dev")
    for program in (checkout / "dev", elsewhere / "link"):
        done = subprocess.run(
            [program, "a b", "*", ""], cwd=elsewhere, capture_output=True, text=True, check=True, timeout=HANG_S
        )
        assert done.stdout == f"{elsewhere} ['a b', '*', '']\n"


@pytest.mark.slow
def test_fresh_copy_two_starts_at_once_both_work_and_later_ones_are_quick(tmp_path: Path) -> None:
    """The real thing: a copy of the checkout sets itself up once, and from then on starts in under 3 s."""
    copy = tmp_path / "fresh copy"
    ignored = shutil.ignore_patterns(".git", ".venv", "*_cache", ".hypothesis", "__pycache__", "*.egg-info", "build")
    shutil.copytree(ROOT, copy, ignore=ignored)
    start = [str(copy / "dev"), "test", "--version"]
    first = [subprocess.Popen(start, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in first:
        printed, _ = process.communicate(timeout=600)
        assert process.returncode == 0
        assert printed.startswith("pytest ")
    started = time.monotonic()
    done = subprocess.run(start, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=HANG_S)
    assert time.monotonic() - started < 3
    assert "installing" not in done.stderr
    subprocess.run([copy / ".venv" / "bin" / "python", "-I", "-c", "import gateway, consent"], check=True, timeout=HANG_S)
