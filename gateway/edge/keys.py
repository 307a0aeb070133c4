"""The gateway's own keys: made once by `sluice keys init`, loaded at start, and everything that is derived from them.

    root.key   32 random bytes, mode 0600; root-<id>.kept beside it, sealed by it: what of the roots before it is still needed
      ├─ HKDF ─► state key ─► `Sealer`: rows and journal keys at rest; `lookup_hash`: finds the rows
      └─ HKDF ─► device keys, one for each device: never stored; a device's is of the root that it was registered under
    log.skey   the log's Ed25519 key in the text form of a note key, mode 0600; log.vkey its public half
    log-next.skey   while the log is handed over: the key that comes after it

A subject's secret, content keys and pseudonym keys are random and derived from none of these: what is deleted stays deleted.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from gateway.audit.log.notes import KeyFormatError, Signer, Verifier
from gateway.errors import CorruptionError, OperatorError
from gateway.files import (
    PUBLIC_MODE,
    SECRET_MODE,
    SecretFileError,
    create_file,
    read_secret_file,
    sync_folder,
    unusable,
    write_whole,
)

ROOT_KEY_FILE: Final = "root.key"
LOG_KEY_FILE: Final = "log.skey"
LOG_PUBLIC_FILE: Final = "log.vkey"
NEXT_LOG_KEY_FILE: Final = "log-next.skey"
FORMER_LOG_KEY_FILE: Final = "log-former.skey"
"""The key before, for the moment between its replacement and its destruction."""
CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
"""In this variable systemd names the folder of a service's credentials; a root key in it takes the place of the file's."""
KEY_BYTES: Final = 32
LOOKUP_HASH_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_LARGE_BYTES: Final = 1 << 20
"""What is longer is sealed where it will lie: a copy more of it would count."""
_VERSION: Final = "sluice 1"
_KEPT: Final = "kept"
_FORBIDDEN: Final = 0o077
_FORBIDDEN_TO_CREDENTIALS: Final = 0o027
"""systemd lets the service's user read a credential by an access list, which shows in the bits of the group."""
_ORIGIN: Final = re.compile(r"sluice\.([a-z0-9][a-z0-9.-]*)/log")


class KeyFileError(OperatorError):
    """A key file is absent, readable by others, damaged, or exists already."""


class SealedRowError(CorruptionError):
    """A sealed row cannot be opened: it was changed or moved, or the root key is another one."""


class Sealer:
    """Seals rows with AES-256-GCM-SIV, which tolerates a repeated nonce; a row opens only under its own table and row id."""

    __slots__ = ("_cipher", "_former")

    def __init__(self, key: bytes, *former: bytes) -> None:
        """Take a key of 32 bytes: the state key, or the random key of a journal segment.

        Args:
            former: Keys under which rows may have been sealed before; none is sealed under them any more.
        """
        self._cipher = AESGCMSIV(key)
        self._former = tuple(map(AESGCMSIV, former))

    def seal(self, table: str, row_id: bytes, plaintext: bytes) -> bytes:
        """Return the sealed row: a random nonce, the ciphertext, its tag; 28 bytes longer than the plaintext."""
        nonce, place = os.urandom(_NONCE_BYTES), _row_place(table, row_id)
        if len(plaintext) < _LARGE_BYTES:
            return nonce + self._cipher.encrypt(nonce, plaintext, place)
        sealed = BytesIO(nonce)  # gives what it holds away as it is, so that no second copy is made
        sealed.seek(_NONCE_BYTES + len(plaintext) + _TAG_BYTES - 1)
        sealed.write(b"\0")
        with sealed.getbuffer() as whole, whole[_NONCE_BYTES:] as behind:
            self._cipher.encrypt_into(nonce, plaintext, place, behind)
        return sealed.getvalue()

    def open(self, table: str, row_id: bytes, sealed: bytes) -> bytes:
        """Return the plaintext of a sealed row.

        Raises:
            SealedRowError: If it was sealed for another row or by another key, or has changed since.
        """
        place = _row_place(table, row_id)
        for cipher in (self._cipher, *self._former):
            try:
                return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
            except (InvalidTag, ValueError):
                continue
        raise SealedRowError(f"a sealed row of `{table}` does not open: it was changed, or the root key is another one")

    def sealed_anew(self, table: str, row_id: bytes, sealed: bytes) -> bytes | None:
        """Return a row sealed under the present key, None where it is already.

        Raises:
            SealedRowError: as ``open`` does.
        """
        try:
            self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _row_place(table, row_id))
        except (InvalidTag, ValueError):
            return self.seal(table, row_id, self.open(table, row_id, sealed))
        return None


