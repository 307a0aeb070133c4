"""Files that hold a secret: made with mode 0600 and never over another file, and read only while nobody else may read them."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from gateway.files import sync_folder

SECRET_MODE: Final = 0o600
PUBLIC_MODE: Final = 0o644
_MAX_BYTES: Final = 65_536


class SecretFileError(ValueError):
    """A key file that cannot be made or must not be used. The text is one line and names the file."""


def create_file(path: Path, data: bytes, mode: int = SECRET_MODE) -> None:
    """Write a new file durably: whole or not at all, and never over an existing one.

    Raises:
        SecretFileError: If something of that name exists already, or the folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), mode)  # whatever the umask
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)  # unlike a rename, a link never replaces
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(path.parent)
    except FileExistsError as error:
        raise SecretFileError(f"`{path}`: exists already, and keys are never overwritten") from error
    except OSError as error:
        raise SecretFileError(f"`{path}`: cannot be written: {_reason(error)}") from error


def read_secret_file(path: Path) -> bytes:
    """Return a secret file's bytes.

    Raises:
        SecretFileError: If the file is absent, a symbolic link or no regular file, or if group or others have any right to it.
    """
    try:
        if path.is_symlink():
            raise SecretFileError(f"`{path}`: is a symbolic link; name the key file itself")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with contextlib.closing(os.fdopen(descriptor, "rb")) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise SecretFileError(f"`{path}`: is not a regular file")
            mode = stat.S_IMODE(status.st_mode)
            if mode & 0o077:
                raise SecretFileError(f"`{path}`: mode `{mode:04o}` lets others at the key; run `chmod 0600 {path}`")
            return file.read(_MAX_BYTES)
    except OSError as error:
        raise SecretFileError(f"`{path}`: cannot be read: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
