"""The log's key: its files, and another key put in its place.

log.skey          the Ed25519 key in the text form of a note key, mode 0600; log.vkey its public half
log-next.skey     while the log is handed over: the key that comes after it
log-former.skey   the key before, for the moment between its replacement and its destruction
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from gateway.audit.log.notes import Signer
from gateway.errors import KeyFileError
from gateway.files import (
    PUBLIC_MODE,
    SECRET_MODE,
    SecretFileError,
    destroy_secret,
    read_secret_file,
    sync_folder,
    unusable,
    write_whole,
)

LOG_KEY_FILE: Final = "log.skey"
LOG_PUBLIC_FILE: Final = "log.vkey"
NEXT_LOG_KEY_FILE: Final = "log-next.skey"
FORMER_LOG_KEY_FILE: Final = "log-former.skey"
SEED_BYTES: Final = 32
_ORIGIN: Final = re.compile(r"sluice\.([a-z0-9][a-z0-9.-]*)/log")


def log_origin(gateway: str) -> str:
    """Return the origin of a gateway's log, which is the name of the key that `sluice keys init` makes for it."""
    return f"sluice.{gateway}/log"


def origin_gateway(origin: str) -> str | None:
    """Return the gateway for which a log's key was made, by its name; None for a name that was made otherwise."""
    found = _ORIGIN.fullmatch(origin)
    return None if found is None else found[1]


def read_log_keys(folder: Path) -> tuple[Signer, Signer | None]:
    """Return the log's key, and the one to which it is being handed over, if it is; what was left of a replacement is done first.

    Raises:
        KeyFileError: If a file is absent, a symbolic link, readable by others, or does not hold what it should.
    """
    _finish_replacement(folder)
    following = folder / NEXT_LOG_KEY_FILE
    return _read_signer(folder / LOG_KEY_FILE), _read_signer(following) if os.path.lexists(following) else None


def prepare_log_key(folder: Path, origin: str) -> Signer:
    """Make the key to which the log is to be handed over, durable before it signs anything.

    Nothing has been signed by one that is there already: it was made just before a crash, and is replaced.

    Raises: KeyFileError: it cannot be written.
    """
    signer = Signer(origin, os.urandom(SEED_BYTES))
    try:
        write_whole(folder / NEXT_LOG_KEY_FILE, f"{signer.skey()}\n".encode(), SECRET_MODE)
    except OSError as error:
        raise KeyFileError(f"`{folder / NEXT_LOG_KEY_FILE}`: cannot be written: {unusable(folder, error)}") from error
    return signer


def replace_log_key(folder: Path, signer: Signer) -> None:
    """Put the key that was prepared in the place of the log's key, and destroy the former; a crash anywhere loses neither.

    Where it fails it may be tried again: what is done is passed over.

    Raises: OSError: the disk failed.
    """
    write_whole(folder / LOG_PUBLIC_FILE, f"{signer.vkey()}\n".encode(), PUBLIC_MODE)
    if os.path.lexists(folder / NEXT_LOG_KEY_FILE) and not os.path.lexists(folder / FORMER_LOG_KEY_FILE):
        os.replace(folder / LOG_KEY_FILE, folder / FORMER_LOG_KEY_FILE)
    _finish_replacement(folder)


def _finish_replacement(folder: Path) -> None:
    """Do what is left of replacing the log's key, from wherever that was interrupted."""
    former, present, following = (folder / name for name in (FORMER_LOG_KEY_FILE, LOG_KEY_FILE, NEXT_LOG_KEY_FILE))
    if not os.path.lexists(former):
        return
    if not os.path.lexists(present):
        os.replace(following, present)
        sync_folder(folder)
    destroy_secret(former)
    sync_folder(folder)


def _read_signer(path: Path) -> Signer:
    try:
        return Signer.parse(read_secret_file(path).decode())
    except SecretFileError as error:
        raise KeyFileError(str(error)) from error
    except ValueError as error:  # wrong form, or bytes that are not text; the message repeats nothing of the key
        raise KeyFileError(f"`{path}`: not a signing key of the form PRIVATE+KEY+name+id+base64") from error
