"""Payloads as earlier versions wrote them stay readable, and are told from the present ones."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from msgspec import structs

from gateway.audit.log import canonical
from gateway.audit.log.earlier_payloads import (
    EarlierErasurePayload,
    EarlierPolicyPayload,
    EarlierReleasePayload,
    EarlierVoidPayload,
    SecondReleasePayload,
    decode_erasure,
    decode_policy,
    decode_release,
    decode_void,
)
from gateway.audit.log.payloads import ErasurePayload, PayloadError, PolicyPayload, ReleasePayload, ReleaseRecord, VoidPayload

_RECORD = ReleaseRecord("meter", ("1h", "district", "0.1"), "centre", (0, 3_600_000), 4, "aggregate", "consumption", "sum")


@pytest.mark.parametrize(
    ("payload", "content"),
    [
        (EarlierPolicyPayload(bytes(32)), {"kind": "policy", "sha256": bytes(32)}),
        (EarlierErasurePayload(bytes(32), 3), {"kind": "erasure", "subject_sha256": bytes(32), "parts_deleted": 3}),
        (EarlierVoidPayload(17), {"kind": "void", "release": 17}),
        (
            EarlierReleasePayload("city", (_RECORD,)),
            {"kind": "release", "recipient": "city", "records": [cbor2.loads(_RECORD.encode())]},
        ),
        (
            SecondReleasePayload("city", (structs.replace(_RECORD, owner="city"),)),
            {"kind": "release-2", "recipient": "city", "records": [{**cbor2.loads(_RECORD.encode()), "owner": "city"}]},
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_earlier_payload_is_what_the_format_describes(payload: Any, content: dict[str, Any]) -> None:
    """Logs hold these bytes for good."""
    data = payload.encode()
    assert data == cbor2.dumps(content, canonical=True)
    assert type(payload).decode(data) == payload


def test_release_of_any_version_is_read() -> None:
    """The first stated no owner, and only the present one has draws."""
    for form in (ReleasePayload, SecondReleasePayload, EarlierReleasePayload):
        payload = form("city", (_RECORD,))
        assert decode_release(payload.encode()) == payload
    claims = EarlierReleasePayload("city", (structs.replace(_RECORD, owner="city"),))
    with pytest.raises(PayloadError, match="states an owner"):
        decode_release(claims.encode())
    stranger = {"kind": "release-2", "recipient": "c", "records": [{**cbor2.loads(_RECORD.encode()), "owner": "resident"}]}
    with pytest.raises(PayloadError, match="Invalid enum value 'resident'"):
        decode_release(canonical.encode(stranger))


def test_policy_payload_of_either_form_is_read() -> None:
    """Logs of before hold the first for good."""
    for payload in (EarlierPolicyPayload(bytes(32)), PolicyPayload(bytes(32), {}), PolicyPayload(bytes(32), {"grid": bytes(32)})):
        assert decode_policy(payload.encode()) == payload
    assert cbor2.loads(PolicyPayload(bytes(32), {"grid": bytes(32)}).encode())["kind"] == "policy-2"
    for wrong in (
        {"kind": "policy-3", "sha256": bytes(32)},
        {"kind": "policy-2", "sha256": bytes(32), "keys": {"grid": b"short"}},
    ):
        with pytest.raises(PayloadError):
            decode_policy(cbor2.dumps(wrong, canonical=True))


def test_erasures_and_voids_of_the_earlier_form_stay_readable() -> None:
    """What earlier versions logged is decoded as what it was, and what is neither is refused."""
    earlier, present = EarlierErasurePayload(bytes(32), 3), ErasurePayload(bytes(32), 0, ())
    assert (decode_erasure(earlier.encode()), decode_erasure(present.encode())) == (earlier, present)
    assert (decode_void(EarlierVoidPayload(3).encode()), decode_void(VoidPayload(3).encode())) == (
        EarlierVoidPayload(3),
        VoidPayload(3),
    )
    for decode in (decode_erasure, decode_void):
        with pytest.raises(PayloadError):
            decode(PolicyPayload(bytes(32), {}).encode())
