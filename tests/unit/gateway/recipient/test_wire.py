"""The frame of a sealed bundle: one encoding for each, and nothing else accepted."""

from __future__ import annotations

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.recipient.wire import (
    PADDED_SIZES_BYTES,
    Address,
    BundleError,
    Header,
    SealedFrame,
    decode_frame,
    deterministic,
    encode_frame,
    is_utc_day,
    nonce,
    pad,
    padded_plaintext_bytes,
    unpad,
)
from tests.support.recipients import ADDRESS, sealed

_names = st.text("abcdefghijklmnopqrstuvwxyz-ñ", min_size=1, max_size=120)


def _header(address: Address = ADDRESS, log_index: int = 7) -> Header:
    return Header(address, log_index, bytes(8), 3, "2026-03-01", bytes(80))


@given(_names, _names, _names, st.integers(0, 2**63 - 1), st.integers(0, 131_072))
def test_padded_plaintext_bytes_any_header_and_length_gives_a_padded_size(
    gateway: str, recipient: str, origin: str, log_index: int, plaintext_bytes: int
) -> None:
    """Whatever the names, the whole bundle has one of the sizes, and it is read back as it was."""
    header = _header(Address(gateway, recipient, origin), log_index)
    padded = padded_plaintext_bytes(header, plaintext_bytes)
    if padded is None:
        assert plaintext_bytes > PADDED_SIZES_BYTES[-1] - 1500
        return
    assert padded > plaintext_bytes
    frame = SealedFrame(header, bytes(padded + 16))
    data = encode_frame(frame)
    assert len(data) in PADDED_SIZES_BYTES
    assert decode_frame(data) == frame


@pytest.mark.parametrize("name_bytes", range(1, 256))
def test_padded_plaintext_bytes_unreachable_total_takes_the_next_size(name_bytes: int) -> None:
    """Where the head of a byte string grows, one total cannot be made: then the next size serves, never a wrong one."""
    header = _header(Address("g", "r" * name_bytes, "o"))
    padded = padded_plaintext_bytes(header, 1)
    assert padded is not None
    assert len(encode_frame(SealedFrame(header, bytes(padded + 16)))) in PADDED_SIZES_BYTES


@given(st.binary(max_size=300), st.integers(1, 300))
def test_unpad_padded_text_returned(plaintext: bytes, more: int) -> None:
    """Padding comes off as it went on, also from a text that ends like padding."""
    assert unpad(pad(plaintext, len(plaintext) + more)) == plaintext


@pytest.mark.parametrize("padded", [b"", bytes(16), b"text", b"text\0\0"])
def test_unpad_no_mark_refused(padded: bytes) -> None:
    """What has no padding mark was never padded."""
    with pytest.raises(BundleError, match="no padding"):
        unpad(padded)


@given(st.binary(max_size=600) | st.binary(min_size=512, max_size=512) | st.binary(min_size=2048, max_size=2048))
def test_decode_frame_any_bytes_refused_in_one_line(data: bytes) -> None:
    """Random bytes are no bundle, and say so plainly."""
    with pytest.raises(BundleError) as caught:
        decode_frame(data)
    assert "\n" not in str(caught.value)


_atoms = st.none() | st.integers() | st.binary(max_size=90) | st.text(max_size=5)
_labels = st.sampled_from((1, 4, 6, -65537, -65538))


@given(st.recursive(_atoms, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_labels, inner, max_size=4)))
def test_decode_frame_any_cbor_of_right_size_refused(value: object) -> None:
    """Well-formed cbor of another shape is refused, whatever stands where the headers should."""
    data = b"\xd0\x83" + deterministic(deterministic(value)) + deterministic(value)
    filler = 512 - len(data) - 3
    if filler < 256:
        return
    with pytest.raises(BundleError):
        decode_frame(data + deterministic(bytes(filler)))


