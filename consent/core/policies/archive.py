"""A policy set as one string of bytes, whose SHA-256 names it in the log: an auditor fetches it by that name and reads it.

How large a set may be stands here too, since whoever reads one has it from somebody else: the gateway from a folder, its auditor
from a log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consent.core.canonical import decode_canonical, encode_canonical
from consent.errors import PolicyError, RecordError

MOST_FILES: Final = 1000
MOST_BYTES: Final = 1 << 20
"""Of all files of a set together, without their names."""
LONGEST_PACKED_BYTES: Final = MOST_BYTES + MOST_FILES * 128
"""A name has two parts of at most 64 letters, most of them far fewer."""


def refuse_too_large(files: Mapping[str, bytes]) -> None:
    """Refuse files that are too many, or too long together.

    Raises: PolicyError: they are; it names the file, in the order of names, that is one too many.
    """
    total_bytes = 0
    for count, path in enumerate(sorted(files), 1):
        total_bytes += len(files[path])
        refuse_beyond(path, count, total_bytes)


def refuse_beyond(path: str, count: int, total_bytes: int) -> None:
    """Refuse a file with which there are too many, or too long ones, so that whoever reads a folder need not read on.

    Raises: PolicyError: that is so.
    """
    if count > MOST_FILES:
        raise PolicyError(path, "", f"is one file more than the {MOST_FILES} that may be read together")
    if total_bytes > MOST_BYTES:
        raise PolicyError(path, "", f"makes the files longer than {MOST_BYTES} bytes together")


def pack_files(files: Mapping[str, bytes]) -> bytes:
    """Return the deterministic CBOR of the files of a policy set, by path; its SHA-256 is that of the set."""
    return encode_canonical({path: bytes(data) for path, data in files.items()})


def unpack_files(data: bytes) -> dict[str, bytes]:
    """Return the files that ``pack_files`` packed.

    Raises: RecordError: the bytes are no packed files, or more than a set may have.
    """
    if len(data) > LONGEST_PACKED_BYTES:
        raise RecordError(f"a policy set is longer than {LONGEST_PACKED_BYTES} bytes")
    files = decode_canonical(data, "a policy set")
    if not isinstance(files, dict) or not all(isinstance(path, str) and isinstance(text, bytes) for path, text in files.items()):
        raise RecordError("a policy set is no map of files")
    return files
