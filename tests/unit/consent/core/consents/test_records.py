"""Consent records: one sequence of bytes for each, and no other is read."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.canonical import decode_canonical, disclosure_from_map, disclosure_map, encode_canonical
from consent.core.consents.records import Consent, Status, decode, encode, signing_bytes
from consent.core.disclosure import TOP, Disclosure
from consent.core.policies.notice import FlowTerms, decode_terms, encode_terms
from consent.errors import RecordError
from tests.support.consent_samples import agreed, consent, points, policies

_TEXT = st.text(min_size=1, max_size=20)


def _terms() -> st.SearchStrategy[FlowTerms]:
    figures = st.dictionaries(_TEXT, st.sampled_from(["", "sum", "mean"]), max_size=3)
    return st.builds(FlowTerms, _TEXT, _TEXT, _TEXT, figures.map(lambda found: tuple(sorted(found.items()))), points())


def _consents() -> st.SearchStrategy[Consent]:
    terms = st.lists(_terms(), max_size=3, unique_by=lambda one: one.flow)
    base = terms.map(lambda found: consent(tuple(sorted(found, key=lambda one: one.flow)), "purpose:energy"))
    changes = st.fixed_dictionaries(
        {
            "limits": points(),
            "status": st.sampled_from(Status),
            "since_ms": st.integers(0, 1 << 53),
            "expiry_ms": st.none() | st.integers(0, 1 << 53),
            "signature": st.binary(max_size=64),
        }
    )
    return st.tuples(base, changes).map(lambda pair: replace(pair[0], **pair[1]))


@given(_consents())
def test_consent_encoded_and_decoded_is_the_same(record: Consent) -> None:
    """Encoding loses nothing."""
    assert decode(encode(record)) == record


@given(points())
def test_disclosure_written_and_read_is_the_same(point: Disclosure) -> None:
    """The written form of a point loses nothing."""
    assert disclosure_from_map(decode_canonical(encode_canonical(disclosure_map(point)), "a point")) == point


@given(_consents(), st.data())
def test_consent_cut_short_is_refused(record: Consent, data: st.DataObject) -> None:
    """No beginning of a record passes for a record."""
    whole = encode(record)
    length = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(RecordError):
        decode(whole[:length])


@given(_consents(), st.data())
def test_consent_with_one_byte_changed_is_refused_or_another(record: Consent, data: st.DataObject) -> None:
    """A changed byte never gives the same record, and never another exception."""
    whole = bytearray(encode(record))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(RecordError):
        assert decode(bytes(whole)) != record


@given(st.binary(max_size=200))
def test_consent_from_noise_is_refused(noise: bytes) -> None:
    """Arbitrary bytes are never a consent, and never another exception."""
    with pytest.raises(RecordError):
        decode(noise)


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.binary() | st.floats(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_disclosure_from_other_data_is_refused(value: object) -> None:
    """Plain data that is no disclosure is refused, and raises nothing else."""
    with pytest.raises(RecordError):
        disclosure_from_map(value)


@pytest.mark.parametrize("step", ["1e999999999", "1E-999999999", "0" * 5000, "1_0", "\u0661", " 1", "nan", "-1", ".5", "5."])
def test_disclosure_with_a_step_that_is_no_plain_number_is_refused(step: str) -> None:
    """Before it is written out, which a power of ten takes long for, or is too great for."""
    value = disclosure_map(TOP) | {"precision": {"temperature": step}}
    with pytest.raises(RecordError):
        disclosure_from_map(value)


@pytest.mark.parametrize(
    "change",
    [
        {"subject": b"short"},
        {"resident": "text"},
        {"scope": ""},
        {"status": "Maybe"},
        {"notice": b"\0" * 32},
        {"terms": b"\x80\x00"},
        {"time": -1},
        {"since": True},
        {"expiry": 1.5},
        {"channel": None},
        {"signature": "text"},
        {"limits": {}},
        {"more": 1},
    ],
)
def test_consent_with_a_wrong_value_is_refused(change: dict[str, object]) -> None:
    """Every key has its own type and range."""
    plain = cbor2.loads(encode(agreed(policies(), "hourly")))
    with pytest.raises(RecordError):
        decode(cbor2.dumps({**plain, **change}, canonical=True))


@pytest.mark.parametrize(
    "change",
    [
        {"identity": "open"},
        {"time": 3},
        {"precision": {"LAeq": "0.50"}},
        {"precision": {"LAeq": "nan"}},
        {"precision": {"LAeq": 0.5}},
        {"group": 0},
        {"group": True},
        {"retention": 40_000},
        {"budget": 1},
        {"budget": float("nan")},
        {"extra": 1},
    ],
)
def test_disclosure_with_a_wrong_value_is_refused(change: dict[str, object]) -> None:
    """Every axis has its own levels, and every value one way to be written."""
    with pytest.raises(RecordError):
        disclosure_from_map({**disclosure_map(TOP), **change})


def test_consent_in_another_order_of_keys_is_refused() -> None:
    """There is one sequence of bytes for a record; an equal map in another order is none."""
    plain = cbor2.loads(encode(agreed(policies(), "hourly")))
    with pytest.raises(RecordError, match="canonical"):
        decode(cbor2.dumps(dict(reversed(plain.items()))))


def test_signing_bytes_cover_everything_but_the_signature() -> None:
    """The signed bytes change with every field, and not with the signature."""
    record = agreed(policies(), "hourly")
    assert signing_bytes(record.signed(b"x" * 64)) == signing_bytes(record)
    assert record.signed(b"x" * 64).signature == b"x" * 64
    others: list[dict[str, object]] = [{"subject": b"x" * 16}, {"scope": "daily"}, {"status": Status.PAUSED}, {"time_ms": 5}]
    others += [{"since_ms": 5}, {"expiry_ms": 5}, {"channel": "portal"}, {"resident": b"x" * 16}, {"terms": ()}]
    for change in others:
        assert signing_bytes(replace(record, **change)) != signing_bytes(record)  # type: ignore[arg-type]


def test_terms_that_are_equal_are_held_once() -> None:
    """Decoding the same notice twice gives the same object, so that many consents take little memory."""
    terms = policies().terms_for("purpose:energy")
    assert decode_terms(encode_terms(terms)) is decode_terms(bytes(bytearray(encode_terms(terms))))


@pytest.mark.parametrize(
    "value", [5, [5], [{"flow": "x"}], [{"flow": 1, "purpose": "", "recipient": "", "figures": {}, "ask": {}}]]
)
def test_terms_of_another_shape_are_refused(value: object) -> None:
    """A notice is a list of terms and nothing else."""
    with pytest.raises(RecordError):
        decode_terms(encode_canonical(value))


def test_terms_out_of_order_are_refused() -> None:
    """A notice names its flows in the order of their ids."""
    plain = cbor2.loads(encode_terms(policies().terms_for("purpose:energy")))
    with pytest.raises(RecordError, match="canonical"):
        decode_terms(encode_canonical(list(reversed(plain))))


def test_budget_of_an_earlier_version_keeps_its_bytes_and_becomes_no_mu() -> None:
    """Signatures and hashes over it hold; what it meant is another axis."""
    before = disclosure_map(TOP) | {"budget": 0.5}
    point = disclosure_from_map(before)
    assert (point.budget, point.former_epsilon) == (TOP.budget, 0.5)
    assert disclosure_map(point) == before
    now = replace(TOP, budget=0.5)
    assert disclosure_map(now) == disclosure_map(TOP) | {"mu": 0.5}
    assert not now.reveals_no_more_than(point)
    assert not point.reveals_no_more_than(now)
