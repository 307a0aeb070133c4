"""The edge of the policies: reads a policies folder and hands its bytes to ``consent.core.policies.parse``."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from consent.core.policies.archive import MOST_BYTES, refuse_beyond
from consent.core.policies.parse import DEVICES, NEIGHBOURHOODS
from consent.core.policies.policy import CITY_FILE
from consent.errors import PolicyError

_ENDING: Final = ".toml"
_CASES: Final = ".cases.toml"


def read_policy_files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every policy file below a folder, by path relative to it.

    A policy file is any `*.toml` but the cases (`*.cases.toml`); anything else there, such as keys, README files
    and hidden files and folders, is ignored.

    Raises: PolicyError: the folder or a file in it cannot be read, or they are too many or too large.
    """
    return _read_all((relative, path) for relative, path in _toml_files(folder) if not is_case_file(relative))


def read_case_files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file of cases (`*.cases.toml`) below a policies folder, by path relative to it.

    Cases are beside the policies and not part of them: they do not count in the policies' SHA-256.

    Raises: PolicyError: the folder or a file in it cannot be read, or they are too many or too large.
    """
    return _read_all((relative, path) for relative, path in _toml_files(folder) if is_case_file(relative))


def is_case_file(path: str) -> bool:
    """Return whether a file's name is that of a file of cases."""
    return path.endswith(_CASES)


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


def _read_all(found: Iterable[tuple[str, Path]]) -> dict[str, bytes]:
    """Return the bytes of some files, and read no more than may be read together."""
    files: dict[str, bytes] = {}
    total_bytes = 0
    for count, (relative, path) in enumerate(found, 1):
        refuse_beyond(relative, count, total_bytes)
        files[relative] = _read(path, relative, MOST_BYTES - total_bytes)
        total_bytes += len(files[relative])
        refuse_beyond(relative, count, total_bytes)
    return files


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
