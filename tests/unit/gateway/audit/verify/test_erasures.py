"""Erasures with a list held against a log: one place, one list; what has no list is counted."""

from __future__ import annotations

from gateway.audit.log.earlier_payloads import EarlierErasurePayload
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import EmptiedOpening, ErasurePayload
from gateway.audit.verify.erasures import ErasureAudit

_WHOLE = Part(bytes(32), b"x")
_SUBJECT = b"s" * 32


def _entry(kind: Kind, index: int) -> Entry:
    return Entry(kind, 1000 + index, index, bytes(32), -1, bytes(32), parts_deleted=1 if kind is Kind.ERASURE else None)


def _log(*openings: tuple[Kind, Opening | None]) -> ErasureAudit:
    """Return an audit that has taken these entries."""
    audit = ErasureAudit()
    for index, (kind, opening) in enumerate(openings):
        audit.take(_entry(kind, index), opening)
    return audit


def _gone(*missing: bool) -> Opening:
    return Opening(0, tuple(bytes(32) if each else _WHOLE for each in missing))


def _erased(audit: ErasureAudit, index: int, *places: tuple[int, tuple[int, ...]], parts: int | None = None) -> list[str]:
    entry = _entry(Kind.ERASURE, index)
    audit.take(entry, _gone(False))
    emptied = tuple(EmptiedOpening(*place) for place in places)
    deleted = sum(len(each.parts) for each in emptied) if parts is None else parts
    return audit.take_erasure(entry, ErasurePayload(_SUBJECT, deleted, emptied))


def test_every_place_on_one_list_is_in_order() -> None:
    """The consent, the release behind it, and a further part of the same household."""
    audit = _log((Kind.CONSENT, _gone(True)), (Kind.RELEASE, _gone(False, True, True, False)))
    assert _erased(audit, 2, (0, (0,)), (1, (1, 2))) == []
    assert (audit.close(), audit.unnamed, audit.erased) == ([], 0, 3)
    assert audit.subjects_missing(1) == 1


def test_list_with_places_whose_openings_have_expired_is_in_order() -> None:
    """What is not at hand cannot be looked at."""
    audit = _log((Kind.CONSENT, None), (Kind.RELEASE, None))
    assert _erased(audit, 2, (0, (0,)), (1, (1, 2))) == []
    assert audit.close() == []


def test_list_that_contradicts_itself_is_named() -> None:
    """Another number of parts than the entry says, another order than the log's, an entry that comes later."""
    audit = _log((Kind.CONSENT, _gone(True)), (Kind.RELEASE, _gone(False, True)))
    found = _erased(audit, 2, (1, (1,)), (0, (0,)), (2, (0,)), (9, (1,)), parts=7)
    assert found[:2] == ["its list is not of `7` parts", "its list is not in the log's order"]
    assert [problem for problem in found if "no erasure can take" in problem] == [
        "names parts of entry `2` that no erasure can take",
        "names parts of entry `9` that no erasure can take",
    ]


def test_part_of_an_account_or_twice_the_same_part_cannot_be_taken() -> None:
    """Only what is about a subject is erased, and once."""
    audit = _log((Kind.ACCOUNT, _gone(True)), (Kind.CONSENT, _gone(True)), (Kind.RELEASE, _gone(False, True)))
    found = _erased(audit, 3, (0, (0,)), (1, (0,)), (2, (1, 1)))
    assert found == ["names parts of entry `0` that no erasure can take", "names parts of entry `2` that no erasure can take"]


def test_entry_that_cannot_be_read_keeps_the_others_in_their_places() -> None:
    """A gap in the log shifts nothing."""
    audit = ErasureAudit()
    audit.skip()
    audit.take(_entry(Kind.CONSENT, 1), _gone(True))
    assert _erased(audit, 2, (1, (0,))) == []
    assert audit.close() == []


def test_erasures_without_a_list_account_for_as_many_parts_as_they_say() -> None:
    """They rest on the operator's word, each part standing for a subject of its own."""
    audit = _log((Kind.RELEASE, _gone(False, True, True)))
    for index in (1, 2):
        entry = _entry(Kind.ERASURE, index)
        audit.take(entry, _gone(False))
        assert audit.take_erasure(entry, EarlierErasurePayload(_SUBJECT, 1)) == []
    assert audit.close() == []
    assert (audit.unnamed, audit.earlier_parts, audit.earlier) == (2, 2, [(1, 1001), (2, 1002)])
    assert audit.subjects_missing(0) == 2
