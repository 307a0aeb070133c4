"""Opening a bundle, and refusing every one that is not exactly what was sealed."""

from __future__ import annotations

import dataclasses
import hashlib

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.core.release.formats.open_data import OpenData
from gateway.core.release.formats.sealed import ContentKey
from gateway.recipient.opening import BundleCounter, OpenedBundle, json_records, open_bundle, peek, readable_records
from gateway.recipient.records import Record, encode_open_record, encode_record
from gateway.recipient.wire import PADDED_SIZES_BYTES, Address, BundleError, Header, SealedFrame, decode_frame, encode_frame
from tests.support import recipients
from tests.support.recipients import ADDRESS, DAY, OTHER_KEY, PRIVATE_KEY, content_key, record, sealed


@settings(max_examples=50)
@given(st.lists(recipients.records, min_size=1, max_size=20), st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_open_bundle_sealed_records_returned(records: list[Record], log_index: int, key: bytes) -> None:
    """What one side seals the other opens, with the index and the hash that the log will name."""
    data = content_key(key).seal([encode_record(r) for r in records], log_index)
    bundle = open_bundle(data, PRIVATE_KEY, log_index)
    assert (bundle.address, bundle.log_index, bundle.records) == (ADDRESS, log_index, tuple(records))
    assert bundle.sha256 == hashlib.sha256(data).digest()
    assert len(data) in PADDED_SIZES_BYTES
    assert peek(data) == (ADDRESS, log_index)


def test_open_bundle_each_bit_flipped_refused() -> None:
    """No bit of a sealed bundle, in header, wrap, ciphertext or padding, can change unseen."""
    data = sealed()
    for position in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[position] ^= 1 << bit
            with pytest.raises(BundleError):
                open_bundle(bytes(changed), PRIVATE_KEY)


@pytest.mark.parametrize("length", [0, 1, 512, 2047, 2049, 8192])
def test_open_bundle_other_length_refused(length: int) -> None:
    """Cut short or lengthened, also to another padded size, it does not open."""
    data = sealed(count=3)
    assert len(data) == 2048
    with pytest.raises(BundleError):
        open_bundle((data + bytes(8192))[:length], PRIVATE_KEY)


def test_open_bundle_wrong_key_refused() -> None:
    """Another recipient's key opens nothing."""
    with pytest.raises(BundleError, match="another key"):
        open_bundle(sealed(), OTHER_KEY)


def test_open_bundle_without_key_refused() -> None:
    """A sealed bundle needs a key, and says so."""
    with pytest.raises(BundleError, match="no private key"):
        open_bundle(sealed(), None)


def test_open_bundle_wrong_index_refused() -> None:
    """A bundle that came under another log index than it says is refused."""
    with pytest.raises(BundleError, match="log index `7`, but came under `8`"):
        open_bundle(sealed(7), PRIVATE_KEY, 8)


@pytest.mark.parametrize(
    "address",
    [Address("other", ADDRESS.recipient, ADDRESS.log_origin), Address(ADDRESS.gateway, "other", ADDRESS.log_origin)],
)
def test_open_bundle_moved_to_another_address_refused(address: Address) -> None:
    """The wrap is bound to gateway and recipient: a header that names others does not open."""
    frame = decode_frame(sealed())
    old = frame.header
    header = Header(address, old.log_index, old.key_id, old.counter, old.day, old.wrap)
    with pytest.raises(BundleError):
        open_bundle(_padded_frame(header, frame.ciphertext), PRIVATE_KEY)


@pytest.mark.parametrize(("origin", "log_index"), [("sluice.example/river-streeT", 7), (ADDRESS.log_origin, 8)])
def test_open_bundle_moved_in_the_log_refused(origin: str, log_index: int) -> None:
    """The ciphertext is bound to log origin and index, so the same content cannot be passed off as another release."""
    frame = decode_frame(sealed(7))
    old = frame.header
    header = Header(Address(ADDRESS.gateway, ADDRESS.recipient, origin), log_index, old.key_id, old.counter, old.day, old.wrap)
    with pytest.raises(BundleError, match="changed"):
        open_bundle(encode_frame(SealedFrame(header, frame.ciphertext)), PRIVATE_KEY)


def test_open_bundle_open_data_needs_no_key() -> None:
    """Anyone reads open data."""
    data = OpenData(ADDRESS).seal([encode_open_record(record())], 5)
    bundle = open_bundle(data, None, 5)
    assert bundle.records == (record(),)
    assert peek(data) == (ADDRESS, 5)


def test_open_bundle_counts_under_its_content_key() -> None:
    """Each bundle of a key has the next number, so that a recipient sees which it did not get; open data has none."""
    seals, other = content_key(b"\x01" * 32), content_key(b"\x02" * 32)
    data = [each.seal([encode_record(record())], index) for index, each in enumerate((seals, seals, other, seals))]
    counters = [open_bundle(each, PRIVATE_KEY).counter for each in data]
    assert counters == [BundleCounter(each.key_id, DAY, n) for each, n in ((seals, 0), (seals, 1), (other, 0), (seals, 2))]
    assert open_bundle(OpenData(ADDRESS).seal([encode_open_record(record())], 5), None).counter is None


def test_open_bundle_larger_than_any_refused_unread() -> None:
    """Nothing longer than the largest bundle is looked at."""
    with pytest.raises(BundleError, match="more than any"):
        open_bundle(b"{" + bytes(200_000), None)


def _padded_frame(header: Header, ciphertext: bytes) -> bytes:
    """Return a frame in a padded size, so that it is refused for its header and not for its length."""
    short = encode_frame(SealedFrame(header, ciphertext))
    size = min(size for size in PADDED_SIZES_BYTES if size >= len(ciphertext))
    return encode_frame(SealedFrame(header, (ciphertext + bytes(400))[: len(ciphertext) + size - len(short)]))


def test_json_records_of_a_sealed_bundle_have_content_key_and_counter() -> None:
    """With which somebody can tell whether all have come."""
    (values,) = json_records(open_bundle(sealed(7), PRIVATE_KEY))
    assert {key: values[key] for key in ("log_index", "content_key", "counter")} == {
        "log_index": 7,
        "content_key": content_key().key_id.hex(),
        "counter": 0,
    }


def test_json_records_of_open_data_have_none() -> None:
    """Open data is under no key."""
    (values,) = json_records(open_bundle(OpenData(ADDRESS).seal([encode_open_record(record())], 5), None))
    assert values.keys().isdisjoint({"content_key", "counter"})


def test_readable_records_show_the_interval_of_a_figure_with_noise() -> None:
    """As people write it: the figure, and what it may be off by in 95 cases of 100."""
    noisy = replace(record(), result=20.1, standard_error=5.1234, mu=2.0, clip=10.0, epsilon=11.69)
    typical = replace(record(), result=0.42, standard_error=0.0123, hour=7)
    bundle = OpenedBundle(ADDRESS, 7, bytes(32), (noisy, typical, record()))
    shown = [next(field for field in line.split("  ") if field.startswith("LAeq")) for line in readable_records(bundle)]
    assert shown == ["LAeq 20.1 ± 10 dB", "LAeq at 07:00 0.42 ± 0.024 dB", "LAeq 50.25 dB"]


def test_a_publication_without_figures_is_shown_as_one_that_holds_none() -> None:
    """Nothing at all would look as if the file had not been read."""
    bundle = OpenedBundle(ADDRESS, 196, bytes(32), ())
    assert list(readable_records(bundle)) == ["     196  no records"]
    assert list(json_records(bundle)) == []


@given(recipients.records)
def test_any_record_that_was_decoded_can_be_shown(record: Record) -> None:
    """As one printable line, and as JSON."""
    bundle = OpenedBundle(ADDRESS, 7, bytes(32), (record,))
    (line,) = readable_records(bundle)
    assert line.isprintable()
    assert msgspec.json.decode(msgspec.json.encode(list(json_records(bundle))))[0]["cell"] == record.cell


def test_bundle_for_several_keys_opens_with_each_of_them_alone() -> None:
    """While a recipient goes over to another key, or two of its people have one each; a third is still a stranger."""
    keys = [PRIVATE_KEY, X25519PrivateKey.generate(), X25519PrivateKey.generate(), X25519PrivateKey.generate()]
    for count in range(2, len(keys) + 1):
        form = ContentKey(ADDRESS, DAY, bytes(32), *(key.public_key() for key in keys[:count]))
        data = form.seal([encode_record(record())], 7)
        assert len(data) in PADDED_SIZES_BYTES
        assert [open_bundle(data, key, 7).records for key in keys[:count]] == [(record(),)] * count
        for stranger in (*keys[count:], OTHER_KEY):
            with pytest.raises(BundleError, match="sealed for another key"):
                open_bundle(data, stranger)


def test_bundle_with_more_wraps_than_a_recipient_has_keys_is_refused() -> None:
    """Nobody can fill a header."""
    frame = decode_frame(sealed())
    for wrap in (b"", frame.header.wrap[:-1], frame.header.wrap * 5):
        header = dataclasses.replace(frame.header, wrap=wrap)
        with pytest.raises(BundleError):
            decode_frame(encode_frame(SealedFrame(header, frame.ciphertext)).ljust(2048, b"0")[:2048])
