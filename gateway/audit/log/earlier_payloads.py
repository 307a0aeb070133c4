"""Payloads as earlier versions wrote them, which are only read, and the reading of payloads of either form.

A payload that changes its content gets a new tag. The earlier form remains readable for as long as there are logs that hold it.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self, TypeVar

from msgspec import UNSET

from gateway.audit.log.canonical import head
from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import (
    Count,
    ErasurePayload,
    Hash,
    Payload,
    PayloadError,
    PolicyPayload,
    ReleasePayload,
    VoidPayload,
)

_Present = TypeVar("_Present", bound=Payload)
_Earlier = TypeVar("_Earlier", bound=Payload)
_KIND: Final = b"\x64kind"


class EarlierPolicyPayload(Payload, frozen=True, tag_field="kind", tag="policy"):
    """A policy set put in force, by a version that did not record keys."""

    word = "policy"
    sha256: Hash


class EarlierErasurePayload(Payload, frozen=True, tag_field="kind", tag="erasure"):
    """An erasure without a list.

    It repeats the entry's own fields; which parts went is the operator's word.
    """

    word = "erasure"
    subject_sha256: Hash
    parts_deleted: Count


class EarlierVoidPayload(Payload, frozen=True, tag_field="kind", tag="void"):
    """A voided release under a random salt: only who has the opening knows which it was."""

    word = "void"
    release: Count


class EarlierReleasePayload(ReleasePayload, frozen=True, tag_field="kind", tag="release"):
    """The first part of a release by a version that stated no owners."""

    states_owners: ClassVar[bool] = False

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the release that canonical bytes hold.

        Raises:
            PayloadError: when they hold another payload, are not canonical, or state an owner.
        """
        payload = super().decode(data)
        if any(record.owner is not UNSET for record in payload.records):
            raise PayloadError("a record states an owner, in a release of a version that knew none")
        return payload


_EARLIER: Final[dict[Kind, type[Payload]]] = {
    Kind.POLICY: EarlierPolicyPayload,
    Kind.ERASURE: EarlierErasurePayload,
    Kind.RELEASE: EarlierReleasePayload,
    Kind.VOID: EarlierVoidPayload,
}

AnyPolicyPayload = PolicyPayload | EarlierPolicyPayload
AnyErasurePayload = ErasurePayload | EarlierErasurePayload
AnyVoidPayload = VoidPayload | EarlierVoidPayload


def decode_policy(data: bytes) -> AnyPolicyPayload:
    """Return the payload of a policy entry, of either form.

    Raises:
        PayloadError: when the bytes hold neither.
    """
    return _decode(data, PolicyPayload, EarlierPolicyPayload)


def decode_erasure(data: bytes) -> AnyErasurePayload:
    """Return the payload of an erasure, of either form.

    Raises:
        PayloadError: when the bytes hold neither.
    """
    return _decode(data, ErasurePayload, EarlierErasurePayload)


def decode_void(data: bytes) -> AnyVoidPayload:
    """Return the payload of a void, of either form.

    Raises:
        PayloadError: when the bytes hold neither.
    """
    return _decode(data, VoidPayload, EarlierVoidPayload)


def decode_release(data: bytes) -> ReleasePayload:
    """Return the first part of a release, of either form.

    Raises:
        PayloadError: when the bytes hold neither.
    """
    return _decode(data, ReleasePayload, EarlierReleasePayload)


def is_earlier(kind: Kind, data: bytes) -> bool | None:
    """Return whether an entry's payload is of an earlier form; None where its kind has only one form."""
    earlier = _EARLIER.get(kind)
    return None if earlier is None else data[1:].startswith(_beginning(earlier))


def _decode(data: bytes, present: type[_Present], earlier: type[_Earlier]) -> _Present | _Earlier:
    return earlier.decode(data) if data[1:].startswith(_beginning(earlier)) else present.decode(data)


def _beginning(earlier: type[Payload]) -> bytes:
    """Return the bytes that follow the map's head: in each earlier form the first key, which is the shortest, is its kind."""
    tag = str(earlier.__struct_config__.tag).encode()
    return b"".join((_KIND, head(0x60, len(tag)), tag))
