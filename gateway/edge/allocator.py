"""The C library's allocator: how soon memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
from typing import Final

_MMAP_THRESHOLD: Final = -3
"""``M_MMAP_THRESHOLD`` of glibc's ``malloc.h``."""
_LARGE_BYTES: Final = 256 * 1024


def return_large_blocks() -> bool:
    """Have every large block go back to the system as soon as it is freed, for as long as the process lives.

    glibc raises the size from which it does so with each larger block that is freed, up to 32 MiB. Whatever comes after a
    large log entry then lies between smaller blocks, and the process keeps for good what it needed for a moment.

    Returns: Whether the C library knows the setting; musl's does not need it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_MMAP_THRESHOLD, _LARGE_BYTES) == 1
