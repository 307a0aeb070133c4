"""Openings, commitments, labels and payloads."""

from __future__ import annotations

import contextlib
import hmac
import random
import tracemalloc
from hashlib import sha256
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from gateway.audit.log import canonical
from gateway.audit.log.merkle import leaf_hash, tree_root
from gateway.audit.log.openings import (
    Opening,
    OpeningError,
    Part,
    commit,
    commitment,
    label,
    labels_file,
    labels_root,
    opening_salt,
    part_leaf,
    split_labels,
    subject_label_key,
)
from gateway.audit.log.payloads import (
    AccountPayload,
    Contribution,
    EmptiedOpening,
    ErasurePayload,
    GenesisPayload,
    PayloadError,
    PolicyPayload,
    PublicationPart,
    ReleasedDraw,
    ReleasePayload,
    ReleaseRecord,
    VoidPayload,
    contribution_end,
    encode_beginning,
    erase_subject,
    void_commitment,
)

_SALT = st.binary(min_size=32, max_size=32)
_PART = st.builds(Part, _SALT, st.binary(max_size=300))
_PARTS = st.lists(_PART | _SALT, min_size=1, max_size=8).map(tuple)
_RECORD = ReleaseRecord("meter", ("1h", "district", "0.1"), "centre", (0, 3_600_000), 4, "aggregate", "consumption", "sum")


@given(st.lists(_PART, min_size=1, max_size=8), st.data())
def test_commitment_is_kept_whatever_is_erased(parts: list[Part], data: st.DataObject) -> None:
    """Leaf hashes stand in for the parts, and an erased part leaves no byte of salt or payload."""
    opening = Opening(7, tuple(parts))
    assert commit(parts) == tree_root([leaf_hash(hmac.new(salt, part, "sha256").digest()) for salt, part in parts])
    numbers = data.draw(st.sets(st.integers(0, len(parts) - 1)))
    erased = opening.erase(numbers)
    assert commitment(erased) == commitment(opening) == commit(parts)
    assert erased.erased_count == len(numbers)
    assert erased.erase(numbers) == erased


@given(st.integers(0, 2**63 - 1), _PARTS)
def test_opening_encoded_is_canonical_cbor_and_decodes_to_itself(index: int, parts: tuple[Part | bytes, ...]) -> None:
    """The file holds what was put in, in its one spelling."""
    opening = Opening(index, parts)
    data = opening.encode()
    assert Opening.decode(data) == opening
    assert cbor2.dumps(cbor2.loads(data), canonical=True) == data


@settings(max_examples=200)
@given(st.integers(0, 99), _PARTS, st.data())
def test_opening_bytes_changed_anywhere_are_noticed(index: int, parts: tuple[Part | bytes, ...], data: st.DataObject) -> None:
    """Either they are no opening, or of another entry, or lead to another commitment."""
    opening = Opening(index, parts)
    encoded = bytearray(opening.encode())
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        changed = Opening.decode(bytes(encoded))
    except OpeningError:
        return
    assert changed.index != index or changed.commitment() != opening.commitment()


@settings(max_examples=200)
@given(_PARTS, st.data())
def test_opening_has_one_spelling(parts: tuple[Part | bytes, ...], data: st.DataObject) -> None:
    """Whatever is cut off, put in or changed: bytes that decode are those that are written for what they say."""
    encoded = Opening(7, parts).encode()
    at, length = data.draw(st.integers(0, len(encoded))), data.draw(st.integers(0, 40))
    changed = encoded[:at] + data.draw(st.binary(max_size=40)) + encoded[at + length :]
    with contextlib.suppress(OpeningError):
        assert Opening.decode(changed).encode() == changed


