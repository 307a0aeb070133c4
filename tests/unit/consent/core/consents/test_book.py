"""The book: what counts of all that was said."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.consents.book import Book
from consent.core.consents.records import Consent, Status, decode, encode
from consent.core.disclosure import TOP, Space
from consent.errors import ConsentError
from tests.support.consent_samples import ANN, BEN, NOW_MS, SUBJECT, agreed, limits_of, policies

CITY = policies()
HOURLY = CITY.flows["hourly"]
FLOW = agreed(CITY, "hourly", limits_of(space=Space.CITY))
PURPOSE = agreed(CITY, "purpose:energy")


def _book(*consents: Consent, residents: tuple[bytes, ...] = (ANN,)) -> Book:
    book = Book()
    book.add_subject(SUBJECT, residents)
    for index, consent in enumerate(consents):
        book.apply(consent, index)
    return book


def _paused(consent: Consent) -> Consent:
    return replace(consent, status=Status.PAUSED)


def test_resolve_has_one_entry_for_each_resident() -> None:
    """Who has said nothing stands as None."""
    book = _book(FLOW, residents=(ANN, BEN))
    assert book.resolve(SUBJECT, HOURLY) == [FLOW, None]
    assert book.resolve(b"?" * 16, HOURLY) == []


def test_resolve_prefers_the_flow_to_its_purpose() -> None:
    """What was said about the flow itself counts, whether before or after what was said about its purpose."""
    assert _book(PURPOSE, FLOW).resolve(SUBJECT, HOURLY) == [FLOW]
    assert _book(FLOW, PURPOSE).resolve(SUBJECT, HOURLY) == [FLOW]
    assert _book(PURPOSE).resolve(SUBJECT, HOURLY) == [PURPOSE]
    assert _book(FLOW).resolve(SUBJECT, CITY.flows["daily"]) == [None]


def test_resolve_after_a_purpose_is_stopped_stops_its_flows() -> None:
    """Who stops a purpose stops what was permitted of it before, and may permit a flow again later."""
    stopped = _paused(PURPOSE)
    assert _book(FLOW, stopped).resolve(SUBJECT, HOURLY) == [stopped]
    assert _book(stopped, FLOW).resolve(SUBJECT, HOURLY) == [FLOW]


def test_resolve_after_a_purpose_is_permitted_anew_counts_the_flow_from_then() -> None:
    """No window that began in a pause is entered afterwards."""
    again = replace(PURPOSE, since_ms=NOW_MS)
    book = _book(FLOW, _paused(PURPOSE), again)
    assert book.resolve(SUBJECT, HOURLY) == [replace(FLOW, since_ms=NOW_MS)]
    assert book.entry_of(replace(FLOW, since_ms=NOW_MS)) == 0


def test_apply_of_an_older_record_changes_nothing() -> None:
    """The order of the log decides, not the order of arrival; the same record twice is once."""
    book = _book()
    book.apply(_paused(FLOW), 7)
    book.apply(FLOW, 3)
    book.apply(_paused(FLOW), 7)
    assert book.resolve(SUBJECT, HOURLY) == [_paused(FLOW)]
    assert book.entry_of(FLOW) == 7


@given(st.permutations(list(enumerate([PURPOSE, FLOW, _paused(FLOW), _paused(PURPOSE), FLOW]))))
def test_book_of_stored_records_is_that_of_the_records_themselves(records: list[tuple[int, Consent]]) -> None:
    """In any order, and of a resident who has left nothing counts; what subjects share is held once."""
    said, stored = _book(residents=(ANN, BEN)), _book(residents=(ANN, BEN))
    for index, consent in [*records, (9, replace(FLOW, resident=BEN, limits=limits_of(space=Space.BLOCK), authority="a court"))]:
        said.apply(consent, index)
        stored.know(encode(consent), index)
    stored.know(encode(replace(FLOW, resident=b"?" * 16)), 10)
    stored.know(encode(replace(FLOW, subject=b"?" * 16)), 11)
    assert list(stored) == list(said)
    of_ann = [entry.consent for entry in stored.entries(SUBJECT, ANN)]
    assert len({id(consent.subject) for consent in of_ann}) == len({id(consent.resident) for consent in of_ann}) == 1
    assert len({id(consent.terms) for consent in of_ann if consent.scope == FLOW.scope}) == 1


@given(st.permutations(list(enumerate([PURPOSE, FLOW, _paused(FLOW), _paused(PURPOSE), FLOW]))))
def test_apply_in_any_order_gives_the_same_book(records: list[tuple[int, Consent]]) -> None:
    """The fold depends on the log entries only."""
    book = _book()
    for index, consent in records:
        book.apply(consent, index)
    assert [(entry.index, entry.consent) for entry in book.for_subject(SUBJECT)] == [(3, _paused(PURPOSE)), (4, FLOW)]


def test_apply_for_someone_unknown_is_refused() -> None:
    """A record of a subject or resident that the registry does not have is an error."""
    with pytest.raises(ConsentError, match="no such subject"):
        Book().apply(FLOW, 0)
    with pytest.raises(ConsentError, match="no such resident"):
        _book(residents=(BEN,)).apply(FLOW, 0)
    with pytest.raises(ConsentError, match="says nothing about `hourly`"):
        _book().entry_of(FLOW)


def test_add_subject_again_changes_residents_and_keeps_what_the_others_said() -> None:
    """A resident who leaves no longer counts; one who comes has said nothing."""
    book = _book(FLOW, replace(FLOW, resident=BEN), residents=(ANN, BEN))
    book.add_subject(SUBJECT, (BEN, b"c" * 16))
    assert book.residents(SUBJECT) == (BEN, b"c" * 16)
    assert book.resolve(SUBJECT, HOURLY) == [replace(FLOW, resident=BEN), None]


def test_remove_subject_forgets_all_of_it() -> None:
    """An erased subject is as unknown as one that never was."""
    book = _book(FLOW)
    book.remove_subject(SUBJECT)
    assert book.for_subject(SUBJECT) == []
    assert book.resolve(SUBJECT, HOURLY) == []
    assert book.residents(SUBJECT) == ()


def test_book_of_many_subjects_takes_little_memory() -> None:
    """Below one KiB a subject, each with a signed consent read from its bytes."""
    template = agreed(CITY, "purpose:energy", TOP)
    book = Book()
    tracemalloc.start()
    for number in range(2000):
        subject, resident = number.to_bytes(16, "big"), (number + 5000).to_bytes(16, "big")
        record = replace(template, subject=subject, resident=resident, signature=number.to_bytes(64, "big"))
        book.add_subject(subject, (resident,))
        book.apply(decode(encode(record)), number)
    used_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used_bytes / 2000 < 1024


def test_newer_narrower_yes_to_a_purpose_revives_no_wider_one_to_its_flow() -> None:
    """Whoever stopped a purpose and permits it again with limits is not taken at what they once said of a flow."""
    wide = agreed(CITY, "hourly")
    narrow = replace(agreed(CITY, "purpose:energy", limits_of(space=Space.CITY)), since_ms=NOW_MS, expiry_ms=NOW_MS + 9)
    (counted,) = _book(wide, replace(PURPOSE, status=Status.WITHDRAWN), narrow).resolve(SUBJECT, HOURLY)
    assert counted is not None
    assert (counted.limits.space, counted.since_ms, counted.expiry_ms) == (Space.CITY, NOW_MS, NOW_MS + 9)
