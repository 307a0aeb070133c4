"""What was in force, as an auditor rebuilds it from sets that somebody else has published."""

from __future__ import annotations

import tracemalloc
from hashlib import sha256

import pytest

from consent.core.policies.archive import LONGEST_PACKED_BYTES, pack_files
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.handover import LogKeys
from gateway.audit.log.notes import Signer
from gateway.audit.replay.in_force import InForceAt

BOMBS = {
    "quoted keys": "\n" + ".".join(['"="'] * 60_000) + " = 1\n",
    "quoted keys with blanks": "\n" + ".".join(['"a b"'] * 30_000) + " = 1\n",
    "a number": "a = " + "9" * 1_000_000,
    "headers": "".join(f"[{number:x}]\n" for number in range(120_000)),
}
MOST_BYTES = 32 << 20
"""An auditor reads a log beside much else; the first of these took all the memory that there was."""


def problem(packed: bytes) -> str:
    """Return what is wrong with a published set, found within bounds of memory."""
    digest = sha256(packed).digest()
    in_force = InForceAt(LogKeys(Signer("sluice.test/log", bytes(32)).verifier), lambda name: packed)
    tracemalloc.start()
    (found,) = in_force.take_policy(Entry(Kind.POLICY, 1, 1, digest, -1, bytes(32)))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < MOST_BYTES
    assert in_force.policies is None
    return found


@pytest.mark.parametrize("bomb", BOMBS)
def test_set_that_would_take_an_auditors_memory_is_a_finding(bomb: str) -> None:
    """In the city's file or in any other; each is shorter than many an honest one."""
    assert "its policies cannot be understood: `city.toml`: " in problem(pack_files({"city.toml": BOMBS[bomb].encode()}))


def test_set_that_is_longer_than_any_that_a_gateway_has_is_a_finding() -> None:
    """It is not even unpacked."""
    found = problem(pack_files({f"devices/{number}.toml": bytes(LONGEST_PACKED_BYTES // 4) for number in range(5)}))
    assert found == "its policies cannot be understood: a policy set is longer than 1176576 bytes"