@pytest.mark.parametrize(
    "data",
    [
        b"\x83\x01" + cbor2.dumps(10**5000) + b"\x81\x58\x20" + bytes(32),
        b"\x83" + cbor2.dumps(10**5000) + b"\x01\x81\x58\x20" + bytes(32),
        b"\x83\x01\x1b" + b"\xff" * 8 + b"\x81\x58\x20" + bytes(32),
        b"\x83\x01\x01\x9b" + b"\x7f" * 8 + b"\x58\x20" + bytes(32),
        b"\x83\x01\x01\x81\x82\x58\x20" + bytes(32) + b"\x5b" + b"\x7f" * 8,
        b"\x83\x01\x01" + b"\x81" * 10_000,
        b"\x83\x01\x01\x9a\x00\x01\x00\x00" + b"\x80" * 65_536,
    ],
)
def test_opening_of_absurd_numbers_lengths_or_nesting_is_refused(data: bytes) -> None:
    """Before anything is made of them."""
    with pytest.raises(OpeningError) as caught:
        Opening.decode(data)
    assert len(str(caught.value)) < 200


@given(st.binary(max_size=60))
def test_opening_of_arbitrary_bytes_is_refused(data: bytes) -> None:
    """Garbage is an `OpeningError`."""
    with pytest.raises(OpeningError):
        Opening.decode(data)


def test_commitment_without_parts_or_with_a_short_salt_is_refused() -> None:
    """A salt of another length would let two parts share a leaf."""
    with pytest.raises(OpeningError):
        commit([])
    with pytest.raises(OpeningError):
        commit([(bytes(31), b"x")])
    with pytest.raises(OpeningError):
        Opening(1, ()).encode()
    with pytest.raises(OpeningError):
        Opening(1, (Part(bytes(31), b"x"),)).encode()


def test_salts_and_labels_are_the_documented_keyed_hashes() -> None:
    """Written out once more by hand."""
    secret = bytes(range(32))
    message = b"opening" + bytes(7) + b"\x09" + bytes(7) + b"\x02"
    assert opening_salt(secret, 9, 2) == hmac.new(secret, message, sha256).digest()
    key = hmac.new(secret, b"labels", sha256).digest()
    assert subject_label_key(secret) == key
    assert label(key, 9) == hmac.new(key, bytes(7) + b"\x09", sha256).digest()[:16]


@given(st.sets(st.binary(min_size=16, max_size=16), max_size=40), st.integers())
def test_labels_file_holds_all_labels_among_random_ones_to_a_power_of_two(labels: set[bytes], seed: int) -> None:
    """Sorted, distinct, never empty, never more than doubled."""
    data = labels_file(labels, random.Random(seed).randbytes)
    found = split_labels(data)
    assert labels <= set(found)
    assert found == sorted(set(found))
    assert len(found) == 1 or len(found) < 2 * len(labels)
    assert len(found) & (len(found) - 1) == 0
    assert labels_root(data) == tree_root([leaf_hash(one) for one in found])


def test_labels_file_padded_with_a_repetition_draws_again() -> None:
    """A random label that is there already does not count twice."""
    draws = iter([b"a" * 16, b"b" * 16])
    assert labels_file([b"a" * 16, b"c" * 16, b"d" * 16], lambda _: next(draws)) == b"a" * 16 + b"b" * 16 + b"c" * 16 + b"d" * 16


@pytest.mark.parametrize("data", [b"", b"a", b"a" * 17, b"a" * 32, b"b" * 16 + b"a" * 16, bytes(range(48))])
def test_labels_file_out_of_order_or_shape_is_refused(data: bytes) -> None:
    """Order and number are part of the format."""
    with pytest.raises(ValueError, match="labels"):
        split_labels(data)


