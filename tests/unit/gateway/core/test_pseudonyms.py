"""Pseudonyms: steady within a domain, strangers across."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.pseudonyms import DomainKeys, PseudonymDomain, Pseudonymiser, handle

_DOMAIN = PseudonymDomain("city-energy", "load-forecast", "2026-03-01", 0)
_KEY = bytes(range(64))
_secrets = st.binary(min_size=32, max_size=32)
_names = st.text(min_size=1, max_size=20)


@given(_secrets, _names, _names)
def test_handle_other_purpose_other_handle(secret: bytes, one: str, other: str) -> None:
    """A subject has one handle for each purpose, and nothing shows that two are the same subject's."""
    assert len(handle(secret, one)) == 16
    assert (handle(secret, one) == handle(secret, other)) == (one == other)


@given(_secrets, _secrets)
def test_handle_other_subject_other_handle(one: bytes, other: bytes) -> None:
    """Two subjects share no handle."""
    assert (handle(one, "p") == handle(other, "p")) == (one == other)


@pytest.mark.parametrize("reserved", ["labels", "opening"])
def test_handle_purpose_named_like_another_use_reveals_nothing_of_it(reserved: str) -> None:
    """The secret also makes label keys and salts: a purpose of that name must not lead to them."""
    import hmac

    assert handle(bytes(32), reserved) != hmac.digest(bytes(32), reserved.encode(), "sha256")[:16]


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_pseudonym_steady_within_a_domain_and_one_to_one(one: bytes, other: bytes) -> None:
    """The same subject keeps its pseudonym, also in another object of the same domain; two subjects never share one."""
    first, second = Pseudonymiser(_DOMAIN, _KEY), Pseudonymiser(_DOMAIN, _KEY)
    assert len(first.pseudonym(one)) == 32
    assert first.pseudonym(one) == first.pseudonym(one) == second.pseudonym(one)
    assert (first.pseudonym(one) == second.pseudonym(other)) == (one == other)


@pytest.mark.parametrize(
    "change",
    [{"recipient": "police"}, {"purpose": "tax"}, {"epoch_day": "2026-03-02"}, {"sub_epoch": 1}],
    ids=lambda c: next(iter(c)),
)
def test_pseudonym_other_domain_other_pseudonym(change: dict[str, object]) -> None:
    """Each part of the domain counts, even if a key were used for two."""
    other = Pseudonymiser(dataclasses.replace(_DOMAIN, **change), _KEY)  # type: ignore[arg-type]  # of the field's own type
    assert other.pseudonym(bytes(16)) != Pseudonymiser(_DOMAIN, _KEY).pseudonym(bytes(16))


def test_pseudonym_field_boundaries_count() -> None:
    """`ab` + `c` is another domain than `a` + `bc`."""
    one = Pseudonymiser(PseudonymDomain("ab", "c", "d", 0), _KEY)
    other = Pseudonymiser(PseudonymDomain("a", "bc", "d", 0), _KEY)
    assert one.pseudonym(bytes(16)) != other.pseudonym(bytes(16))


def test_pseudonymiser_key_of_wrong_length_refused() -> None:
    """AES-256-SIV takes 64 bytes; 32 would quietly be AES-128."""
    with pytest.raises(ValueError, match="64 bytes"):
        Pseudonymiser(_DOMAIN, bytes(32))


class _Draws:
    """Random bytes for a test: other ones each time, and a count of them."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, length: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(length, "big")


def test_domain_keys_made_once_and_kept() -> None:
    """A domain's key is made when first asked for; while it is open, a later sub-epoch is not begun."""
    draws = _Draws()
    keys = DomainKeys(draws)
    first = keys.pseudonymiser("r", "p", "2026-03-01", 4)
    assert first.domain == PseudonymDomain("r", "p", "2026-03-01", 4)
    assert keys.pseudonymiser("r", "p", "2026-03-01", 5) is first
    assert keys.domains() == (first.domain,)
    assert draws.count == 1


def test_domain_keys_dropped_key_is_gone() -> None:
    """After a drop the same subject gets a pseudonym that nothing links to the old one."""
    keys = DomainKeys(_Draws())
    first = keys.pseudonymiser("r", "p", "2026-03-01", 0)
    keys.drop(first.domain)
    assert keys.domains() == ()
    second = keys.pseudonymiser("r", "p", "2026-03-01", 1)
    assert second.domain.sub_epoch == 1
    assert second.pseudonym(bytes(16)) != first.pseudonym(bytes(16))


def test_domain_keys_drop_of_an_earlier_sub_epoch_leaves_the_present_one() -> None:
    """A late acknowledgement for the sub-epoch before does not take the present key away."""
    keys = DomainKeys(_Draws())
    present = keys.pseudonymiser("r", "p", "2026-03-01", 1)
    keys.drop(PseudonymDomain("r", "p", "2026-03-01", 0))
    keys.drop(PseudonymDomain("r", "p", "2026-03-02", 0))
    assert keys.domains() == (present.domain,)