@dataclass(frozen=True, slots=True)
class KeptRoots:
    """What a root key keeps of those before it.

    Attributes:
        generation: The number of the present root; the first was 1.
        lookup: The key by which rows are found, which stays that of the first.
        former: By generation, the roots before it that are still needed. Not in its `repr`, as no key is.
    """

    generation: int
    lookup: bytes = field(repr=False)
    former: dict[int, bytes] = field(repr=False)

    @classmethod
    def first(cls, root_key: bytes) -> KeptRoots:
        """Return what the first root keeps: nothing but the key that is made from it."""
        return cls(1, _derive(root_key, "look-up"), {})

    @classmethod
    def unseal(cls, root_key: bytes, sealed: bytes) -> KeptRoots:
        """Return what lies in a root's file.

        Raises: ValueError: it was changed, or is another root's.
        """
        generation, lookup, former = cbor2.loads(Sealer(_derive(root_key, "former")).open(_KEPT, b"", sealed))
        return cls(generation, lookup, dict(former))

    def seal(self, root_key: bytes) -> bytes:
        """Return the bytes of the root's file."""
        content = cbor2.dumps([self.generation, self.lookup, sorted(self.former.items())], canonical=True)
        return Sealer(_derive(root_key, "former")).seal(_KEPT, b"", content)


