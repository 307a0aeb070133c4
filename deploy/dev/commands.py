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
from deploy.dev.environment import Packages
from deploy.dev.report import SetupError, say

ROOT = Path(__file__).resolve().parents[2]

SLOW = "--slow"

#: What `./dev lint` runs, each by its own configuration in pyproject.toml. All run, whatever the earlier ones found.
CHECKS: tuple[tuple[str, ...], ...] = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    ("lint-imports", "--no-logo"),
)


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand."""

    name: str
    usage: str
    summary: str
    packages: Packages | None  # None: the Python that is there will do
    run: Callable[[Path, Sequence[str]], int]
    programs: tuple[debian.Program, ...] = ()
    slow_programs: tuple[debian.Program, ...] = ()  # with --slow these too

    def programs_for(self, arguments: Sequence[str]) -> tuple[debian.Program, ...]:
        """Return the system programs that it needs when called with those arguments."""
        return (*self.programs, *self.slow_programs) if SLOW in arguments else self.programs


def _demo(python: Path, arguments: Sequence[str]) -> int:
    # With the user's own PATH: the commands that it prints are to work where they are read.
    return _hand_over([python, "-P", "-m", "gateway.cli", "demo", *arguments], {"PATH": os.environ.get("PATH", os.defpath)})


def _bench(python: Path, arguments: Sequence[str]) -> int:
    # The benches are not installed with the project; the caller's folder stays, for the files named in the arguments.
    environ = {"PYTHONPATH": str(ROOT)}
    return _hand_over([python, "-P", "-m", "tests.bench", *arguments], environ)


def _test(python: Path, arguments: Sequence[str]) -> int:
    marks = "slow" if SLOW in arguments else "not slow"
    rest = [argument for argument in arguments if argument != SLOW]
    os.chdir(ROOT)
    return _hand_over([python, "-m", "pytest", "-m", marks, "--durations=10", *rest])


def _lock(python: Path, arguments: Sequence[str]) -> int:
    os.chdir(ROOT)
    return _hand_over([python, "-m", "deploy.dev.lock", *arguments])


def _docs(python: Path, arguments: Sequence[str]) -> int:
    os.chdir(ROOT)
    return _hand_over([python, "-m", "tests.docs", *arguments])


def _fresh(_python: Path, arguments: Sequence[str]) -> int:
    return fresh.main(ROOT, arguments)


def _lint(python: Path, arguments: Sequence[str]) -> int:
    if arguments:
        raise SetupError(f"lint takes no arguments, not `{arguments[0]}`")
    failed = [name for check in CHECKS if not _passes(name := " ".join(check), [python.with_name(check[0]), *check[1:]])]
    print(f"lint: {'failed: ' + ', '.join(failed) if failed else 'ok'}")
    return 1 if failed else 0


def _passes(name: str, check: Sequence[str | Path]) -> bool:
    started = time.monotonic()
    print(f"== {name}", flush=True)
    done = subprocess.run(check, cwd=ROOT, env=_environ(), stdin=subprocess.DEVNULL, check=False)
    print(f"== {name}: {'ok' if done.returncode == 0 else 'failed'} ({time.monotonic() - started:.1f} s)", flush=True)
    return done.returncode == 0


_BROKER = (debian.MOSQUITTO, debian.MOSQUITTO_SUB)

COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command(
            name="demo",
            usage="demo [--for 30s] [--json FILE] ...",
            summary="a small city on this machine, ending with a verified audit",
            packages=Packages.RUNTIME,
            run=_demo,
        ),
        Command(
            name="test",
            usage="test [--slow] [PYTEST ARGUMENTS]",
            summary="the tests; with --slow the long ones instead",
            packages=Packages.DEVELOPMENT,
            run=_test,
            programs=(*_BROKER, debian.NGINX, debian.JQ, debian.LIBATOMIC),
            slow_programs=(debian.STRACE, debian.GO, debian.GO_MOD),
        ),
        Command(
            name="lint",
            usage="lint",
            summary="style, types and import rules",
            packages=Packages.DEVELOPMENT,
            run=_lint,
        ),
        Command(
            name="bench",
            usage="bench NAME [--json FILE] ...",
            summary="measure against peers on this machine",
            packages=Packages.DEVELOPMENT,
            run=_bench,
            programs=(*_BROKER, debian.LIBATOMIC),
        ),
        Command(
            name="fresh",
            usage="fresh [--suite bookworm|trixie] [--user]",
            summary="demo and tests in a bare Debian, as a stranger runs them",
            packages=None,
            run=_fresh,
            programs=(debian.DEBOOTSTRAP,) if fresh.can_enter_namespaces() else (),
        ),
        Command(
            name="docs",
            usage="docs",
            summary="write the pages of docs/ that are made from the source anew",
            packages=Packages.DEVELOPMENT,
            run=_docs,
        ),
        Command(
            name="lock",
            usage="lock [--upgrade]",
            summary="write the lock files anew from pyproject.toml",
            packages=Packages.DEVELOPMENT,
            run=_lock,
        ),
    )
}


def usage() -> str:
    """Return the help text."""
    rows = "\n".join(f"  ./dev {command.usage:<36}{command.summary}" for command in COMMANDS.values())
    return f"usage:\n{rows}\n\nEach sets up what it needs first: .venv, and Debian packages where it may."


def main(arguments: Sequence[str]) -> int:
    """Run a subcommand and return its exit status; 2 when it is unknown or its environment cannot be made."""
    name = arguments[0] if arguments else ""
    if name in ("-h", "--help", "help"):
        print(usage())
        return 0
    if name not in COMMANDS:
        print(f"dev: unknown command `{name}`" if name else "dev: which command?", usage(), sep="\n", file=sys.stderr)
        return 2
    command, rest = COMMANDS[name], arguments[1:]
    try:
        if _missing_packages(command, rest):
            with environment.only_one(ROOT):
                debian.install(_missing_packages(command, rest))
        python = Path(sys.executable) if command.packages is None else environment.ensure(ROOT, command.packages)
        return command.run(python, rest)
    except SetupError as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        say("interrupted; the next start begins that step again")
        return 130


def _missing_packages(command: Command, arguments: Sequence[str]) -> list[str]:
    environment_packages = [] if command.packages is None else environment.missing_packages(ROOT)
    return [*environment_packages, *debian.missing_packages(command.programs_for(arguments))]


def _environ() -> dict[str, str]:
    """Return the environment of what is handed over to: ours, with .venv's programs first."""
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    scripts = ROOT / ".venv" / "bin"
    return environ | {"PATH": f"{scripts}{os.pathsep}{debian.search_path()}", "VIRTUAL_ENV": str(scripts.parent)}


def _hand_over(command: Sequence[str | Path], extra: dict[str, str] | None = None) -> int:
    """Become the command, so that signals and the terminal are its own."""
    sys.stdout.flush()
    os.execve(command[0], [str(part) for part in command], _environ() | (extra or {}))  # noqa: S606  no shell is wanted
