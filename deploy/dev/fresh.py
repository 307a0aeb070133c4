"""``./dev fresh``: the demo and the quick tests as a stranger runs them, in a bare Debian with nothing beside the clone.

The base system is built by debootstrap and kept as an archive; each run unpacks it anew, takes over what this site needs to reach
its package registries (``deploy.dev.site``), clones the checkout into it and follows the README. All of it happens in mount and
process namespaces of its own, so that nothing is left mounted or running, whatever ends the run.

    dev → commands → fresh → base system (archive) → site → clone → ./dev demo, ./dev test
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.dev import debian, site
from deploy.dev.environment import SetupError, run_quietly, say

#: What a stranger's machine has before the first command of the README.
BASE_PACKAGES = ("git", "ca-certificates", "python3")
SUITES = ("bookworm", "trixie")
#: A kept base system that is older is built anew, so that the mirror still has the packages that it knows of.
KEPT_DAYS = 14
#: Of the ordinary user of `--user`; Debian gives it to nobody else.
USER_ID = 1234

#: What the README says to run; the demo is given an end, since nobody presses Ctrl-C.
STEPS: tuple[tuple[str, ...], ...] = (("demo", "--for", "20s"), ("test",))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step ended."""

    name: str
    status: int
    seconds: float
    last_line: str  # pytest's own count, for the tests

    def to_text(self) -> str:
        """Return a few words for the summary line."""
        count = re.search(r"\d+ passed[^=]*?(?= in )|\d+ failed[^=]*?(?= in )", self.last_line)
        shown = f" ({count.group().strip()})" if count else ""
        return f"{self.name} {'ok' if self.status == 0 else f'failed with {self.status}'} in {self.seconds:.0f} s{shown}"


def main(root: Path, arguments: Sequence[str]) -> int:
    """Run demo and tests in a bare Debian.

    Args:
        root: The top of the checkout; what is committed there is what runs.
        arguments: `[--suite NAME] [--user]`.

    Returns:
        0 where both succeeded, else 1.

    Raises:
        SetupError: The base system cannot be built.
    """
    parser = argparse.ArgumentParser(prog="./dev fresh", description=__doc__.split("\n\n")[0])
    parser.add_argument("--suite", choices=SUITES, default=SUITES[0], help="Debian's release (default: %(default)s)")
    parser.add_argument(
        "--user",
        action="store_true",
        help="as an ordinary user with an unwritable home, LANG=C and a path with a space; root installs what is printed",
    )
    options = parser.parse_args(arguments)
    _note_uncommitted(root)
    if not can_enter_namespaces():
        say("no bare Debian without root and namespaces of its own: demo and tests run in a fresh clone on this machine")
        return _on_this_machine(root)
    archive = base_archive(options.suite)
    with tempfile.TemporaryDirectory(prefix="sluice-fresh-") as folder:
        system = Path(folder) / options.suite
        _unpack(archive, system)
        return _BareSystem(system, root, as_user=options.user).run(options.suite)