_MAP = {
    "flow": "meter",
    "level": ["1h", "district", "0.1"],
    "cell": "centre",
    "window": [0, 3_600_000],
    "n": 4,
    "identity": "aggregate",
    "property": "consumption",
    "statistic": "sum",
}
_DRAW = ReleasedDraw(
    flow="meter", level=("1h", "district", "0.1"), cell="centre", property="consumption", statistic="sum", period="day",
    span=(0, 86_400_000), mechanism="gaussian", mu="2", draws=1, clip="10", presence="2", told=25, records=23, struck=(3,), n=640,
)  # fmt: skip
_DRAW_MAP = {
    "flow": "meter",
    "level": ["1h", "district", "0.1"],
    "cell": "centre",
    "property": "consumption",
    "statistic": "sum",
    "period": "day",
    "span": [0, 86_400_000],
    "mechanism": "gaussian",
    "mu": "2",
    "draws": 1,
    "clip": "10",
    "presence": "2",
    "told": 25,
    "records": 23,
    "struck": [3],
    "n": 640,
}
_PAYLOADS = [
    GenesisPayload("gw.example/audit", True),
    PolicyPayload(bytes(32), {"city-energy": bytes(32)}),
    VoidPayload(17),
    AccountPayload({"frames.received": 3, "frames.admitted": 3}, {"frames.received": -1}),
    ReleasePayload("city", (_RECORD, structs.replace(_RECORD, owner="city"))),
    ReleasePayload("city", (), (_DRAW,), PublicationPart("day", 86_400_000, 0, 1)),
    Contribution(0, bytes(16), {"identity": "aggregate", "budget": float("inf"), "precision": {"LAeq": "0.5"}}, 1, (2, 30), 4),
]


@pytest.mark.parametrize("payload", _PAYLOADS, ids=lambda one: type(one).__name__)
def test_payload_encoded_is_canonical_cbor_and_decodes_to_itself(payload: Any) -> None:
    """Typed records and bytes are two forms of one thing."""
    data = payload.encode()
    assert type(payload).decode(data) == payload
    assert cbor2.dumps(cbor2.loads(data), canonical=True) == data


def test_payload_maps_have_the_documented_keys() -> None:
    """What an implementer reads in the format's description."""
    assert cbor2.loads(AccountPayload({"frames.received": 3}, {}).encode()) == {
        "kind": "account",
        "totals": {"frames.received": 3},
        "differences": {},
    }
    of_nobody = structs.replace(_RECORD, owner="city")
    assert cbor2.loads(ReleasePayload("city", (_RECORD, of_nobody)).encode()) == {
        "kind": "release-3",
        "recipient": "city",
        "records": [_MAP, {**_MAP, "owner": "city"}],
        "draws": [],
        "publication": None,
    }
    published = ReleasePayload("city", (), (_DRAW,), PublicationPart("day", 86_400_000, 0, 1))
    assert cbor2.loads(published.encode()) == {
        "kind": "release-3",
        "recipient": "city",
        "records": [],
        "draws": [_DRAW_MAP],
        "publication": ["day", 86_400_000, 0, 1],
    }
    assert cbor2.loads(VoidPayload(17).encode()) == {"kind": "void-2", "release": 17}
    emptied = (EmptiedOpening(3, (0,)), EmptiedOpening(8, (1, 4)))
    assert cbor2.loads(ErasurePayload(bytes(32), 3, emptied).encode()) == {
        "kind": "erasure-2",
        "subject_sha256": bytes(32),
        "parts_deleted": 3,
        "emptied": [[3, [0]], [8, [1, 4]]],
    }


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xa1dkindfvoid-2",
        cbor2.dumps({"kind": "void-2", "release": -1}, canonical=True),
        cbor2.dumps({"kind": "void-2", "release": True}, canonical=True),
        cbor2.dumps({"kind": "void-2", "release": 1.0}, canonical=True),
        cbor2.dumps({"kind": "void-2", "release": "1"}, canonical=True),
        cbor2.dumps({"kind": "account", "release": 1}, canonical=True),
        cbor2.dumps({"kind": "void-2", "release": 1, "more": 2}, canonical=True),
        cbor2.dumps({"release": 1, "kind": "void-2"}),
        cbor2.dumps({"kind": "void-2", "release": 1}, canonical=True) + b"\x00",
        b"\xbf\x64kind\x66void-2\x67release\x01\xff",
    ],
)
def test_payload_of_another_shape_is_refused(data: bytes) -> None:
    """Missing, superfluous, ill-typed and oddly spelled fields."""
    with pytest.raises(PayloadError):
        VoidPayload.decode(data)


