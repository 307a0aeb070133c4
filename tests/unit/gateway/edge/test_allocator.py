"""Large blocks go back to the system, also after larger ones were freed."""

from __future__ import annotations

import subprocess
import sys

from tests.support.checkout import ROOT

_PROGRAM = """
from gateway.edge.allocator import return_large_blocks

def heap_kib():
    with open("/proc/self/smaps", encoding="ascii") as maps:
        lines = maps.read().splitlines()
    at = next(number for number, line in enumerate(lines) if line.endswith("[heap]"))
    return next(int(line.split()[1]) for line in lines[at:] if line.startswith("Size:"))

assert return_large_blocks()
first = bytes(20 << 20)
del first
before = heap_kib()
second = bytes(10 << 20)
assert heap_kib() - before < 1024
"""


def test_a_large_block_stays_out_of_the_heap_after_a_larger_one_was_freed() -> None:
    """Without the setting glibc would place it there, and what lies behind it would keep it."""
    subprocess.run([sys.executable, "-c", _PROGRAM], cwd=ROOT, check=True)