class GatewayKeys:
    """The loaded keys. None of them appears in its `repr`."""

    __slots__ = ("_kept", "_root", "log_signer", "next_log_signer", "sealer")

    def __init__(
        self, root_key: bytes, log_signer: Signer, next_log_signer: Signer | None = None, kept: KeptRoots | None = None
    ) -> None:
        """Derive the keys from a root key of 32 bytes, and hold the log's signers.

        Args:
            log_signer: The log's key.
            next_log_signer: The key to which the log is being handed over, or was about to be.
            kept: What is needed of the roots before this one; None: it is the first.
        """
        if len(root_key) != KEY_BYTES:
            raise ValueError(f"a root key has {KEY_BYTES} bytes, not {len(root_key)}")
        self._take_root(root_key, kept or KeptRoots.first(root_key))
        self.log_signer = log_signer
        self.next_log_signer = next_log_signer

    def _take_root(self, root_key: bytes, kept: KeptRoots) -> None:
        self._root, self._kept = root_key, kept
        former = [_derive(root, "state") for _, root in sorted(kept.former.items(), reverse=True)]
        self.sealer = Sealer(_derive(root_key, "state"), *former)

    @property
    def root_generation(self) -> int:
        """The number of the root key; the first was 1."""
        return self._kept.generation

    @property
    def former_generations(self) -> tuple[int, ...]:
        """The numbers of the roots before it that are kept."""
        return tuple(sorted(self._kept.former))

    def device_generation(self) -> int:
        """Return the generation of the keys that devices get now."""
        return self.root_generation - 1

    def keeps_generation(self, generation: int) -> bool:
        """Return whether the root is there from which devices of a generation have their keys."""
        return generation == self.device_generation() or generation + 1 in self._kept.former

    @property
    def log_verifiers(self) -> tuple[Verifier, ...]:
        """The public halves of the keys by which the log may be signed."""
        signers = (self.log_signer, self.next_log_signer)
        return tuple(one.verifier for one in signers if one is not None)

    def device_key(self, device_id: bytes, generation: int) -> bytes:
        """Return a device's 32-byte message authentication key, which the device holds for good.

        Args:
            device_id: Its id.
            generation: As ``device_generation`` was when it was registered; it names the root from which the key is made.

        Raises: CorruptionError: that root is not kept.
        """
        root = self._root if generation == self.device_generation() else self._kept.former.get(generation + 1)
        if root is None:
            raise CorruptionError(f"a device has its key from root key number `{generation + 1}`, which is not there")
        return _derive(root, "device", device_id, generation)

    def lookup_hash(self, value: bytes) -> bytes:
        """Return the keyed hash, 16 bytes, by which a row is found without its content being readable on disk."""
        return hmac.digest(self._kept.lookup, value, "sha256")[:LOOKUP_HASH_BYTES]

    def replace_root(self, folder: Path) -> None:
        """Replace the root key; what the former has sealed still opens, and nothing more is sealed under it.

        What the new root keeps is on the disk before the root itself, whose file changes at once: a crash leaves one or the
        other.

        Raises:
            KeyFileError: the root key is no file of this folder.
            OSError: the disk failed.
        """
        target, root_key = folder / ROOT_KEY_FILE, os.urandom(KEY_BYTES)
        if root_key_file(folder) != target:
            raise KeyFileError(f"`{root_key_file(folder)}`: is a credential, which only systemd replaces")
        kept = KeptRoots(self.root_generation + 1, self._kept.lookup, {**self._kept.former, self.root_generation: self._root})
        write_whole(_kept_file(folder, root_key), kept.seal(root_key), SECRET_MODE)
        with target.open("r+b") as former:
            write_whole(target, root_key, SECRET_MODE)
            former.write(bytes(KEY_BYTES))
            former.flush()
            os.fsync(former.fileno())
        self._take_root(root_key, kept)
        self._delete_other_files(folder)

    def forget_roots(self, folder: Path, needed: Collection[int]) -> None:
        """Destroy the former roots that are not needed: nothing is sealed under them, and no device has its key from them.

        Raises: OSError: the disk failed.
        """
        former = {generation: root for generation, root in self._kept.former.items() if generation in needed}
        if former != self._kept.former:
            kept = replace(self._kept, former=former)
            write_whole(_kept_file(folder, self._root), kept.seal(self._root), SECRET_MODE)
            self._take_root(self._root, kept)
        self._delete_other_files(folder)

    def _delete_other_files(self, folder: Path) -> None:
        """Delete what other roots have kept, such as one that a crash never let come into use: this one keeps what is needed."""
        for path in folder.glob("root-*.kept"):
            if path != _kept_file(folder, self._root):
                path.unlink()
        sync_folder(folder)


def log_origin(gateway: str) -> str:
    """Return the origin of a gateway's log, which is the name of the key that `sluice keys init` makes for it."""
    return f"sluice.{gateway}/log"


def origin_gateway(origin: str) -> str | None:
    """Return the gateway for which a log's key was made, by its name; None for a name that was made otherwise."""
    found = _ORIGIN.fullmatch(origin)
    return None if found is None else found[1]


def init_keys(folder: Path, origin: str) -> GatewayKeys:
    """Make the root key and the log's key.

    Args:
        folder: Where to put them; created with mode 0700 if absent.
        origin: The log's origin, which is the name of its key.

    Raises:
        KeyFileError: If any key exists already, the folder cannot be written, or the origin cannot name a key.
    """
    present = [name for name in (ROOT_KEY_FILE, LOG_KEY_FILE, LOG_PUBLIC_FILE) if os.path.lexists(folder / name)]
    if present:
        raise KeyFileError(f"`{folder / present[0]}`: exists already, and keys are never overwritten")
    try:
        signer = Signer(origin, os.urandom(KEY_BYTES))
        _make_folder(folder)
        root_key = os.urandom(KEY_BYTES)
        create_file(folder / ROOT_KEY_FILE, root_key, SECRET_MODE)
        create_file(folder / LOG_KEY_FILE, f"{signer.skey()}\n".encode(), SECRET_MODE)
        create_file(folder / LOG_PUBLIC_FILE, f"{signer.vkey()}\n".encode(), PUBLIC_MODE)
    except (SecretFileError, KeyFormatError) as error:
        raise KeyFileError(str(error)) from error
    return GatewayKeys(root_key, signer)


