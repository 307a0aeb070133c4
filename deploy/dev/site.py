"""What this site's machines need to reach their package registries, taken over into a bare system by ``deploy.dev.fresh``.

A site may have a mirror, a proxy, a certificate authority and folders of packages of its own. They are the machine's settings
and not the project's, so a bare system in which to try the README has to be given them: apt's settings for fetching, pip's
configuration, certificates, name resolution, and the files and folders that these name.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.dev import debian
from deploy.dev.environment import SetupError, run_quietly

CERTIFICATES = Path("/usr/local/share/ca-certificates")
#: Lowest first, as pip reads them.
PIP_FILES = ("/etc/xdg/pip/pip.conf", "/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf")
#: apt's settings that say how to fetch, not what an index is made of.
_APT_SETTING = re.compile(r"Acquire::(?!IndexTargets|Changelogs|CompressionTypes|cdrom)\S+ \"[^\"]+\";")
_VARIABLES = re.compile(
    r"(https?|ftp|all|no)_proxy|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|GIT_SSL_CAINFO"
    r"|PIP_(INDEX_URL|EXTRA_INDEX_URL|NO_INDEX|FIND_LINKS|CONSTRAINT|CERT|CLIENT_CERT|PROXY|TRUSTED_HOST|DEFAULT_TIMEOUT|RETRIES)",
    re.IGNORECASE,
)
_NAMED_PATH = re.compile(r"(?:^|(?<=\s))(file:)?(?://)?(/[^\s,;]+)")


def debian_mirror() -> str:
    """Return the address of the Debian mirror that apt is set up with.

    Raises:
        SetupError: There is no apt, or it knows of none.
    """
    form = "$(ORIGIN) $(LABEL) $(REPO_URI)"
    for line in _apt("apt-get", "indextargets", "--format", form, "Created-By: Packages").splitlines():
        origin, label, address = [*line.split(), "", "", ""][:3]
        if (origin, label) == ("Debian", "Debian"):
            return address
    raise SetupError("fresh needs a Debian mirror, and apt knows of none; run: apt-get update")


def environ() -> dict[str, str]:
    """Return the variables of our environment that say how to reach a registry."""
    return {name: value for name, value in os.environ.items() if _VARIABLES.fullmatch(name)}


def take_over(system: Path) -> list[Path]:
    """Write this site's settings into a bare system.

    Args:
        system: The top folder of the bare system.

    Returns:
        The files and folders named by the settings and absent inside, to be mounted at the same places.

    Raises:
        SetupError: The system does not take the certificates.
    """
    for name in ("etc/resolv.conf", "etc/hosts"):
        shutil.copy(f"/{name}", system / name)
    apt_settings = "\n".join(_APT_SETTING.findall(_apt("apt-config", "dump")))
    (system / "etc/apt/apt.conf.d/00site").write_text(apt_settings + "\n")
    _copy_apt_credentials(system)
    if any(CERTIFICATES.glob("*.crt")):
        shutil.copytree(CERTIFICATES, system / CERTIFICATES.relative_to("/"), dirs_exist_ok=True)
        run_quietly(["chroot", system, "update-ca-certificates"], "this machine's certificates could not be taken over")
    pip = pip_settings()
    with (system / "etc/pip.conf").open("w") as target:
        pip.write(target)
    values = [
        apt_settings.replace('"', " "),
        *environ().values(),
        *(value for section in pip.values() for value in section.values()),
    ]
    return sorted({path for value in values for path in named_paths(value) if not (system / path.relative_to("/")).exists()})


def pip_settings() -> configparser.RawConfigParser:
    """Return pip's configuration of this machine and this user in one, later files first."""
    merged = configparser.RawConfigParser()
    merged.read([Path(name).expanduser() for name in PIP_FILES])
    return merged


def named_paths(value: str) -> Iterator[Path]:
    """Yield the absolute paths in a setting that exist here.

    An index in a folder (a `file:` address) names files beside it, so its parent stands for it.
    """
    for address, found in _NAMED_PATH.findall(value):
        path = Path(found).parent if address else Path(found)
        if path.exists() and path != Path("/"):
            yield path


def _copy_apt_credentials(system: Path) -> None:
    for name in ("auth.conf", "auth.conf.d"):
        source, target = Path("/etc/apt") / name, system / "etc/apt" / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy(source, target)


def _apt(program: str, *words: str) -> str:
    path: Mapping[str, str] = {**os.environ, "PATH": debian.search_path()}
    try:
        return subprocess.run([program, *words], capture_output=True, text=True, check=True, env=dict(path)).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(f"fresh needs this machine's apt: {error}") from error
