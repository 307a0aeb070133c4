"""Fingerprints of public keys: computed from the key, and compared by people."""

from __future__ import annotations

from hashlib import sha256

from consent.core.policies.fingerprint import fingerprint, fingerprint_of, key_sha256, same_fingerprint

KEY = bytes(range(32))


def test_fingerprint_is_the_beginning_of_the_keys_sha256_in_groups_of_four() -> None:
    """As keygen has always written it: 16 bytes."""
    assert fingerprint(KEY).replace(" ", "") == sha256(KEY).hexdigest()[:32]
    assert {len(group) for group in fingerprint(KEY).split(" ")} == {4}
    assert fingerprint_of(key_sha256(KEY)) == fingerprint(KEY)


def test_fingerprint_of_another_key_is_another() -> None:
    """One bit of the key is enough."""
    assert fingerprint(KEY) != fingerprint(bytes([1, *KEY[1:]]))


def test_same_fingerprint_however_people_write_it() -> None:
    """Spaces and capitals are theirs; a digit more or less is another fingerprint."""
    known = fingerprint(KEY)
    assert same_fingerprint(known, f"  {known.upper().replace(' ', '  ')} ")
    assert not same_fingerprint(known, known[:-1])
    assert not same_fingerprint(known, "")
