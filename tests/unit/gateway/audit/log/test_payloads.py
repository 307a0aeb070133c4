"""Payloads of the kind `key`: three forms under one kind, each with one spelling, none taken for another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.log import canonical
from gateway.audit.log.payloads import (
    AnyKeyPayload,
    CredentialsEndedPayload,
    EnrolmentPayload,
    KeyPayload,
    PayloadError,
    decode_key,
)

_IDS = st.binary(min_size=16, max_size=16)
_HASHES = st.binary(min_size=32, max_size=32)
_RESIDENTS = st.builds(KeyPayload, _IDS, st.lists(_IDS, max_size=4).map(tuple))
_ENROLMENTS = st.builds(
    EnrolmentPayload,
    _IDS,
    _IDS,
    st.sampled_from(["letter", "invitation", "recovery", "counter", "passkey"]),
    st.one_of(st.just(b""), _HASHES),
    st.text(max_size=60),
    st.one_of(st.just(b""), _HASHES),
    st.binary(max_size=300),
)
_ENDED = st.builds(
    CredentialsEndedPayload,
    _IDS,
    _IDS,
    st.lists(_HASHES, max_size=4).map(tuple),
    st.booleans(),
    st.sampled_from(["resident", "counter", "left"]),
)


@given(st.one_of(_RESIDENTS, _ENROLMENTS, _ENDED))
def test_each_form_is_read_as_itself(payload: AnyKeyPayload) -> None:
    assert decode_key(payload.encode()) == payload


@given(st.one_of(_RESIDENTS, _ENROLMENTS, _ENDED), st.data())
def test_changed_payload_is_none_or_another(payload: AnyKeyPayload, data: st.DataObject) -> None:
    """Never the same one in another spelling, and never an error of another kind."""
    whole = payload.encode()
    place = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[:place] + bytes([whole[place] ^ 1 << data.draw(st.integers(0, 7))]) + whole[place + 1 :]
    for changed in (flipped, whole[:place], whole + b"\0"):
        try:
            assert decode_key(changed) != payload
        except PayloadError:
            continue


@given(st.binary(max_size=200))
def test_noise_is_no_payload(noise: bytes) -> None:
    with pytest.raises(PayloadError):
        decode_key(noise)


_ENROLMENT = {
    "kind": "enrolment",
    "subject": bytes(16),
    "resident": bytes(16),
    "how": "letter",
    "key_sha256": bytes(32),
    "relying_party": "sensors.ribera.example",
    "paper_sha256": b"",
    "proof": b"",
}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "enrolments"},
        {"kind": "key"},
        {"kind": "credentials-ended"},
        {"kind": 1},
        {"kind": []},
        {"how": "operator"},
        {"subject": bytes(15)},
        {"key_sha256": bytes(33)},
        {"paper_sha256": bytes(33)},
        {"relying_party": "x" * 254},
        {"proof": bytes(16_385)},
        {"proof": "text"},
        {"more": 1},
    ],
)
def test_what_is_beyond_its_bounds_is_no_enrolment(change: dict[str, object]) -> None:
    assert isinstance(decode_key(canonical.encode(_ENROLMENT)), EnrolmentPayload)
    with pytest.raises(PayloadError):
        decode_key(canonical.encode(_ENROLMENT | change))
