"""How much memory a process of this machine holds, and has held, as the kernel counts it.

Source: proc(5), `/proc/pid/status`.
"""

from __future__ import annotations

from pathlib import Path

OWN = "self"
"""Stands for the process that asks."""


def resident_kib(pid: int | str = OWN) -> int:
    """Return what a process holds now, in KiB.

    Raises: OSError: there is no such process. StopIteration: it has ended, and nobody has waited for it.
    """
    return _kib(pid, "VmRSS:")


def peak_kib(pid: int | str = OWN) -> int:
    """Return the most that it has held, in KiB; raises as ``resident_kib``."""
    return _kib(pid, "VmHWM:")


def _kib(pid: int | str, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
