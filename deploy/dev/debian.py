"""System programs that a subcommand needs, and the Debian packages that bring them.

Missing ones are installed where that takes no password; elsewhere the exact command is printed and nothing is changed.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from deploy.dev.report import SetupError, run_quietly, say

#: Daemons lie here on Debian, where an ordinary user's PATH does not look.
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")

#: Seconds that apt waits for another apt.
LOCK_WAIT_S = 120


class Program(NamedTuple):
    """A program, a file by its whole path or a shared library, and the package that holds it."""

    name: str
    package: str

    def is_present(self) -> bool:
        """Return whether it is on this machine."""
        if ".so." in self.name:
            with contextlib.suppress(OSError):
                return ctypes.CDLL(self.name) is not None
            return False
        return Path(self.name).exists() if os.path.isabs(self.name) else shutil.which(self.name, path=search_path()) is not None


MOSQUITTO = Program("mosquitto", "mosquitto")
MOSQUITTO_SUB = Program("mosquitto_sub", "mosquitto-clients")
NGINX = Program("nginx", "nginx")
JQ = Program("jq", "jq")
DEBOOTSTRAP = Program("debootstrap", "debootstrap")
STRACE = Program("strace", "strace")
LIBATOMIC = Program("libatomic.so.1", "libatomic1")  # regopy, a peer in the consent bench, is linked against it
GO = Program("go", "golang-go")
GO_MOD = Program("/usr/share/doc/golang-golang-x-mod-dev/copyright", "golang-golang-x-mod-dev")  # every package has one


def search_path() -> str:
    """Return PATH with the folders of daemons at its end."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS])


def missing_packages(programs: Sequence[Program]) -> list[str]:
    """Return the packages of those programs that are not on this machine."""
    return [program.package for program in programs if not program.is_present()]


def missing_venv_package() -> list[str]:
    """Return the package of this Python's ``ensurepip``, which Debian splits off, or nothing where it is present."""
    present = importlib.util.find_spec("ensurepip") is not None
    return [] if present else [f"python{sys.version_info.major}.{sys.version_info.minor}-venv"]


def root_prefix() -> list[str] | None:
    """Return what to put before a command so that it runs as root without a question, or None if nothing will."""
    if os.geteuid() == 0:
        return []
    if (sudo := shutil.which("sudo")) is None:
        return None
    asked = subprocess.run([sudo, "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return [sudo, "-n"] if asked.returncode == 0 else None


def advice(packages: Sequence[str]) -> str:
    """Return the command that the user is to run."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {' '.join(packages)}"


def install(packages: Sequence[str]) -> None:
    """Install Debian packages.

    Raises:
        SetupError: They are missing and this user may not install them, or apt failed; it holds the command to run.
    """
    if not packages:
        return
    names = " ".join(packages)
    if (apt := shutil.which("apt-get", path=search_path())) is None:
        raise SetupError(f"needs what Debian packages as {names}, and this machine has no apt-get; install it and try again")
    if (prefix := root_prefix()) is None:
        raise SetupError(f"needs Debian packages that only root may install; run: {advice(packages)}")
    say(f"installing Debian packages: {names}")
    failure = f"apt-get failed; to see for yourself, run: {advice(packages)}"
    command = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", apt, "-q", "-o", f"DPkg::Lock::Timeout={LOCK_WAIT_S}"]
    install = [*command, "install", "-y", "--no-install-recommends", *packages]
    try:
        run_quietly(install, failure)
    except SetupError:
        # No package lists yet, or old ones whose versions the mirror has dropped.
        run_quietly([*command, "update"], failure)
        run_quietly(install, failure)