def test_decode_frame_second_spelling_refused() -> None:
    """The same headers in another order, or a longer form of a length, would be other bytes for the same bundle."""
    data = sealed()
    _, unprotected, _ = cbor2.loads(data[1:])
    turned = dict(reversed(unprotected.items()))
    assert turned == unprotected
    changed = data.replace(cbor2.dumps(unprotected), cbor2.dumps(turned))
    assert changed != data
    with pytest.raises(BundleError, match="deterministic"):
        decode_frame(changed)


def test_decode_frame_other_algorithm_named() -> None:
    """A bundle of another algorithm says which, so that a reader knows it needs a newer version."""
    changed = sealed().replace(b"\xa2\x01\x18\x18\x3a", b"\xa2\x01\x18\x19\x3a")
    with pytest.raises(BundleError, match="algorithm `25`"):
        decode_frame(changed)


@pytest.mark.parametrize(
    "names",
    [
        ("", "r", "o"),
        ("a/b", "r", "o"),
        ("g", "#", "o"),
        ("g", "r", "o" * 256),
        ("g", "+", "o"),
        ("\x1b[2J", "r", "o"),
        ("g", "r\u202e", "o"),
        ("g", "r", "o\ud800"),
        ("g\x9b", "r", "o"),
        ("g", "r\x7f", "o"),
    ],
)
def test_address_impossible_name_refused(names: tuple[str, str, str]) -> None:
    """Names that cannot stand in a topic, cannot be shown, or are too long for a header, are refused in a printable line."""
    with pytest.raises(ValueError, match="name") as refused:
        Address(*names)
    assert str(refused.value).isprintable()


def _frame_of(protected: object, day: object = "2026-03-01") -> bytes:
    """Return a frame in a padded size whose headers hold whatever is wanted."""
    unprotected = {4: bytes(8), 6: bytes(5), -65538: [1, day, bytes(80)]}
    start = b"\xd0\x83" + deterministic(deterministic(protected)) + deterministic(unprotected)
    size = min(size for size in PADDED_SIZES_BYTES if size > len(start) + 260)
    return start + deterministic(bytes(size - len(start) - 3))


_CONTEXT = [1, "g", "r", "o", 7]


@pytest.mark.parametrize(
    ("protected", "day"),
    [
        ({1: 10**5000, -65537: _CONTEXT}, "2026-03-01"),
        ({1: 24, -65537: [10**5000, *_CONTEXT[1:]]}, "2026-03-01"),
        ({1: 24, -65537: [*_CONTEXT[:4], 10**5000]}, "2026-03-01"),
        ({1: 24, -65537: [*_CONTEXT[:4], True]}, "2026-03-01"),
        ({1: 24, -65537: [1, "\x1b[2J", *_CONTEXT[2:]]}, "2026-03-01"),
        ({1: 24, -65537: [1, "g", "r\n", *_CONTEXT[3:]]}, "2026-03-01"),
        ({1: 24, -65537: _CONTEXT}, "\x1b[2J"),
        ({1: 24, -65537: _CONTEXT}, "2026-02-30"),
        ({1: 24, -65537: _CONTEXT}, "9" * 5000),
    ],
)
def test_decode_frame_with_headers_that_no_gateway_writes_refused_in_a_line_that_can_be_shown(
    protected: object, day: str
) -> None:
    """Headers can be read without the key, so anybody may write anything there: numbers without end, escapes, no day."""
    assert decode_frame(_frame_of({1: 24, -65537: _CONTEXT})).header.day == "2026-03-01"
    with pytest.raises(BundleError) as refused:
        decode_frame(_frame_of(protected, day))
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2026-02-28", True), ("2026-02-30", False), ("2026-2-28", False), ("20260228", False), ("2026-W09-6", False), ("", False)],
)
def test_is_utc_day(text: str, expected: bool) -> None:
    """One spelling of each day that there is."""
    assert is_utc_day(text) is expected


def test_nonce_counter_padded_on_its_left() -> None:
    """The partial IV stands at the end of the nonce (RFC 9052 section 3.1)."""
    assert nonce(258) == bytes(10) + b"\x01\x02"
