"""What is freed goes back to the system: large blocks also after larger ones, small ones when they are asked for."""

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

_FREE_BETWEEN_SMALL = """
from gateway.edge.allocator import return_free_pages

def resident_kib():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

blocks = [bytes([1]) * 20_000 for _ in range(1000)]
kept = blocks[::20]
del blocks
before = resident_kib()
assert return_free_pages()
assert before - resident_kib() > 8 * 1024
"""


def test_a_large_block_stays_out_of_the_heap_after_a_larger_one_was_freed() -> None:
    """Without the setting glibc would place it there, and what lies behind it would keep it."""
    subprocess.run([sys.executable, "-c", _PROGRAM], cwd=ROOT, check=True)


def test_free_pages_between_small_blocks_go_back() -> None:
    """By itself glibc returns only what lies free behind the last block."""
    subprocess.run([sys.executable, "-c", _FREE_BETWEEN_SMALL], cwd=ROOT, check=True)
