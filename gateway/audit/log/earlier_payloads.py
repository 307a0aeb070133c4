"""Payloads as earlier versions wrote them, which are only read, and the reading of payloads of any form.

A payload that changes its content gets a new tag. The earlier form remains readable for as long as there are logs that hold it.
"""

from __future__ import annotations

from functools import cache
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
    ReleasedDraw,
    ReleasePayload,
    ReleaseRecord,
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


class SecondReleasePayload(Payload, frozen=True, tag_field="kind", tag="release-2"):
    """The first part of a release by a version that made figures about subjects as it made all others: there were no draws."""

    word = "release"
    form: ClassVar[int] = 2
    states_owners: ClassVar[bool] = True
    draws: ClassVar[tuple[ReleasedDraw, ...]] = ()
    publication: ClassVar[None] = None
    recipient: str
    records: tuple[ReleaseRecord, ...]


class EarlierReleasePayload(Payload, frozen=True, tag_field="kind", tag="release"):
    """The first part of a release by a version that stated no owners either."""

    word = "release"
    form: ClassVar[int] = 1
    states_owners: ClassVar[bool] = False
    draws: ClassVar[tuple[ReleasedDraw, ...]] = ()
    publication: ClassVar[None] = None
    recipient: str
    records: tuple[ReleaseRecord, ...]

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


_FORMS: Final[dict[Kind, tuple[tuple[type[Payload], int], ...]]] = {
    Kind.POLICY: ((EarlierPolicyPayload, 1),),
    Kind.ERASURE: ((EarlierErasurePayload, 1),),
    Kind.RELEASE: ((EarlierReleasePayload, 1), (SecondReleasePayload, 2)),
    Kind.VOID: ((EarlierVoidPayload, 1),),
}
"""By kind, each earlier form and the last version, by the form of its releases, that wrote it."""

PRESENT_FORM: Final = ReleasePayload.form
"""The form of the releases that this version writes, by which versions are told apart."""

AnyPolicyPayload = PolicyPayload | EarlierPolicyPayload
AnyErasurePayload = ErasurePayload | EarlierErasurePayload
AnyReleasePayload = ReleasePayload | SecondReleasePayload | EarlierReleasePayload
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


def decode_release(data: bytes) -> AnyReleasePayload:
    """Return the first part of a release, of any form.

    Raises:
        PayloadError: when the bytes hold none.
    """
    if _is_of(data, SecondReleasePayload):
        return SecondReleasePayload.decode(data)
    return _decode(data, ReleasePayload, EarlierReleasePayload)


def written_by(kind: Kind, data: bytes) -> tuple[int, int] | None:
    """Return the first and the last version that wrote a payload of this form; None where its kind has only one form.

    Versions are numbered by the form of their releases.
    """
    earlier = _FORMS.get(kind)
    if earlier is None:
        return None
    first = 1
    for form, last in earlier:
        if _is_of(data, form):
            return first, last
        first = last + 1
    return first, PRESENT_FORM


def _decode(data: bytes, present: type[_Present], earlier: type[_Earlier]) -> _Present | _Earlier:
    return earlier.decode(data) if _is_of(data, earlier) else present.decode(data)


def _is_of(data: bytes, earlier: type[Payload]) -> bool:
    """Return whether a payload is of an earlier form: in each the first key behind the map's head, the shortest, is its kind."""
    return data.startswith(_beginning(earlier), 1)


@cache
def _beginning(earlier: type[Payload]) -> bytes:
    """Return the bytes behind the map's head by which an earlier form is known; there are a few forms, and many payloads."""
    tag = str(earlier.__struct_config__.tag).encode()
    return b"".join((_KIND, head(0x60, len(tag)), tag))
