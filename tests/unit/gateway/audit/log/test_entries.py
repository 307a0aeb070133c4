"""Entries and the chain between them."""

from __future__ import annotations

import contextlib

import cbor2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.log.chain import Chain
from gateway.audit.log.entries import NO_CONSENT, Entry, EntryError, Kind

_HASH = st.binary(min_size=32, max_size=32)
_UINT = st.integers(0, 2**63 - 1)


@st.composite
def _an_entry(draw: st.DrawFn) -> Entry:
    kind, sequence = draw(st.sampled_from(Kind)), draw(_UINT)
    entry = Entry(kind, draw(_UINT), sequence, draw(_HASH), draw(st.integers(-1, sequence)), draw(_HASH))
    if kind is Kind.RELEASE:
        return msgspec.structs.replace(entry, bundle_sha256=draw(_HASH), labels_root=draw(_HASH))
    if kind is Kind.ERASURE:
        return msgspec.structs.replace(entry, subject_sha256=draw(_HASH), parts_deleted=draw(_UINT))
    return entry


@given(_an_entry())
def test_entry_encoded_is_canonical_cbor_and_decodes_to_itself(entry: Entry) -> None:
    """The hand-made encoder writes what a library writes deterministically."""
    data = entry.encode()
    assert Entry.decode(data) == entry
    assert cbor2.dumps(cbor2.loads(data), canonical=True) == data


@settings(max_examples=300)
@given(_an_entry(), st.data())
def test_entry_bytes_changed_anywhere_never_decode_to_the_same_entry(entry: Entry, data: st.DataObject) -> None:
    """Each entry has one spelling, and bad bytes are an `EntryError` and nothing else."""
    encoded = bytearray(entry.encode())
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(EntryError):
        assert Entry.decode(bytes(encoded)) != entry


@given(st.binary(max_size=80))
def test_entry_of_arbitrary_bytes_is_refused(data: bytes) -> None:
    """Garbage is an `EntryError`."""
    with pytest.raises(EntryError):
        Entry.decode(data)


_COMMON = {0: 1, 1: 8, 2: 5, 3: 4, 4: bytes(32), 5: -1, 6: bytes(32)}
_GOOD = cbor2.dumps(_COMMON)


@pytest.mark.parametrize(
    "data",
    [
        _GOOD + b"\x00",
        b"\xbf" + _GOOD[1:] + b"\xff",
        b"\xa8" + _GOOD[1:] + b"\x02\x05",
        b"\xb8\x07" + _GOOD[1:],
        _GOOD.replace(b"\x02\x05", b"\x02\x18\x05"),
        cbor2.dumps(dict(reversed(_COMMON.items()))),
        cbor2.dumps(_COMMON | {0: 2}),
        cbor2.dumps(_COMMON | {0: True}),
        cbor2.dumps(_COMMON | {1: 12}),
        cbor2.dumps(_COMMON | {1: "account"}),
        cbor2.dumps(_COMMON | {1: 8.0}),
        cbor2.dumps(_COMMON | {2: -1}),
        cbor2.dumps(_COMMON | {2: 1 << 64}),
        cbor2.dumps(_COMMON | {3: None}),
        cbor2.dumps(_COMMON | {4: bytes(31)}),
        cbor2.dumps(_COMMON | {5: 5}),
        cbor2.dumps(_COMMON | {5: -2}),
        cbor2.dumps(_COMMON | {6: "x" * 32}),
        cbor2.dumps(_COMMON | {7: bytes(32), 8: bytes(32)}),
        cbor2.dumps(_COMMON | {11: 0}),
        cbor2.dumps(_COMMON | {1: 6}),
        cbor2.dumps(_COMMON | {1: 6, 7: bytes(32)}),
        cbor2.dumps(_COMMON | {1: 5, 9: bytes(32)}),
        cbor2.dumps(_COMMON | {1: 5, 9: bytes(32), 10: -1}),
        cbor2.dumps({key: value for key, value in _COMMON.items() if key != 4}),
        cbor2.dumps({str(key): value for key, value in _COMMON.items()}),
        cbor2.dumps([_COMMON]),
        *(cbor2.dumps(_COMMON | {field: 10**5000}) for field in range(7)),
        cbor2.dumps(_COMMON | {2: cbor2.CBORTag(4, [10**9, 1])}),
        cbor2.dumps(_COMMON | {2: cbor2.CBORTag(35, "(a+)+")}),
        b"\x81" * 60_000,
        b"",
    ],
)
def test_entry_in_any_other_form_is_refused(data: bytes) -> None:
    """Other spellings, missing, superfluous and ill-typed fields; numbers that cannot be written out, and deep nesting."""
    assert Entry.decode(_GOOD).kind is Kind.ACCOUNT
    with pytest.raises(EntryError):
        Entry.decode(data)


