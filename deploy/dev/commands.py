"""The subcommands of ``./dev``: what each needs, and what it hands over to.

Arguments that a subcommand does not know itself are passed on to the program that it starts.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from deploy.dev import debian, environment, fresh
from deploy.dev.environment import DEVELOPMENT_LOCK, RUNTIME_LOCK, SetupError, say

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / ".venv" / "bin"
SLOW = "--slow"

USAGE = """\
usage:
  ./dev demo [--for 30s] [--json FILE] ...        a small city on this machine, ending with a verified audit
  ./dev test [--slow] [PYTEST ARGUMENTS]          the tests; with --slow the long ones instead
  ./dev lint                                      style, types and import rules
  ./dev bench NAME [--json FILE] ...              measure against peers on this machine
  ./dev soak [--minutes N] [--json FILE] ...      everything goes wrong at random, and at the end all is counted
  ./dev shots DIR                                 pictures of the portal's pages in every state, with an index.html
  ./dev privacy [--json FILE] [--html FILE] ...   how well attacks do on what recipients receive
  ./dev fresh [--suite bookworm|trixie] [--user]  demo and tests in a bare Debian, as a stranger runs them
  ./dev docs                                      remake the pages of docs/ that are made from the source
  ./dev lock [--upgrade]                          remake the lock files from pyproject.toml

Each sets up what it needs first: .venv, and Debian packages where it may."""

#: What `./dev lint` runs, each configured in pyproject.toml. All run, even after one has failed.
CHECKS = ("ruff check", "ruff format --check", "mypy", "lint-imports --no-logo")


class Command(NamedTuple):
    """One subcommand.

    Attributes:
        run: Takes the arguments and returns the exit status.
        packages: The lock file of the environment that it needs, if any.
        programs: The system programs that it needs; with `--slow` the slow ones too.
    """

    run: Callable[[Sequence[str]], int]
    packages: Path | None = DEVELOPMENT_LOCK
    programs: tuple[debian.Program, ...] = ()
    slow_programs: tuple[debian.Program, ...] = ()

    def missing_packages(self, arguments: Sequence[str]) -> list[str]:
        """Return the Debian packages that a call with these arguments still needs."""
        own = () if self.packages is None or environment.is_whole(ROOT, self.packages) else (debian.ENSUREPIP,)
        return debian.missing_packages((*own, *self.programs, *(self.slow_programs if SLOW in arguments else ())))


def _demo(arguments: Sequence[str]) -> int:
    # With the user's own PATH, so that the commands it prints work where they are read.
    return _become("gateway.cli", "demo", *arguments, PATH=os.environ.get("PATH", os.defpath))


def _bench(arguments: Sequence[str]) -> int:
    # In the caller's folder, to which the files in the arguments are relative.
    return _become("tests.bench", *arguments, PYTHONPATH=str(ROOT))


def _soak(arguments: Sequence[str]) -> int:
    return _become("tests.soak", *arguments, PYTHONPATH=str(ROOT))


def _privacy(arguments: Sequence[str]) -> int:
    return _become("tests.privacy.measured", *arguments, PYTHONPATH=str(ROOT))


def _shots(arguments: Sequence[str]) -> int:
    return _become("tests.shots", *arguments, PYTHONPATH=str(ROOT))


def _test(arguments: Sequence[str]) -> int:
    # The quick ones side by side, one more than there are processors since many wait; the slow ones measure, and run alone.
    workers = min(len(os.sched_getaffinity(0)), 7) + 1
    which = ("slow",) if SLOW in arguments else ("not slow", f"--numprocesses={workers}", "--dist=loadfile")
    rest = [argument for argument in arguments if argument != SLOW]
    return _become("pytest", "--durations=10", "-m", *which, *rest, in_checkout=True)


def _lint(arguments: Sequence[str]) -> int:
    if arguments:
        raise SetupError(f"lint takes no arguments, not `{arguments[0]}`")
    failed = []
    for check in CHECKS:
        print(f"== {check}", flush=True)
        program, *options = check.split()
        if subprocess.call([SCRIPTS / program, *options], cwd=ROOT, env=_environ(), stdin=subprocess.DEVNULL):
            failed.append(check)
    print(f"lint: {'failed: ' + ', '.join(failed) if failed else 'ok'}")
    return 1 if failed else 0


BENCH_PROGRAMS = (debian.MOSQUITTO, debian.MOSQUITTO_SUB, debian.LIBATOMIC)
SOAK_PROGRAMS = (debian.MOSQUITTO, debian.FAKETIME)
TEST_PROGRAMS = (*BENCH_PROGRAMS, debian.NGINX, debian.JQ, debian.STRACE, debian.CHROMIUM, debian.PROMTOOL)
FRESH_PROGRAMS = (debian.DEBOOTSTRAP,) if fresh.can_enter_namespaces() else ()

COMMANDS = {
    "demo": Command(_demo, RUNTIME_LOCK),
    "test": Command(_test, programs=TEST_PROGRAMS, slow_programs=(debian.GO, debian.GO_MOD, debian.FAKETIME)),
    "lint": Command(_lint),
    "bench": Command(_bench, programs=BENCH_PROGRAMS),
    "soak": Command(_soak, programs=SOAK_PROGRAMS),
    "shots": Command(_shots, programs=(debian.MOSQUITTO, debian.CHROMIUM)),
    "privacy": Command(_privacy),
    "fresh": Command(lambda arguments: fresh.main(ROOT, arguments), None, FRESH_PROGRAMS),
    "docs": Command(lambda arguments: _become("tests.docs", *arguments, in_checkout=True)),
    "lock": Command(lambda arguments: _become("deploy.dev.lock", *arguments, in_checkout=True)),
}


def main(arguments: Sequence[str]) -> int:
    """Run a subcommand and return its exit status; 2 when it is unknown or its environment cannot be made."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("", ())
    if name in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    if name not in COMMANDS:
        print(f"dev: unknown command `{name}`" if name else "dev: which command?", USAGE, sep="\n", file=sys.stderr)
        return 2
    command = COMMANDS[name]
    try:
        if command.missing_packages(rest):
            with environment.only_one(ROOT):
                debian.install(command.missing_packages(rest))
        if command.packages is not None:
            environment.ensure(ROOT, command.packages)
        return command.run(rest)
    except SetupError as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        say("interrupted; the next start begins that step again")
        return 130


def _environ() -> dict[str, str]:
    """Return the environment of what is started: ours, with .venv's programs first."""
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    return environ | {"PATH": f"{SCRIPTS}{os.pathsep}{debian.search_path()}", "VIRTUAL_ENV": str(SCRIPTS.parent)}


def _become(module: str, *arguments: str, in_checkout: bool = False, **extra: str) -> int:
    """Replace this process by a module under .venv's Python, so that signals and the terminal are its own."""
    sys.stdout.flush()
    if in_checkout:
        os.chdir(ROOT)
    python, safe_path = str(SCRIPTS / "python"), [] if in_checkout else ["-P"]
    os.execve(python, [python, *safe_path, "-m", module, *arguments], _environ() | extra)  # noqa: S606  no shell is wanted
