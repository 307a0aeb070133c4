"""Programs that a subcommand needs, and the Debian packages that provide them.

Missing packages are installed where that takes no password; elsewhere the exact command is printed and nothing is changed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from deploy.dev.environment import SetupError, run_quietly, say

#: Debian keeps daemons in these folders, which an ordinary user's PATH does not name.
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


class Program(NamedTuple):
    """A program by its name, a shared library by its soname, or a file by its absolute path; and its package."""

    name: str
    package: str

    def is_present(self) -> bool:
        """Return whether this machine has it."""
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
FAKETIME = Program("faketime", "faketime")  # with its library, by which the soak sets a running gateway's clock
CHROMIUM = Program("/usr/bin/chromium", "chromium")  # by its path, as the tests start it
LIBATOMIC = Program("libatomic.so.1", "libatomic1")  # regopy, a peer in the consent bench, is linked against it
PROMTOOL = Program("promtool", "prometheus")
GO = Program("go", "golang-go")
GO_MOD = Program("/usr/share/doc/golang-golang-x-mod-dev/copyright", "golang-golang-x-mod-dev")  # every package has one
#: Debian splits this module, which makes virtual environments, off its Python.
ENSUREPIP = Program(f"{sysconfig.get_path('stdlib')}/ensurepip/__init__.py", "python{}.{}-venv".format(*sys.version_info))


def search_path() -> str:
    """Return PATH with the folders of daemons at its end."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS])


def missing_packages(programs: Sequence[Program]) -> list[str]:
    """Return the packages of those programs that are not on this machine."""
    return [program.package for program in programs if not program.is_present()]


def advice(packages: Sequence[str]) -> str:
    """Return the command that the user is to run."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {' '.join(packages)}"


def root_prefix() -> list[str] | None:
    """Return the words that make a command run as root without a password, or None if there are none."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    asked = sudo and subprocess.run([sudo, "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return [sudo, "-n"] if sudo and asked and asked.returncode == 0 else None


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
    for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        run_quietly(
            [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", apt, "-q", "-o", "DPkg::Lock::Timeout=120", *words], failure
        )
