"""The edge of the policies: reads a policies folder and hands its bytes to ``consent.core.policies.parse``.

Where `city.toml` says with `[use]` which device profiles are in force, these and no others become files of the set: each from the
folder if it has one of that name, else from those that come with the program.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from consent.core.policies.archive import MOST_BYTES, refuse_beyond, refuse_too_large
from consent.core.policies.parse import DEVICES, NEIGHBOURHOODS
from consent.core.policies.policy import CITY_FILE
from consent.core.policies.use import no_such_profile, used_devices
from consent.errors import PolicyError
from consent.shipped_profiles import shipped_names, shipped_text

_ENDING: Final = ".toml"
_CASES: Final = ".cases.toml"


def read_policy_files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every policy file of a folder, by path relative to it: what together is the policy set.

    A policy file is any `*.toml` but the cases (`*.cases.toml`), and but the device profiles that `[use]` of `city.toml` does
    not name; anything else there, such as keys, README files and hidden files and folders, is ignored. Profiles that `[use]`
    names and the folder does not hold are added from those that come with the program.

    Raises: PolicyError: the folder or a file in it cannot be read, they are too many or too large, or `[use]` names a profile
        that is nowhere.
    """
    files: dict[str, bytes] = {}
    _read_all(_in_force(folder, files), files)
    _add_shipped(folder, files)
    return files


def unused_profiles(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Return the names of the device profiles that lie in a policies folder and are not in force.

    Args:
        files: The set, as ``read_policy_files`` returns it.
    Raises: PolicyError: the folder cannot be read.
    """
    return [
        _profile_name(relative)
        for relative, _ in _toml_files(folder)
        if _is_profile(relative) and not is_case_file(relative) and relative not in files
    ]


def read_case_files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file of cases (`*.cases.toml`) below a policies folder, by path relative to it.

    Cases are beside the policies and not part of them: they do not count in the policies' SHA-256.

    Raises: PolicyError: the folder or a file in it cannot be read, or they are too many or too large.
    """
    files: dict[str, bytes] = {}
    _read_all(((relative, path) for relative, path in _toml_files(folder) if is_case_file(relative)), files)
    return files


def is_case_file(path: str) -> bool:
    """Return whether a file's name is that of a file of cases."""
    return path.endswith(_CASES)


def _in_force(folder: Path, files: Mapping[str, bytes]) -> Iterator[tuple[str, Path]]:
    """Yield the policy files of a folder that are in force.

    Args:
        files: What has been read of them, up to the file before; `city.toml` stands above the folder of profiles, and so comes
            before all of them.
    """
    used: tuple[str, ...] | None = None
    for relative, path in _toml_files(folder):
        if is_case_file(relative) or (used is not None and _is_profile(relative) and _profile_name(relative) not in used):
            continue
        yield relative, path
        if relative == CITY_FILE:
            used = used_devices(files[CITY_FILE])


def _add_shipped(folder: Path, files: dict[str, bytes]) -> None:
    """Add the profiles that are used and not there."""
    used = used_devices(files.get(CITY_FILE, b"")) or ()
    for name in used:
        path = f"{DEVICES}/{name}{_ENDING}"
        if path in files:
            continue
        if name not in shipped_names():
            raise no_such_profile(
                name, {*shipped_names(), *map(_profile_name, filter(_is_profile, files)), *unused_profiles(folder, files)}
            )
        files[path] = shipped_text(name)
    refuse_too_large(files)


def _is_profile(relative: str) -> bool:
    """Return whether a file is where a device profile's is; one deeper is misplaced, and ``parse`` refuses it."""
    parts = PurePosixPath(relative).parts
    return len(parts) == 2 and parts[0] == DEVICES


def _profile_name(relative: str) -> str:
    return PurePosixPath(relative).name.removesuffix(_ENDING)


def _toml_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files that count, in order; anything that could hide one of them is an error."""
    if not folder.is_dir():
        raise PolicyError(CITY_FILE, "", f"there is no policies folder `{folder}`")
    for root, folders, names in os.walk(folder, onerror=partial(_unreadable, folder)):
        here = Path(root)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            _refuse_folder(here / name, (here / name).relative_to(folder).as_posix())
        for name in sorted(names):
            path = here / name
            relative = path.relative_to(folder).as_posix()
            if relative in (NEIGHBOURHOODS, DEVICES):
                raise PolicyError(relative, "", "is no folder, and should be one")
            if name.endswith(_ENDING) and not name.startswith("."):
                if not relative.isprintable():
                    raise PolicyError(relative, "", "has a name that cannot be shown")
                if path.exists() and not path.is_file():
                    raise PolicyError(relative, "", "is no regular file")
                yield relative, path


def _refuse_folder(path: Path, relative: str) -> None:
    if path.name.endswith(_ENDING):
        raise PolicyError(relative, "", "is a folder, and should be a file")
    if relative in (NEIGHBOURHOODS, DEVICES) and path.is_symlink():
        raise PolicyError(relative, "", "is a link to a folder, and such links are not followed")


def _unreadable(folder: Path, error: OSError) -> None:
    """Raise for a folder that cannot be listed, rather than overlook what it holds."""
    relative = Path(error.filename).relative_to(folder).as_posix()
    raise PolicyError(str(folder) if relative == "." else relative, "", f"cannot be read: {_why(error)}") from error


def _read_all(found: Iterable[tuple[str, Path]], files: dict[str, bytes]) -> None:
    """Add the bytes of some files, each before the next is looked for, and read no more than may be read together."""
    total_bytes = 0
    for count, (relative, path) in enumerate(found, 1):
        refuse_beyond(relative, count, total_bytes)
        files[relative] = _read(path, relative, MOST_BYTES - total_bytes)
        total_bytes += len(files[relative])
        refuse_beyond(relative, count, total_bytes)


def _read(path: Path, relative: str, most_bytes: int) -> bytes:
    """Return the bytes of a file, one too many where there are more than ``most_bytes``."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # opening a pipe would wait for ever
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise PolicyError(relative, "", "is no regular file")
            return stream.read(most_bytes + 1)
    except OSError as error:
        raise PolicyError(relative, "", f"cannot be read: {_why(error)}") from error


def _why(error: OSError) -> str:
    return (error.strerror or "unknown error").lower()