def load_keys(folder: Path) -> GatewayKeys:
    """Load what `init_keys` made.

    Raises:
        KeyFileError: If a file is absent, a symbolic link, readable by others, or does not hold what it should.
    """
    root_path, log_path, next_path = root_key_file(folder), folder / LOG_KEY_FILE, folder / NEXT_LOG_KEY_FILE
    _finish_replacement(folder)
    try:
        root_key = read_secret_file(root_path, _FORBIDDEN if root_path.parent == folder else _FORBIDDEN_TO_CREDENTIALS)
    except SecretFileError as error:
        raise KeyFileError(str(error)) from error
    if len(root_key) != KEY_BYTES:
        raise KeyFileError(f"`{root_path}`: has `{len(root_key)}` bytes, not {KEY_BYTES}: the root key is damaged")
    next_signer = _read_signer(next_path) if os.path.lexists(next_path) else None
    return GatewayKeys(root_key, _read_signer(log_path), next_signer, _read_kept(_kept_file(folder, root_key), root_key))


def _kept_file(folder: Path, root_key: bytes) -> Path:
    """Return the file in which a root keeps what is needed of those before it: each root has its own, and finds no other's."""
    return folder / f"root-{_derive(root_key, 'name')[:4].hex()}.kept"


def _read_kept(path: Path, root_key: bytes) -> KeptRoots | None:
    if not os.path.lexists(path):
        return None
    try:
        return KeptRoots.unseal(root_key, read_secret_file(path))
    except SecretFileError as error:
        raise KeyFileError(str(error)) from error
    except (ValueError, SealedRowError) as error:
        raise KeyFileError(f"`{path}`: is damaged: put your copy of the keys back") from error


def root_key_file(folder: Path) -> Path:
    """Return where the root key lies: among the service's credentials where it is one of them, else in the folder of the keys."""
    credentials = os.environ.get(CREDENTIALS)
    if credentials and os.path.lexists(os.path.join(credentials, ROOT_KEY_FILE)):
        return Path(credentials) / ROOT_KEY_FILE
    return folder / ROOT_KEY_FILE


def prepare_log_key(folder: Path, origin: str) -> Signer:
    """Make the key to which the log is to be handed over, durable before it signs anything.

    Nothing has been signed by one that is there already: it was made just before a crash, and is replaced.

    Raises: KeyFileError: it cannot be written.
    """
    signer = Signer(origin, os.urandom(KEY_BYTES))
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
    with former.open("r+b") as file:  # its name is gone with the folder's entry; its bytes would stay in free space
        file.write(bytes(former.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    former.unlink()
    sync_folder(folder)


def _read_signer(path: Path) -> Signer:
    try:
        return Signer.parse(read_secret_file(path).decode())
    except SecretFileError as error:
        raise KeyFileError(str(error)) from error
    except ValueError as error:  # wrong form, or bytes that are not text; the message repeats nothing of the key
        raise KeyFileError(f"`{path}`: not a signing key of the form PRIVATE+KEY+name+id+base64") from error


def _make_folder(folder: Path) -> None:
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
            sync_folder(folder.parent)
    except OSError as error:
        raise KeyFileError(f"`{folder}`: cannot be made: {unusable(folder, error)}") from error


def _derive(root_key: bytes, use: str, *of: bytes | int) -> bytes:
    info = cbor2.dumps([_VERSION, use, *of], canonical=True)
    return HKDFExpand(hashes.SHA256(), KEY_BYTES, info).derive(root_key)


def _row_place(table: str, row_id: bytes) -> bytes:
    return _row_place_head(table, len(row_id)) + row_id


@cache
def _row_place_head(table: str, length: int) -> bytes:
    """Return how the CBOR of [table, row id] begins, up to the bytes of the row id."""
    whole = cbor2.dumps([table, bytes(length)])
    return whole[: len(whole) - length]
