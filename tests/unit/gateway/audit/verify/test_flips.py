"""What is done to a log is found: every flipped bit, and everything that somebody with or without its key may try."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.audit.log.entries import Entry
from gateway.audit.log.handover import LogKeys
from gateway.audit.log.notes import Signer, sign_note
from gateway.audit.log.reader import LogReader, LogUnreachableError
from gateway.audit.log.tiles import LogWriter, split_bundle
from gateway.audit.log.witness_policy import parse_policy
from gateway.audit.verify.report import Report
from gateway.audit.verify.saved_checkpoint import SavedCheckpoint
from gateway.audit.verify.trust import Anchors
from gateway.audit.verify.verify import Verification
from tests.support.log import ORIGIN, SIGNER, SampleLog, sample
from tests.support.logs import COSIGNERS, MemorySource, cosign, policy_text

WITNESSED = Anchors(SIGNER.verifier, policy=parse_policy(policy_text("any").encode(), "policy"))
_BUNDLE = "tile/entries/000.p/15"


@pytest.fixture
def log(tmp_path: Path) -> SampleLog:
    """A log with every kind of entry that the gateway writes, two checkpoints old, and two witnesses' cosignatures."""
    made = sample(tmp_path)
    cosign(made, COSIGNERS[:2])
    return made


def _verify(source: MemorySource, openings: Path | None = None) -> Report:
    return Verification(LogReader(source), WITNESSED, openings=openings).run()


def _flipped(data: bytes, bit: int) -> bytes:
    damaged = bytearray(data)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def _is_found(report: Report, name: str) -> bool:
    """Say whether a flip is laid to its file, or its line reported as one of an unknown key."""
    if name in {finding.where for finding in report.findings}:
        return True
    return name == "checkpoint" and len(report.trust.unknown) == 1 and report.trust.witnesses_k == 1


def _public_flips(log: SampleLog, bits: Callable[[int], Iterator[int]]) -> None:
    source = MemorySource.of(log.log.path)
    assert _verify(source).ok
    for name, whole in list(source.files.items()):
        for bit in bits(8 * len(whole)):
            source.files[name] = _flipped(whole, bit)
            report = _verify(source)
            assert _is_found(report, name), (name, bit, report.to_text())
        source.files[name] = whole
    assert _verify(source).ok


def _opening_flips(log: SampleLog, bits: Callable[[int], Iterator[int]]) -> None:
    """Flip bits of each opening, shown alone: an opening that is not there is no finding, so nothing else can be."""
    source, alone = MemorySource.of(log.log.path), log.openings_folder.path.parent / "alone"
    for file in sorted(log.openings_folder.path.iterdir()):
        alone.mkdir()
        shown, whole = alone / file.name, file.read_bytes()
        for bit in bits(8 * len(whole)):
            shown.write_bytes(_flipped(whole, bit))
            report = _verify(source, alone)
            assert f"openings/{file.name}" in {finding.where for finding in report.findings}, (file.name, bit)
        shown.unlink()
        alone.rmdir()
    assert _verify(source, log.openings_folder.path).ok


def _some(count: int) -> Callable[[int], Iterator[int]]:
    chosen = random.Random(3)
    return lambda size: (chosen.randrange(size) for _ in range(count))


def test_flip_of_a_bit_anywhere_is_found_and_laid_to_its_file(log: SampleLog) -> None:
    """A sample over every file; the slow test takes every bit."""
    _public_flips(log, _some(120))
    _opening_flips(log, _some(12))


@pytest.mark.slow
def test_flip_of_every_bit_of_the_public_log_is_found_and_laid_to_its_file(log: SampleLog) -> None:
    """Checkpoint, tiles, entries, labels and the key beside them."""
    _public_flips(log, lambda size: iter(range(size)))


@pytest.mark.slow
def test_flip_of_every_bit_of_the_openings_is_found_and_laid_to_its_file(log: SampleLog) -> None:
    """Whatever is opened, parts and salts and the leaf hashes of what is erased."""
    _opening_flips(log, lambda size: iter(range(size)))


def test_flip_that_makes_a_signature_line_unknown_is_reported_as_that(log: SampleLog) -> None:
    """Of the log's line the checkpoint fails; a witness's no longer counts, and the line is named."""
    source = MemorySource.of(log.log.path)
    whole = source.files["checkpoint"]
    names = [at + len("— ".encode()) for at in range(len(whole)) if whole.startswith("— ".encode(), at)]
    source.files["checkpoint"] = _flipped(whole, 8 * names[0])
    report = _verify(source)
    assert [finding.problem for finding in report.findings] == [
        "the log's own key has not signed this",
        f"line 5 `{chr(ord(ORIGIN[0]) ^ 1)}{ORIGIN[1:]}+{SIGNER.verifier.key_id.hex()}` is the signature of an unknown key",
    ]
    source.files["checkpoint"] = _flipped(whole, 8 * names[1])
    report = _verify(source)
    assert report.ok
    assert [one.witness for one in report.trust.cosigned] == ["w2"]
    assert "signatures of unknown keys: line 6 `vitness-1.example/w+" in report.to_text()


# with the log's own key in hand


def _signed_again(log: SampleLog, change: Callable[[list[bytes]], list[bytes]], signer: Signer = SIGNER) -> MemorySource:
    """Return the log with other entries, its tree and checkpoint made to fit and signed."""
    source = MemorySource.of(log.log.path)
    writer = LogWriter(ORIGIN)
    for entry in change(split_bundle(source.files[_BUNDLE])):
        writer.append(entry)
    named = {name: data for name, data in source.files.items() if name.startswith(("labels/", "policies/"))}
    return MemorySource({**writer.files_since(0), **named, "checkpoint": sign_note(writer.checkpoint().text(), signer)})


_CHANGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "deletion": lambda entries: entries[:12] + entries[13:],
    "reordering": lambda entries: [*entries[:6], entries[12], *entries[7:12], entries[6], *entries[13:]],
    "duplication": lambda entries: [*entries[:13], *entries[12:]],
}


@pytest.mark.parametrize("name", _CHANGES)
def test_deletion_reordering_and_duplication_without_the_key_are_found_by_the_verifier(log: SampleLog, name: str) -> None:
    """The tree over other entries is not the one that was signed."""
    source = _signed_again(log, _CHANGES[name])
    source.files["checkpoint"] = (log.log.path / "checkpoint").read_bytes()
    found = {finding.where for finding in _verify(source).findings}
    assert found & {"checkpoint", _BUNDLE, "tile/0/000.p/15"}


@pytest.mark.parametrize("name", _CHANGES)
def test_deletion_reordering_and_duplication_with_the_key_are_found_by_the_verifier(log: SampleLog, name: str) -> None:
    """Each entry bears its number: the first one out of place is named."""
    report = _verify(_signed_again(log, _CHANGES[name]))
    first = {"deletion": 12, "reordering": 6, "duplication": 13}[name]
    assert report.findings[0].where == f"entry {first}"
    assert report.findings[0].problem.startswith("sequence is")


@pytest.mark.parametrize("name", [_BUNDLE, "tile/0/000.p/15", "labels/9"])
def test_deletion_of_a_file_is_found_by_the_verifier(log: SampleLog, name: str) -> None:
    """What the checkpoint promises has to be there."""
    source = MemorySource.of(log.log.path)
    del source.files[name]
    assert [(one.where, one.problem) for one in _verify(source).findings] == [(name, "absent")]


def test_deletion_of_the_checkpoint_leaves_no_log_to_verify(log: SampleLog) -> None:
    """Nothing is promised by what nobody signed: that is no finding, and the log cannot be reached."""
    source = MemorySource.of(log.log.path)
    del source.files["checkpoint"]
    with pytest.raises(LogUnreachableError, match="checkpoint: absent"):
        _verify(source)


@pytest.mark.parametrize("name", ["checkpoint", _BUNDLE, "tile/0/000.p/15", "labels/9", "labels/13", "tile/0/000.p/7"])
def test_truncation_of_a_file_is_found_by_the_verifier(log: SampleLog, name: str) -> None:
    """At every length."""
    source = MemorySource.of(log.log.path)
    whole = source.files[name]
    step = max(1, len(whole) // 40)
    for length in range(0, len(whole), step):
        source.files[name] = whole[:length]
        report = _verify(source)
        assert _is_found(report, name) or report.trust.witnesses_k < 2, (name, length)


def test_truncation_of_the_tail_with_the_key_is_found_only_against_a_kept_checkpoint(log: SampleLog) -> None:
    """A shorter log is a log: whoever saw the longer one, auditor, witness or recipient, can tell."""
    shorter = _signed_again(log, lambda entries: entries[:11])
    alone = Verification(LogReader(shorter), Anchors(SIGNER.verifier)).run()
    assert alone.ok, alone.to_text()
    kept = SavedCheckpoint.parse((log.log.path / "checkpoint").read_bytes(), LogKeys(SIGNER.verifier))
    report = Verification(LogReader(shorter), Anchors(SIGNER.verifier), since=kept).run()
    assert [one.problem for one in report.findings] == ["size `11` falls behind the `15` of the kept one: a rollback"]
    assert _verify(shorter).findings[0].problem == "cosigned by 0 of 3 witnesses, who are no quorum"


def test_signing_again_with_another_key_is_found_by_the_verifier(log: SampleLog) -> None:
    """The key is pinned, and one of the same name is not it."""
    report = _verify(_signed_again(log, lambda entries: entries, Signer(ORIGIN, bytes(32))))
    assert report.findings[0].where == "checkpoint"
    assert "is the signature of an unknown key" in report.findings[1].problem


def test_signing_a_rewritten_past_with_the_key_is_found_only_against_a_kept_checkpoint(log: SampleLog) -> None:
    """A past that agrees with itself convinces who never saw the true one, and nobody else."""

    def rewrite(entries: list[bytes]) -> list[bytes]:
        entry = Entry.decode(entries[6])
        return [*entries[:6], Entry(entry.kind, entry.time_ms + 1, *entry_rest(entry)).encode(), *entries[7:]]

    def entry_rest(entry: Entry) -> tuple[int, bytes, int, bytes]:
        return entry.sequence, entry.policy, entry.consent_head, entry.commitment

    rewritten = _signed_again(log, rewrite)
    assert Verification(LogReader(rewritten), Anchors(SIGNER.verifier)).run().ok
    kept = SavedCheckpoint.parse((log.log.path / "checkpoint").read_bytes(), LogKeys(SIGNER.verifier))
    report = Verification(LogReader(rewritten), Anchors(SIGNER.verifier), since=kept).run()
    assert [one.problem for one in report.findings] == ["another root than the kept one's at size `15`: the log has split"]
    opened = Verification(LogReader(rewritten), Anchors(SIGNER.verifier), openings=log.openings_folder.path).run()
    assert opened.ok  # a time is in no opening
