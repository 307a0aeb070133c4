"""Logs as the version before wrote them: without owners of devices, hashes of keys, or lists of what an erasure emptied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from msgspec import UNSET, structs

from consent.core.outcome import WINDOW_MS_BY_LABEL
from gateway.audit.log.earlier_payloads import (
    EarlierErasurePayload,
    EarlierPolicyPayload,
    EarlierReleasePayload,
    EarlierVoidPayload,
    decode_release,
    written_by,
)
from gateway.audit.log.entries import Kind
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import ErasurePayload, PolicyPayload, ReleasedDraw, ReleaseRecord, VoidPayload
from gateway.core.effects import PackedOpening
from gateway.core.log import LogState, PreparedEntry
from tests.support.log import SampleLog


@contextmanager
def earlier_payloads() -> Iterator[None]:
    """Write the payloads of gateways in memory and of sample logs in their earlier forms."""
    append, add = LogState.append_prepared, SampleLog.add

    def append_earlier(self: LogState, kind: Kind, now_ms: int, prepared: PreparedEntry, **fields: Any) -> int:
        first, *others = Opening.decode(prepared.opening.whole()).parts
        assert isinstance(first, Part)
        opening = Opening(prepared.index, (Part(first.salt, as_earlier(kind, first.data)), *others))
        earlier = replace(prepared, commitment=opening.commitment(), opening=PackedOpening.of([opening.encode()]))
        return append(self, kind, now_ms, earlier, **fields)

    def add_earlier(self: SampleLog, kind: Kind, parts: Sequence[tuple[bytes, bytes]], **fields: object) -> int:
        (salt, first), *others = parts
        return add(self, kind, [(salt, as_earlier(kind, first)), *others], **fields)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LogState, "append_prepared", append_earlier)
        patch.setattr(SampleLog, "add", add_earlier)
        yield


def as_earlier(kind: Kind, data: bytes) -> bytes:
    """Return a payload in the form of the version before, where that had another."""
    versions = written_by(kind, data)
    if versions is None or versions[0] == 1:
        return data
    match kind:
        case Kind.POLICY:
            return EarlierPolicyPayload(PolicyPayload.decode(data).sha256).encode()
        case Kind.ERASURE:
            erasure = ErasurePayload.decode(data)
            return EarlierErasurePayload(erasure.subject_sha256, erasure.parts_deleted).encode()
        case Kind.VOID:
            return EarlierVoidPayload(VoidPayload.decode(data).release).encode()
        case _:
            release = decode_release(data)
            records = [structs.replace(record, owner=UNSET) for record in release.records]
            return EarlierReleasePayload(release.recipient, (*records, *map(_record, release.draws))).encode()


def _record(draw: ReleasedDraw) -> ReleaseRecord:
    """Return the record of a draw's first window, as the version before told it."""
    window = (draw.span[0], draw.span[0] + WINDOW_MS_BY_LABEL[draw.level[0]])
    return ReleaseRecord(draw.flow, draw.level, draw.cell, window, draw.n, "aggregate", draw.property, draw.statistic)