def test_chain_makes_entries_that_it_finds_coherent() -> None:
    """Maker and checker follow the same rules."""
    maker, checker = Chain(), Chain()
    digest = bytes([1]) * 32
    made = [
        maker.make(Kind.GENESIS, 5, bytes(32)),
        maker.make(Kind.POLICY, 6, bytes(32), policy=digest),
        maker.make(Kind.ACCOUNT, 4, bytes(32)),
        maker.make(Kind.CONSENT, 7, bytes(32)),
        maker.make(Kind.RELEASE, 8, bytes(32), bundle_sha256=bytes(32), labels_root=bytes(32)),
        maker.make(Kind.ERASURE, 9, bytes(32), subject_sha256=bytes(32), parts_deleted=0),
    ]
    for entry in made:
        assert checker.problems(entry) == []
        checker.advance(entry)
    assert [entry.consent_head for entry in made] == [NO_CONSENT, NO_CONSENT, NO_CONSENT, 3, 3, 5]
    assert [entry.policy for entry in made] == [bytes(32)] + [digest] * 5
    assert Chain.after(made[-1]).make(Kind.GAP, 1, bytes(32)).sequence == 6


def test_chain_names_each_incoherence_once() -> None:
    """A wrong field is reported where it stands and does not taint the entries behind it."""
    chain = Chain()
    genesis = Entry(Kind.GENESIS, 1, 0, bytes(32), NO_CONSENT, bytes(32))
    assert chain.problems(msgspec.structs.replace(genesis, kind=Kind.ACCOUNT)) == ["the first entry is not the genesis"]
    chain.advance(genesis)
    fine = Entry(Kind.ACCOUNT, 1, 1, bytes(32), NO_CONSENT, bytes(32))
    assert chain.problems(fine) == []
    for changed, word in (
        ({"sequence": 2}, "sequence"),
        ({"policy": b"\x01" * 32}, "policy"),
        ({"consent_head": 0}, "consent_head"),
        ({"kind": Kind.GENESIS}, "genesis"),
    ):
        wrong = msgspec.structs.replace(fine, **changed)
        problems = chain.problems(wrong)
        assert len(problems) == 1
        assert word in problems[0]
    chain.advance(msgspec.structs.replace(fine, policy=b"\x01" * 32))
    assert chain.problems(msgspec.structs.replace(fine, sequence=2)) == []


def test_chain_behind_an_unreadable_entry_takes_up_what_comes_next() -> None:
    """Nothing is known behind a gap, so nothing is held against the next entry."""
    chain = Chain()
    chain.skip()
    entry = Entry(Kind.ACCOUNT, 1, 1, b"\x02" * 32, 0, bytes(32))
    assert chain.problems(entry) == []
    chain.advance(entry)
    assert chain.problems(msgspec.structs.replace(entry, sequence=2, consent_head=1)) == ["consent_head is `1`, not `0`"]


def test_chain_refuses_a_policy_where_none_changes() -> None:
    """Only policy entries and the genesis put a policy in force, and a policy entry must."""
    chain = Chain()
    with pytest.raises(ValueError, match="policy"):
        chain.make(Kind.POLICY, 1, bytes(32))
    with pytest.raises(ValueError, match="policy"):
        chain.make(Kind.ACCOUNT, 1, bytes(32), policy=bytes(32))
