"""Openings that were tampered with: each is refused or found, and none stops an audit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.audit.log.earlier_payloads import decode_erasure, decode_void
from gateway.audit.log.entries import Kind
from gateway.audit.log.openings import Opening, OpeningError
from gateway.audit.log.payloads import AccountPayload, Contribution, ErasurePayload, KeyPayload, PayloadError, ReleasePayload
from gateway.audit.log.reader import LogReader, OpeningsReader
from gateway.audit.replay.replay import Replay
from gateway.audit.verify.trust import Anchors, open_checkpoint
from gateway.audit.verify.verify import Verification
from tests.support.gate import Gate, only
from tests.support.log import SIGNER, SampleLog, sample
from tests.support.mutations import mutated, wanted
from tests.support.planted import days
from tests.support.replayed import replayed

DECODERS = (
    *(ReleasePayload.decode, Contribution.decode, AccountPayload.decode, KeyPayload.decode, ErasurePayload.decode),
    *(decode_erasure, decode_void),
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> SampleLog:
    """A small log with every kind of entry."""
    return sample(tmp_path_factory.mktemp("log"))


def test_mutated_opening_is_refused_or_leads_to_another_commitment(log: SampleLog) -> None:
    """No other bytes are an opening of the same entry: whatever is read of it was committed to."""
    whole = {opening.encode(): opening for opening in log.openings.values()}
    commitments = {opening.index: opening.commitment() for opening in log.openings.values()}
    accepted = 0
    for _, data in mutated(list(whole), wanted(6000), 1):
        try:
            opening = Opening.decode(data)
        except OpeningError:
            continue
        accepted += 1
        same_parts = opening.index in log.openings and _revealed(opening, log.openings)
        assert same_parts or opening.commitment() != commitments.get(opening.index)
    assert accepted, "some mutations are openings, of something else"


def _revealed(opening: Opening, whole: Mapping[int, Opening]) -> bool:
    """Return whether all that an opening shows of an entry is what was committed to; it may show less."""
    parts = whole[opening.index].parts
    return len(parts) == len(opening.parts) and all(
        one == other or one == whole[opening.index].erase({number}).parts[number]
        for number, (one, other) in enumerate(zip(opening.parts, parts, strict=True))
    )


def test_mutated_payload_is_refused_or_reads_back_as_it_was(log: SampleLog) -> None:
    """Each payload has one spelling, whatever comes in; nothing but the one error leaves a decoder."""
    payloads = [part.data for opening in log.openings.values() for part in opening.parts if not isinstance(part, bytes)]
    for _, data in mutated(payloads, wanted(4000), 2):
        for decode in DECODERS:
            try:
                payload = decode(data)
            except PayloadError:
                continue
            assert payload.encode() == data


def test_audit_with_mutated_openings_ends_with_a_report_that_names_them(tmp_path: Path) -> None:
    """Verify and replay go on behind a damaged file, and find it; the same log whole is in order."""
    log = sample(tmp_path)
    reader, anchors, folder = LogReader(log.log.path), Anchors(SIGNER.verifier), log.openings_folder.path
    checkpoint, _ = open_checkpoint(reader.checkpoint(), anchors)
    assert Verification(reader, anchors, openings=folder).run().ok
    files = {file.read_bytes(): file for file in folder.iterdir()}
    for whole, data in mutated(list(files), wanted(150), 3):
        files[whole].write_bytes(data)
        name = f"openings/{files[whole].name}"
        found = Verification(reader, anchors, openings=folder).run().findings
        assert name in {finding.where for finding in found}, (name, data)
        assert Replay(reader, checkpoint, anchors.keys(), OpeningsReader(folder)).run().exit_status == 1
        files[whole].write_bytes(whole)


def test_replay_of_parts_that_nobody_would_write_ends_with_a_report() -> None:
    """Where the log's key signed nonsense, so that it is committed to, the replay names it and goes on to the end."""
    gate = Gate(only("hourly"))
    homes = gate.homes(3, "hourly")
    days(gate, homes, 2)
    gate.erase(homes[0])
    days(gate, homes[1:], 1)
    kinds = [(row, part.data) for row, each in gate.openings.items() for part in each.parts if not isinstance(part, bytes)]
    before = gate.state.log.size
    for _, data in mutated([data for _, data in kinds], wanted(300), 4):
        planted(gate, data)
    found = replayed(gate)
    assert found.entries == gate.state.log.size > before
    assert found.exit_status == 1
    assert all(line.isprintable() for line in found.to_text().splitlines())


def planted(gate: Gate, data: bytes) -> None:
    """Log a payload under an entry of every kind that has one."""
    log = gate.state.log
    for kind in (Kind.CONSENT, Kind.WITHDRAWAL, Kind.KEY, Kind.VOID, Kind.ACCOUNT, Kind.GAP):
        log.append_entry(kind, gate.now_ms, log.one_part(data))
    log.append_entry(Kind.ERASURE, gate.now_ms, log.one_part(data), subject_sha256=bytes(32), parts_deleted=1)
    parts = [*log.one_part(data), *log.one_part(data)]
    log.append_entry(Kind.RELEASE, gate.now_ms, parts, labels=bytes(16), bundle_sha256=bytes(32))
