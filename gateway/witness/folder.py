"""A witness's state on disk: for each log, the last checkpoint that it cosigned.

    witness.vkey           the witness's public key; made with the folder
    lock                   held by the one process that writes here
    <hash>/checkpoint      by SHA-256 of the log's origin: the checkpoint with the log's signatures and the witness's own
    <hash>/log.keys        the handovers of the log's key that it has learnt
    <hash>/contradiction   the first checkpoint of the size last cosigned with another root: proof that the log has split

With a folder that was lost or restored from an older copy, the witness would cosign what contradicts its earlier cosignatures. So
a folder without the key is never initialised on its own; it may be a disk that is not mounted.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

from gateway.audit.log.handover import KEYS_NAME
from gateway.audit.log.notes import Verifier
from gateway.audit.log.submission import Seen, SeenError, origin_hash
from gateway.errors import CorruptionError, OperatorError
from gateway.files import read_regular, reason_of, refuse_anothers, sync_folder, write_whole

VKEY_FILE = "witness.vkey"
_LOCK_FILE = "lock"
_CHECKPOINT = "checkpoint"
_CONTRADICTION = "contradiction"
_FILE_MODE = 0o644
_LONGEST_BYTES = 1 << 20
_FOLDER_MODE = 0o755


class WitnessFolder:
    """The state folder of one witness, locked while its process runs.

    Args:
        path: A folder made by `create`.
        verifier: The witness's public key.

    Raises:
        OperatorError: when it is not this witness's folder, or another process is using it.
    """

    def __init__(self, path: Path, verifier: Verifier) -> None:
        self.path = path
        self._verifier = verifier
        refuse_anothers(path)
        try:
            vkey = read_regular(path / VKEY_FILE, _LONGEST_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise OperatorError(f"`{path}`: not a witness's state folder; is its disk mounted?") from error
        if vkey != verifier.vkey():
            raise OperatorError(f"`{path}`: the state folder of another witness, `{vkey}`")
        self._lock = os.open(path / _LOCK_FILE, os.O_RDWR | os.O_CREAT, _FILE_MODE)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise OperatorError(f"`{path}`: a witness runs on this folder already") from error

    @staticmethod
    def create(path: Path, verifier: Verifier) -> None:
        """Make the folder of a new witness.

        Raises:
            OperatorError: when it exists and is not empty, or cannot be made.
        """
        refuse_anothers(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            if any(path.iterdir()):
                raise OperatorError(f"`{path}`: is not empty, and a witness's state is never made anew over another")
            path.chmod(_FOLDER_MODE)
            write_whole(path / VKEY_FILE, f"{verifier.vkey()}\n".encode(), _FILE_MODE)
            sync_folder(path.absolute().parent)
        except OSError as error:
            raise OperatorError(f"`{path}`: {reason_of(error)}") from error

    def load(self, origins: Iterable[str]) -> dict[str, Seen]:
        """Return what was last cosigned of each of these logs; a log never cosigned is absent.

        Raises:
            CorruptionError: when a file is missing, or is not what this witness cosigned.
        """
        found: dict[str, Seen] = {}
        for origin in origins:
            file = self.path / origin_hash(origin) / _CHECKPOINT
            try:
                found[origin] = Seen.parse(read_regular(file, _LONGEST_BYTES), origin, self._verifier)
            except FileNotFoundError:
                if (file.parent / _CONTRADICTION).exists():
                    raise CorruptionError(f"`{file}`: is gone, and what it said with it") from None
                continue
            except OSError as error:
                raise OperatorError(f"`{file}`: cannot be read: {reason_of(error)}") from error
            except SeenError as error:
                raise CorruptionError(f"`{file}`: not what this witness cosigned: {error}") from error
        return found

    def store(self, origin: str, seen: Seen) -> None:
        """Store a cosigned checkpoint durably, before it is answered.

        Raises:
            OSError: when the disk fails; its state is then unknown, and the process should end.
        """
        write_whole(self._folder(origin) / _CHECKPOINT, seen.note, _FILE_MODE)

    def keep_contradiction(self, origin: str, note: bytes) -> bool:
        """Store a checkpoint that contradicts a cosigned one and return True; or False if there is one: it is proof enough."""
        file = self._folder(origin) / _CONTRADICTION
        if file.exists():
            return False
        write_whole(file, note, _FILE_MODE)
        return True

    def contradiction(self, origin: str) -> bytes | None:
        """Return the stored contradiction of a log, if any."""
        try:
            return read_regular(self.path / origin_hash(origin) / _CONTRADICTION, _LONGEST_BYTES)
        except FileNotFoundError:
            return None

    def handovers(self, origin: str) -> bytes:
        """Return the handovers of a log's key that were learnt; empty where there are none."""
        try:
            return read_regular(self.path / origin_hash(origin) / KEYS_NAME, _LONGEST_BYTES)
        except FileNotFoundError:
            return b""

    def store_handovers(self, origin: str, handovers: bytes) -> None:
        """Store learnt handovers durably, before that is answered.

        Raises:
            OSError: when the disk fails; its state is then unknown, and the process should end.
        """
        write_whole(self._folder(origin) / KEYS_NAME, handovers, _FILE_MODE)

    def close(self) -> None:
        """Release the folder's lock."""
        os.close(self._lock)

    def _folder(self, origin: str) -> Path:
        folder = self.path / origin_hash(origin)
        if not folder.is_dir():
            folder.mkdir()
            folder.chmod(_FOLDER_MODE)
            sync_folder(self.path)
        return folder
