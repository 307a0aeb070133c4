"""Acts: the challenge says what is done, by whom and of what, so that a signature of one act is none of another."""

from __future__ import annotations

from hashlib import sha256
from itertools import combinations

import cbor2

from consent.core.passkeys.acts import act_challenge

SUBJECT, RESIDENT, NONCE = bytes(16), b"r" * 16, b"n" * 16


def test_challenge_is_as_documented() -> None:
    """An auditor computes it from the log with nothing but CBOR and SHA-256."""
    said = cbor2.dumps(["sluice act v1", "passkey.add", SUBJECT, RESIDENT, NONCE], canonical=True)
    assert act_challenge("passkey.add", SUBJECT, RESIDENT, NONCE) == sha256(said).digest()


def test_each_part_makes_another_challenge() -> None:
    """Else what was signed for one person, home or code would do for another."""
    challenges = [
        act_challenge("subject.invite", SUBJECT, RESIDENT, NONCE),
        act_challenge("household.erase", SUBJECT, RESIDENT, NONCE),
        act_challenge("subject.invite", RESIDENT, RESIDENT, NONCE),
        act_challenge("subject.invite", SUBJECT, SUBJECT, NONCE),
        act_challenge("subject.invite", SUBJECT, RESIDENT, bytes(16)),
    ]
    assert all(one != other for one, other in combinations(challenges, 2))
