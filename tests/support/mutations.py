"""Bytes changed as an attacker or a bad disk would: flipped, cut, spliced, repeated, with other lengths in their heads.

A test runs some thousands for each change of the program; `SLUICE_MUTATIONS=200000` runs as many as somebody has patience for.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence

HEADS = (
    0x00,
    0x17,
    0x18,
    0x19,
    0x1B,
    0x1F,
    0x3B,
    0x5B,
    0x5F,
    0x78,
    0x7F,
    0x80,
    0x9B,
    0x9F,
    0xA0,
    0xBB,
    0xBF,
    0xC2,
    0xD8,
    0xF6,
    0xFB,
    0xFF,
)
"""First bytes of CBOR items that a careless reader trips over: indefinite lengths, tags, lengths of 2^64."""


def wanted(in_ci: int) -> int:
    """Return how many mutations to try."""
    return int(os.environ.get("SLUICE_MUTATIONS", in_ci))


def mutated(samples: Sequence[bytes], count: int, seed: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield pairs of a sample and a mutation of it, which differ."""
    chance = random.Random(seed)
    made = 0
    while made < count:
        sample = chance.choice(samples)
        data = sample
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            data = _once(data, samples, chance)
        if data != sample:
            made += 1
            yield sample, data


def _once(data: bytes, samples: Sequence[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    end = min(len(data), at + chance.choice((1, 2, 8, 32, 200)))
    match chance.randrange(7):
        case 0 if at < len(data):
            return data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[end:]
        case 3:
            return data[:end] + data[at:]
        case 4:
            return data[:at] + chance.randbytes(end - at) + data[end:]
        case 5:
            other = chance.choice(samples)
            return data[:at] + other[chance.randrange(len(other) + 1) :]
        case _:
            return data[:at] + bytes((chance.choice(HEADS),)) + data[end if chance.random() < 0.5 else at :]
