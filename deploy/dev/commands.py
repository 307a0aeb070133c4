"""The subcommands of ``./dev``: what each needs, and what it hands over to.

Every argument that is not named here goes to the program that is handed over to.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.dev import debian, environment, fresh
from deploy.dev.environment import DEVELOPMENT_LOCK, RUNTIME_LOCK
from deploy.dev.report import SetupError, say

ROOT = Path(__file__).resolve().parents[2]

SLOW = "--slow"

#: What `./dev lint` runs, each by its own configuration in pyproject.toml. All run, whatever the earlier ones found.
CHECKS = ("ruff check", "ruff format --check", "mypy", "lint-imports --no-logo")


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand.

    Attributes:
        run: Takes the environment's Python and the arguments, and returns the exit status.
        packages: The lock file whose packages it needs; None where the Python that is there will do.
        programs: The system programs that it needs, and with `--slow` the slow ones too.
    """

    usage: str
    summary: str
    run: Callable[[Path, Sequence[str]], int]
    packages: Path | None = DEVELOPMENT_LOCK
    programs: tuple[debian.Program, ...] = ()
    slow_programs: tuple[debian.Program, ...] = ()

    def missing_packages(self, arguments: Sequence[str]) -> list[str]:
        """Return the Debian packages that have to be installed before a call with those arguments."""
        own = [] if self.packages is None else environment.missing_packages(ROOT, self.packages)
        return own + debian.missing_packages(self.programs + (self.slow_programs if SLOW in arguments else ()))


def _demo(python: Path, arguments: Sequence[str]) -> int:
    # With the user's own PATH: the commands that it prints are to work where they are read.
    return _become([python, "-P", "-m", "gateway.cli", "demo", *arguments], PATH=os.environ.get("PATH", os.defpath))


def _bench(python: Path, arguments: Sequence[str]) -> int:
    # The benches are not installed with the project; the caller's folder stays, for the files named in the arguments.
    return _become([python, "-P", "-m", "tests.bench", *arguments], PYTHONPATH=str(ROOT))


def _test(python: Path, arguments: Sequence[str]) -> int:
    # The quick ones side by side, one more than there are processors since many wait; the slow ones measure, and run alone.
    workers = min(len(os.sched_getaffinity(0)), 7) + 1
    which = ("slow",) if SLOW in arguments else ("not slow", f"--numprocesses={workers}", "--dist=loadfile")
    rest = [argument for argument in arguments if argument != SLOW]
    return _module("pytest", "--durations=10", "-m", *which)(python, rest)


def _module(*words: str) -> Callable[[Path, Sequence[str]], int]:
    """Return what becomes a module of the checkout's own environment, run at its top."""

    def run(python: Path, arguments: Sequence[str]) -> int:
        os.chdir(ROOT)
        return _become([python, "-m", *words, *arguments])

    return run


def _lint(python: Path, arguments: Sequence[str]) -> int:
    if arguments:
        raise SetupError(f"lint takes no arguments, not `{arguments[0]}`")
    failed = []
    for check in CHECKS:
        print(f"== {check}", flush=True)
        started, (program, *options) = time.monotonic(), check.split()
        command = [os.fspath(python.with_name(program)), *options]
        status = subprocess.run(command, cwd=ROOT, env=_environ(), stdin=subprocess.DEVNULL, check=False).returncode
        print(f"== {check}: {'failed' if status else 'ok'} ({time.monotonic() - started:.1f} s)", flush=True)
        failed += [check] if status else []
    print(f"lint: {'failed: ' + ', '.join(failed) if failed else 'ok'}")
    return 1 if failed else 0


_BENCH_PROGRAMS = (debian.MOSQUITTO, debian.MOSQUITTO_SUB, debian.LIBATOMIC)
_TEST_PROGRAMS = (*_BENCH_PROGRAMS, debian.NGINX, debian.JQ, debian.STRACE)

COMMANDS: dict[str, Command] = {
    "demo": Command(
        "demo [--for 30s] [--json FILE] ...", "a small city on this machine, ending with a verified audit", _demo, RUNTIME_LOCK
    ),
    "test": Command(
        "test [--slow] [PYTEST ARGUMENTS]",
        "the tests; with --slow the long ones instead",
        _test,
        programs=_TEST_PROGRAMS,
        slow_programs=(debian.GO, debian.GO_MOD),
    ),
    "lint": Command("lint", "style, types and import rules", _lint),
    "bench": Command("bench NAME [--json FILE] ...", "measure against peers on this machine", _bench, programs=_BENCH_PROGRAMS),
    "fresh": Command(
        "fresh [--suite bookworm|trixie] [--user]",
        "demo and tests in a bare Debian, as a stranger runs them",
        lambda _, arguments: fresh.main(ROOT, arguments),
        packages=None,
        programs=(debian.DEBOOTSTRAP,) if fresh.can_enter_namespaces() else (),
    ),
    "docs": Command("docs", "write the pages of docs/ that are made from the source anew", _module("tests.docs")),
    "lock": Command("lock [--upgrade]", "write the lock files anew from pyproject.toml", _module("deploy.dev.lock")),
}


def usage() -> str:
    """Return the help text."""
    width = max(len(command.usage) for command in COMMANDS.values()) + 2
    rows = "\n".join(f"  ./dev {command.usage:<{width}}{command.summary}" for command in COMMANDS.values())
    return f"usage:\n{rows}\n\nEach sets up what it needs first: .venv, and Debian packages where it may."


def main(arguments: Sequence[str]) -> int:
    """Run a subcommand and return its exit status; 2 when it is unknown or its environment cannot be made."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("", ())
    if name in ("-h", "--help", "help"):
        print(usage())
        return 0
    if name not in COMMANDS:
        print(f"dev: unknown command `{name}`" if name else "dev: which command?", usage(), sep="\n", file=sys.stderr)
        return 2
    command = COMMANDS[name]
    try:
        if command.missing_packages(rest):
            with environment.only_one(ROOT):
                debian.install(command.missing_packages(rest))
        python = Path(sys.executable) if command.packages is None else environment.ensure(ROOT, command.packages)
        return command.run(python, rest)
    except SetupError as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        say("interrupted; the next start begins that step again")
        return 130


def _environ() -> dict[str, str]:
    """Return the environment of what is handed over to: ours, with .venv's programs first."""
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    scripts = ROOT / ".venv" / "bin"
    return environ | {"PATH": f"{scripts}{os.pathsep}{debian.search_path()}", "VIRTUAL_ENV": str(scripts.parent)}


def _become(command: Sequence[str | Path], **extra: str) -> int:
    """Hand over to the command in this process, so that signals and the terminal are its own."""
    sys.stdout.flush()
    os.execve(command[0], [str(part) for part in command], _environ() | extra)  # noqa: S606  no shell is wanted
