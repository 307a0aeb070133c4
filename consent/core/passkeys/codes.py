"""Paper codes: eighty random bits as sixteen symbols of Crockford's base 32, in four groups; kept by a hash alone."""

from __future__ import annotations


def paper_code(random: bytes) -> str:
    """Return the code of 10 random bytes, such as `K7QM-4T2X-9RHD-0B5Z`."""
    raise NotImplementedError


def paper_sha256(code: str) -> bytes:
    """Return the hash by which a code is known, however it was typed: SHA-256 of `sluice paper code ` and its symbols.

    Raises: ValueError: the text cannot be a code.
    """
    raise NotImplementedError
