"""Logs of an operator who cheats and holds the log's key: releases, erasures and voids that no gateway would write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from msgspec import structs

from gateway.audit.log.earlier_payloads import EarlierErasurePayload
from gateway.audit.log.entries import Kind
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import (
    Contribution,
    EmptiedOpening,
    ErasurePayload,
    ReleasePayload,
    VoidPayload,
)
from tests.support.gate import DAY_MS, Gate

GHOST = b"nobody at all 16"
BUNDLE_SHA256 = bytes(32)
"""Of every bundle that a cheat releases."""


def latest_release(gate: Gate) -> int:
    """Return the log index of the latest release about subjects."""
    gate.commit()
    return max(index for index, opening in gate.openings.items() if len(opening.parts) > 1)


def released(gate: Gate, shares: Iterable[Contribution], *, n: int | None = None, **changed: Any) -> int:
    """Release the day after the latest one that was published, of these shares; return the log index."""
    payload = gate.release_payload(latest_release(gate))
    if not payload.draws:  # of a version before
        record = payload.records[0]
        record = structs.replace(record, window=(record.window[0] + 99 * DAY_MS, record.window[1] + 99 * DAY_MS))
        return _release(gate, ReleasePayload(payload.recipient, (record,)).encode(), shares)
    (draw,) = payload.draws
    shares, span = list(shares), (draw.span[0] + DAY_MS, draw.span[1] + DAY_MS)
    pairs = sum(one.n for one in shares) if n is None else n
    told = len({one.subject for one in shares}) // 5 * 5
    draw = structs.replace(draw, span=span, n=pairs, told=told, **changed)
    assert payload.publication is not None
    place = structs.replace(payload.publication, end=span[1])
    return _release(gate, ReleasePayload(payload.recipient, (), (draw,), place).encode(), shares)


def released_again(gate: Gate, release: int, shares: Iterable[Contribution]) -> int:
    """Release what an earlier entry released once more, of these shares alone; return the log index."""
    shares = list(shares)
    payload = gate.release_payload(release)
    pairs, told = sum(one.n for one in shares), len({one.subject for one in shares}) // 5 * 5
    if payload.form < ReleasePayload.form:
        record = structs.replace(payload.records[0], n=pairs)
        return _release(gate, ReleasePayload(payload.recipient, (record,)).encode(), shares)
    (draw,) = payload.draws
    again = structs.replace(draw, n=pairs, told=told)
    return _release(gate, ReleasePayload(payload.recipient, (), (again,), payload.publication).encode(), shares)


def _release(gate: Gate, payload: bytes, shares: Iterable[Contribution]) -> int:
    parts = gate.state.log.one_part(payload)
    for one in shares:
        parts += gate.state.log.one_part(one.encode())
    index = gate.state.log.append_entry(Kind.RELEASE, gate.now_ms, parts, labels=bytes(16), bundle_sha256=BUNDLE_SHA256)
    gate.commit()
    return index


def share_of(gate: Gate, subject: bytes) -> Contribution:
    """Return a share like the first one in the latest release, but of another subject."""
    return structs.replace(gate.contributions(latest_release(gate))[0], subject=subject, record=0, n=1)


def consent_of_ghost(gate: Gate) -> int:
    """Log what passes for a consent once its opening is emptied; return the log index."""
    index = gate.state.log.append_entry(Kind.CONSENT, gate.now_ms, gate.state.log.one_part(b"whatever"))
    gate.commit()
    return index


def erasure_of(gate: Gate, places: Mapping[int, tuple[int, ...]], subject: bytes = GHOST) -> int:
    """Log an erasure that lists these places, without any deed; return the log index."""
    digest = sha256(subject).digest()
    emptied = tuple(EmptiedOpening(index, numbers) for index, numbers in sorted(places.items()))
    parts = sum(len(each.parts) for each in emptied)
    return _erasure(gate, ErasurePayload(digest, parts, emptied).encode(), digest, parts)


def earlier_erasure(gate: Gate, parts: int, subject: bytes = GHOST) -> int:
    """Log an erasure as earlier versions did, which does not say what it emptied; return the log index."""
    digest = sha256(subject).digest()
    return _erasure(gate, EarlierErasurePayload(digest, parts).encode(), digest, parts)


def _erasure(gate: Gate, payload: bytes, digest: bytes, parts: int) -> int:
    part = gate.state.log.one_part(payload)
    index = gate.state.log.append_entry(Kind.ERASURE, gate.now_ms, part, subject_sha256=digest, parts_deleted=parts)
    gate.commit()
    return index


def void_of(gate: Gate, release: int, bundle_sha256: bytes) -> int:
    """Log the void of a release, whether or not it was sent; return the log index."""
    index = gate.state.log.append_entry(Kind.VOID, gate.now_ms, [VoidPayload(release).part(bundle_sha256)])
    gate.commit()
    return index


def emptied(gate: Gate, places: Mapping[int, tuple[int, ...]]) -> dict[int, Opening]:
    """Return the openings with the parts at these places gone."""
    gate.commit()
    return gate.openings | {index: gate.openings[index].erase(numbers) for index, numbers in places.items()}
