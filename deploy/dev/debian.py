"""System programs that a subcommand needs, and the Debian packages that bring them.

Missing ones are installed where that takes no password; elsewhere the exact command is printed and nothing is changed.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.dev.report import SetupError, run_quietly, say

#: Daemons lie here on Debian, where an ordinary user's PATH does not look.
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")

#: Seconds that apt waits for another apt.
LOCK_WAIT_S = 120


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is looked for, a file by its whole path or a shared library by its name, and the package that holds it."""

    name: str
    package: str

    def is_present(self, path: str) -> bool:
        """Return whether it is on this machine; programs are looked for in the folders of ``path``."""
        if os.path.isabs(self.name):
            return Path(self.name).exists()
        if ".so." in self.name:
            return _loads(self.name)
        return shutil.which(self.name, path=path) is not None


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


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
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*folders, *(folder for folder in SYSTEM_FOLDERS if folder not in folders)])


def missing_packages(programs: Sequence[Program]) -> list[str]:
    """Return the packages of those programs that are not on this machine."""
    path = search_path()
    return [program.package for program in programs if not program.is_present(path)]


def missing_venv_package() -> list[str]:
    """Return the package of this Python's ``ensurepip``, which Debian splits off, or nothing where it is present."""
    if importlib.util.find_spec("ensurepip") is not None:
        return []
    return [f"python{sys.version_info.major}.{sys.version_info.minor}-venv"]


def root_prefix() -> list[str] | None:
    """Return what to put before a command so that it runs as root without a question, or None if nothing will."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is None:
        return None
    allowed = subprocess.run([sudo, "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return [sudo, "-n"] if allowed.returncode == 0 else None


def advice(packages: Sequence[str]) -> str:
    """Return the command that the user is to run."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {' '.join(packages)}"


def install(packages: Sequence[str]) -> None:
    """Install Debian packages, or say how.

    Raises:
        SetupError: They are missing and this user may not install them, or apt failed.
    """
    if not packages:
        return
    names = " ".join(packages)
    apt = shutil.which("apt-get", path=search_path())
    if apt is None:
        raise SetupError(f"needs what Debian packages as {names}, and this machine has no apt-get; install it and try again")
    prefix = root_prefix()
    if prefix is None:
        raise SetupError(f"needs Debian packages that only root may install; run: {advice(packages)}")
    say(f"installing Debian packages: {names}")
    command = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", apt, "-q", "-o", f"DPkg::Lock::Timeout={LOCK_WAIT_S}"]
    failure = f"apt-get failed; to see for yourself, run: {advice(packages)}"
    try:
        _install_known(command, packages, failure)
    except SetupError:
        # No package lists yet, or old ones whose versions the mirror has dropped.
        run_quietly([*command, "update"], failure)
        _install_known(command, packages, failure)


def _install_known(apt: Sequence[str], packages: Sequence[str], failure: str) -> None:
    run_quietly([*apt, "install", "-y", "--no-install-recommends", *packages], failure)