def test_void_is_found_by_whoever_has_the_bundle() -> None:
    """The commitment of a void follows from the release's index and its bundle's hash, and from nothing else."""
    part = VoidPayload(17).part(bytes(32))
    assert part.salt == sha256(b"sluice void" + bytes(32)).digest()
    assert void_commitment(17, bytes(32)) == Opening(20, (part,)).commitment()
    assert len({void_commitment(17, bytes(32)), void_commitment(18, bytes(32)), void_commitment(17, b"\1" * 32)}) == 3


@given(
    st.integers(0, 2**40),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**40),
    st.lists(st.integers(0, 2**40), max_size=30).map(tuple),
    st.integers(0, 2**20),
    st.text(max_size=30),
)
def test_contribution_written_the_quick_way_is_the_same(
    record: int, subject: bytes, policy: int, consents: tuple[int, ...], n: int, zone: str
) -> None:
    """The hot path's encoder equals the plain one."""
    disclosure = {"time": "1h", "group": 15}
    slow = Contribution(record, subject, disclosure, policy, consents, n, "meter", zone).encode()
    beginning = encode_beginning(n, zone, policy, record, "meter")
    assert beginning + subject + contribution_end(consents, canonical.encode(disclosure)) == slow


def test_erasing_a_subject_takes_its_parts_alone() -> None:
    """The bundle's part and the others' stay."""
    shares = [Contribution(0, bytes([who]) * 16, {}, 1, (2,), 1).encode() for who in (1, 2, 1)]
    parts = [Part(bytes(32), data) for data in (ReleasePayload("city", (_RECORD,)).encode(), *shares)]
    opening = Opening(5, tuple(parts))
    erased, numbers = erase_subject(opening, b"\x01" * 16)
    assert numbers == (1, 3)
    assert [isinstance(part, bytes) for part in erased.parts] == [False, True, False, True]
    assert erased.parts[1] == part_leaf(*parts[1])
    assert erased.commitment() == opening.commitment()
    assert erase_subject(erased, b"\x01" * 16) == (erased, ())


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_canonical_values_decode_to_themselves(value: object) -> None:
    """Every permitted value has a form, and it is read back."""
    assert canonical.decode(canonical.encode(value)) == value


@given(st.binary(max_size=50))
def test_canonical_decoding_accepts_only_what_it_would_write(data: bytes) -> None:
    """Whatever is accepted is its value's only spelling."""
    try:
        value = canonical.decode(data)
    except canonical.CanonicalError:
        return
    assert canonical.encode(value) == data


@pytest.mark.parametrize("value", [float("nan"), 1 << 63, {1: 2}, {1, 2}, cbor2.CBORTag(1, 2), object(), [[[]] * 2] * 2 + [1j]])
def test_canonical_encoding_of_other_values_is_refused(value: object) -> None:
    """Only the documented kinds of value are written."""
    with pytest.raises(canonical.CanonicalError):
        canonical.encode(value)


def test_canonical_nesting_beyond_sixteen_is_refused() -> None:
    """Depth is bounded both ways."""
    value: list[object] = []
    for _ in range(20):
        value = [value]
    with pytest.raises(canonical.CanonicalError):
        canonical.encode(value)
    with pytest.raises(canonical.CanonicalError):
        canonical.decode(b"\x81" * 10_000 + b"\x00")


def test_canonical_bytes_that_would_fill_memory_are_refused_unread() -> None:
    """An array of nothing takes one byte here, and seventy in memory."""
    tracemalloc.start()
    try:
        with pytest.raises(canonical.CanonicalError, match="longer than"):
            canonical.decode(b"\x9a\x00\x80\x00\x00" + b"\x80" * canonical.LONGEST_BYTES)
        assert tracemalloc.get_traced_memory()[1] < 3 * canonical.LONGEST_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "tagged", [cbor2.CBORTag(2, bytes(5000)), cbor2.CBORTag(4, [10**9, 1]), cbor2.CBORTag(35, "(a+)+"), cbor2.CBORTag(9999, 1)]
)
def test_canonical_bytes_with_a_tag_are_refused(tagged: object) -> None:
    """A number of any length, a power, a pattern."""
    with pytest.raises(canonical.CanonicalError, match="not CBOR"):
        canonical.decode(cbor2.dumps({"a": tagged}))