def can_enter_namespaces() -> bool:
    """Return whether this process may make what a run needs: root, with mount and process namespaces."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    probe = ["unshare", *_NAMESPACES, "true"]
    return subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


_NAMESPACES = ("--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")


def _note_uncommitted(root: Path) -> None:
    changed = _git(root, "status", "--porcelain").splitlines()
    if changed:
        say(f"runs what is committed; {len(changed)} changed files are not")


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise SetupError("fresh needs git; run: " + debian.advice(["git"])) from error
    except subprocess.CalledProcessError as error:
        raise SetupError(f"fresh clones the checkout, and git says of it: {error.stderr.strip()}") from error
    return done.stdout


# the base system


def base_archive(suite: str) -> Path:
    """Return the archive of a bare Debian; build it where none is kept, or the kept one is old.

    Raises:
        SetupError: debootstrap or the site's mirror failed.
    """
    kept = cache_folder() / f"debian-{suite}-{'-'.join(BASE_PACKAGES)}.tar.gz"
    if kept.exists() and time.time() - kept.stat().st_mtime < KEPT_DAYS * 86_400:
        say(f"bare Debian ({suite}) from {kept}")
        return kept
    say(f"building a bare Debian ({suite}) with debootstrap; kept in {kept}")
    started = time.monotonic()
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sluice-base-") as folder:
        system = Path(folder) / suite
        include = f"--include={','.join(BASE_PACKAGES)}"
        failure = f"debootstrap could not build {suite} from this machine's Debian mirror"
        run_quietly(["debootstrap", "--variant=minbase", include, suite, system, site.debian_mirror()], failure)
        shutil.rmtree(system / "var/cache/apt/archives", ignore_errors=True)
        fresh = kept.with_name(f".{os.getpid()}.{kept.name}")
        run_quietly(["tar", "-C", system, "--numeric-owner", "-czf", fresh, "."], "the base system could not be archived")
        fresh.replace(kept)
    say(f"the base system is ready after {time.monotonic() - started:.0f} s")
    return kept


def cache_folder() -> Path:
    """Return the folder of kept base systems: under `XDG_CACHE_HOME`, by default `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluice"


def _unpack(archive: Path, system: Path) -> None:
    system.mkdir()
    try:
        run_quietly(["tar", "-C", system, "--numeric-owner", "-xzf", archive], f"the archive {archive} could not be unpacked")
    except SetupError:
        archive.unlink(missing_ok=True)  # a broken archive is not kept
        raise


# the run


@dataclass(frozen=True, slots=True)
class _BareSystem:
    """A bare Debian in a folder, and the stranger who works in it."""

    folder: Path
    root: Path
    as_user: bool

    @property
    def clone(self) -> Path:
        """Where the checkout is cloned to, as seen from within."""
        return Path("/srv/a city's box/sluice" if self.as_user else "/srv/sluice")

    def run(self, suite: str) -> int:
        mounts = site.take_over(self.folder)
        before = self.installed()
        self._clone()
        if self.as_user:
            self._add_user()
        python, who = self._output("python3", "--version").strip(), "an ordinary user" if self.as_user else "root"
        say(f"{suite}: {python}, {len(before)} packages, {who}")
        outcomes = []
        for step in STEPS:
            outcomes.append(self._run_step(step, mounts))
            if outcomes[-1].status != 0:
                break
        added = sorted(self.installed() - before)
        say(f"installed along the way: {' '.join(added) or 'nothing'}")
        say(f"fresh {suite}: {'; '.join(outcome.to_text() for outcome in outcomes)}; {len(added)} packages installed")
        return 0 if all(outcome.status == 0 for outcome in outcomes) else 1

    def _clone(self) -> None:
        inside = self.folder / self.clone.relative_to("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        run_quietly(["git", "clone", "--quiet", "--no-hardlinks", self.root, inside], "the checkout could not be cloned")
        if self.as_user:
            for path in (inside, *inside.rglob("*")):
                os.chown(path, USER_ID, USER_ID, follow_symlinks=False)

    def _add_user(self) -> None:
        with (self.folder / "etc/passwd").open("a") as passwd:
            passwd.write(f"stranger:x:{USER_ID}:{USER_ID}::/home/stranger:/bin/sh\n")
        with (self.folder / "etc/group").open("a") as group:
            group.write(f"stranger:x:{USER_ID}:\n")
        (self.folder / "home/stranger").mkdir(mode=0o555)

    def _run_step(self, step: Sequence[str], mounts: Sequence[Path]) -> Outcome:
        """Run a command of the README; an ordinary user's printed packages are installed by root, once."""
        started = time.monotonic()
        status, shown = self._enter(["./dev", *step], mounts)
        advised = re.search(r"run: (.*apt-get install .*)$", shown, re.MULTILINE) if self.as_user and status == 2 else None
        if advised:
            say("root installs what was printed")
            self._enter(["sh", "-ec", advised.group(1).replace("sudo ", "")], mounts, as_user=False)
            status, shown = self._enter(["./dev", *step], mounts)
        lines = shown.strip().splitlines()
        return Outcome(f"./dev {step[0]}", status, time.monotonic() - started, lines[-1] if lines else "")

    def _enter(self, command: Sequence[str], mounts: Sequence[Path], *, as_user: bool | None = None) -> tuple[int, str]:
        """Run a command inside, showing what it prints; return its exit status and its output."""
        as_user = self.as_user if as_user is None else as_user
        say(f"$ {' '.join(command)}")
        script = _MOUNT_SCRIPT.format(
            binds="\n".join(_bind(path) for path in mounts),
        )
        switch = ["setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups"] if as_user else []
        # By its whole path, for an ordinary user's PATH has no folder of daemons.
        chroot = shutil.which("chroot", path=debian.search_path()) or "chroot"
        inside = [chroot, str(self.folder), *switch, "sh", "-c", 'cd "$0" && exec "$@"', str(self.clone), *command]
        with _forwarding(subprocess.Popen(
            ["unshare", *_NAMESPACES, "sh", "-ec", script, "sh", str(self.folder), *inside],
            env=self._environ(as_user),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )) as process:  # fmt: skip
            assert process.stdout is not None
            shown = bytearray()
            for line in process.stdout:
                sys.stdout.buffer.write(line)
                sys.stdout.flush()
                shown += line
        return process.returncode, shown.decode(errors="replace")

    def _environ(self, as_user: bool) -> Mapping[str, str]:
        home = {"HOME": "/home/stranger", "LANG": "C"} if as_user else {"HOME": "/root"}
        folders = "/usr/local/bin:/usr/bin:/bin" if as_user else "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        ci = {"CI": os.environ["CI"]} if "CI" in os.environ else {}
        return {**site.environ(), **home, **ci, "PATH": folders}

    def installed(self) -> set[str]:
        """Return the names of the Debian packages inside."""
        return set(self._output("dpkg-query", "-W", "-f", "${Package}\n").split())

    def _output(self, *command: str) -> str:
        inside = ["chroot", str(self.folder), *command]
        return subprocess.run(inside, capture_output=True, text=True, check=True, env=dict(self._environ(False))).stdout


#: $1 is the system's folder; what follows it is run once all is mounted.
_MOUNT_SCRIPT = """\
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount --rbind /sys "$1/sys"
{binds}
shift
exec "$@"
"""


def _bind(path: Path) -> str:
    """Return the shell's words that mount a file or folder read-only at its own place inside."""
    quoted = shlex.quote(os.fspath(path))
    make = f'mkdir -p "$1"{quoted}' if path.is_dir() else f'mkdir -p "$(dirname "$1"{quoted})"; touch "$1"{quoted}'
    return f'{make}; mount --bind -o ro {quoted} "$1"{quoted}'


@contextlib.contextmanager
def _forwarding(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Wait for a process at the end; where we are interrupted, end it and all that it started."""
    try:
        yield process
    except BaseException:
        process.send_signal(signal.SIGKILL)
        raise
    finally:
        process.wait()


# where there is no root


def _on_this_machine(root: Path) -> int:
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="sluice-fresh-") as folder:
        clone = Path(folder) / "sluice"
        run_quietly(["git", "clone", "--quiet", "--no-hardlinks", root, clone], "the checkout could not be cloned")
        for step in STEPS:
            say(f"$ ./dev {' '.join(step)}")
            started = time.monotonic()
            status = subprocess.run([clone / "dev", *step], cwd=clone, stdin=subprocess.DEVNULL, check=False).returncode
            outcomes.append(Outcome(f"./dev {step[0]}", status, time.monotonic() - started, ""))
    say(f"fresh clone: {'; '.join(outcome.to_text() for outcome in outcomes)}")
    return 0 if all(outcome.status == 0 for outcome in outcomes) else 1
