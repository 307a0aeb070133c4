"""Voids held against the releases before them: their recipients can find them."""

from __future__ import annotations

from gateway.audit.log.earlier_payloads import EarlierVoidPayload
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.payloads import VoidPayload, void_commitment
from gateway.audit.verify.voids import VoidAudit

_RELEASE = Entry(Kind.RELEASE, 1000, 3, bytes(32), -1, bytes(32), bytes(32), bytes(32))


def _void(index: int, commitment: bytes) -> Entry:
    return Entry(Kind.VOID, 1000 + index, index, bytes(32), -1, commitment)


def test_void_under_the_salt_that_follows_from_the_bundle_is_in_order() -> None:
    """One under another salt is not, and one of a release that was never seen is the recount's affair."""
    audit = VoidAudit()
    audit.take(_RELEASE)
    assert audit.take_void(_void(4, void_commitment(3, bytes(32))), VoidPayload(3)) == []
    (problem,) = audit.take_void(_void(5, bytes(32)), VoidPayload(3))
    assert "its recipient cannot find it" in problem
    assert audit.take_void(_void(6, bytes(32)), VoidPayload(2)) == []


def test_void_of_the_earlier_form_is_counted() -> None:
    """It was in order while there was no other."""
    audit = VoidAudit()
    audit.take(_RELEASE)
    assert audit.take_void(_void(4, bytes(32)), EarlierVoidPayload(3)) == []
    assert audit.earlier == [(4, 1004)]
