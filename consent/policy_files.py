"""The edge of the policies: reads a policies folder and hands its bytes to ``consent.core.policy_text``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from consent.core.policy import PolicySet
from consent.core.policy_text import CITY_FILE, parse_policies
from consent.errors import PolicyError

_LARGEST_BYTES: Final = 1 << 20
_CASES: Final = ".cases.toml"


def load_policies(folder: Path) -> PolicySet:
    """Read and check a policies folder.

    Raises: PolicyError: a file is wrong, absent or cannot be read.
    """
    return parse_policies(read_policy_files(folder))


def read_policy_files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every policy file below a folder, by path relative to it.

    A policy file is any `*.toml` but the cases (`*.cases.toml`); whatever else lies there, such as keys and README files, is
    left alone. Hidden files and folders are too.

    Raises: PolicyError: the folder or a file in it cannot be read, or is too large.
    """
    if not folder.is_dir():
        raise PolicyError(CITY_FILE, "", f"there is no policies folder `{folder}`")
    files: dict[str, bytes] = {}
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(".toml") and not name.endswith(_CASES) and not name.startswith("."):
                path = Path(root, name)
                relative = path.relative_to(folder).as_posix()
                if path.exists() and not path.is_file():
                    raise PolicyError(relative, "", "is no regular file")
                files[relative] = _read(path, relative)
    return files


def _read(path: Path, relative: str) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise PolicyError(relative, "", f"cannot be read: {(error.strerror or 'unknown error').lower()}") from error
    if len(data) > _LARGEST_BYTES:
        raise PolicyError(relative, "", f"is larger than {_LARGEST_BYTES} bytes")
    return data
