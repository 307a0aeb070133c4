"""A policy set as one string of bytes, whose SHA-256 names it in the log: an auditor fetches it by that name and reads it."""

from __future__ import annotations

from collections.abc import Mapping

from consent.core.canonical import decode_canonical, encode_canonical
from consent.errors import RecordError


def pack_files(files: Mapping[str, bytes]) -> bytes:
    """Return the deterministic CBOR of the files of a policy set, by path; its SHA-256 is that of the set."""
    return encode_canonical({path: bytes(data) for path, data in files.items()})


def unpack_files(data: bytes) -> dict[str, bytes]:
    """Return the files that ``pack_files`` packed.

    Raises: RecordError: the bytes are no packed files.
    """
    files = decode_canonical(data, "a policy set")
    if not isinstance(files, dict) or not all(isinstance(path, str) and isinstance(text, bytes) for path, text in files.items()):
        raise RecordError("a policy set is no map of files")
    return files
