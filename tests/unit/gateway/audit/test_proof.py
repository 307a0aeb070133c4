"""Receipts: an entry is shown to be in the log without the log, and nothing else is."""

from __future__ import annotations

import io
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit import command
from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.entries import EntryError
from gateway.audit.log.inclusion_proofs import proven_entry
from gateway.audit.log.merkle import ProofError
from gateway.audit.log.notes import Signer, Verifier
from gateway.audit.log.reader import LogReader
from gateway.audit.log.witness_policy import parse_policy
from gateway.audit.proof import EntryProof, ProofFormatError
from gateway.audit.verify.trust import Anchors, UntrustedError, open_checkpoint
from tests.support.log import ORIGIN, SIGNER, SampleLog, sample
from tests.support.logs import COSIGNERS, LOGS, cosign, policy_text
from tests.support.mutations import mutated, wanted

ANCHORS = Anchors(SIGNER.verifier)


def _prove(log: SampleLog, index: int) -> EntryProof:
    reader = LogReader(log.log.path)
    note = reader.checkpoint()
    entry, hashes = proven_entry(reader, open_checkpoint(note, ANCHORS)[0], index)
    return EntryProof(index, tuple(hashes), note, entry)


def _run(verb: str, **given: Any) -> tuple[int, str]:
    args = {"key": SIGNER.vkey(), "witnesses": None, "json": False, "out": None, "entry": None} | given
    out = io.StringIO()
    return command.run(verb, Namespace(**args), out), out.getvalue()


@pytest.mark.parametrize("name", [name for name in LOGS if name != "empty"])
def test_proof_of_every_entry_is_checked_without_the_log(name: str, tmp_path: Path) -> None:
    """Written, read back and checked, with the entry that it brings along."""
    log = LOGS[name](tmp_path)
    for index in {0, 1, 5, 254, 255, 256, 300, log.writer.size - 1} & set(range(log.writer.size)):
        proof = _prove(log, index)
        again = EntryProof.parse(proof.encode())
        assert again == proof
        entry, checkpoint, trust = again.check(ANCHORS)
        assert (entry, checkpoint.size, trust.pinned) == (proof.extra, log.writer.size, True)


def test_proof_with_any_bit_flipped_is_refused_or_says_the_same(tmp_path: Path) -> None:
    """No flip proves another entry, another place or another log."""
    proof = _prove(sample(tmp_path), 5)
    whole = proof.encode()
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            entry = EntryProof.parse(bytes(damaged)).check(ANCHORS)[0]
        except (ProofFormatError, ProofError, UntrustedError, EntryError):
            continue
        pytest.fail(f"bit {bit} flipped passes as {entry!r}")


def test_proof_for_another_entry_place_or_key_is_refused(tmp_path: Path) -> None:
    """The proof binds entry, index and log."""
    log = sample(tmp_path)
    proof, other = _prove(log, 5), _prove(log, 6)
    assert other.extra is not None
    with pytest.raises(ProofError):
        proof.check(ANCHORS, other.extra)
    with pytest.raises(ProofError):
        EntryProof(6, proof.hashes, proof.note, proof.extra).check(ANCHORS)
    with pytest.raises(UntrustedError):
        proof.check(Anchors(Signer(ORIGIN, bytes(32)).verifier))
    with pytest.raises(ProofError, match="does not bring the entry along"):
        EntryProof(5, proof.hashes, proof.note).check(ANCHORS)
    EntryProof(5, proof.hashes, proof.note).check(ANCHORS, proof.extra)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "line 1"),
        (b"c2sp.org/tlog-proof@v2\nindex 0\n\nx\n", "line 1"),
        (b"c2sp.org/tlog-proof@v1\n\nx\n", "line 2: no index"),
        (b"c2sp.org/tlog-proof@v1\nindex 01\n\nx\n", "line 2: no index"),
        (b"c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n\nx\n", "line 2: no index"),
        (b"c2sp.org/tlog-proof@v1\nextra !\nindex 0\n\nx\n", "line 2: malformed base64"),
        (b"c2sp.org/tlog-proof@v1\nextra QR==\nindex 0\n\nx\n", "line 2: base64 that is not canonical"),
        (b"c2sp.org/tlog-proof@v1\nextra QQ==\nextra QQ==\nindex 0\n\nx\n", "line 3: no index"),
        (b"c2sp.org/tlog-proof@v1\nindex 0\nQQ==\n\nx\n", "line 3: `1` bytes where 32 are due"),
        (b"c2sp.org/tlog-proof@v1\nindex 0\n" + b"A" * 43 + b"=", "no checkpoint behind an empty line"),
        (b"c2sp.org/tlog-proof@v1\nindex 0\n" + (b"A" * 43 + b"=\n") * 64 + b"\nx\n", "`64` hashes"),
    ],
)
def test_proof_that_is_malformed_is_refused(data: bytes, problem: str) -> None:
    """Each rule of the format, with the line at fault."""
    with pytest.raises(ProofFormatError, match=problem):
        EntryProof.parse(data)


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.binary(max_size=80),
    st.none() | st.binary(max_size=200),
)
def test_proof_reads_back_as_it_was_written(index: int, hashes: list[bytes], note: bytes, extra: bytes | None) -> None:
    """One form for each proof."""
    proof = EntryProof(index, tuple(hashes), note, extra)
    assert EntryProof.parse(proof.encode()) == proof


def test_proof_of_a_witnessed_log_says_who_has_seen_it(tmp_path: Path) -> None:
    """k of n, and a quorum that is not there is not met."""
    log = sample(tmp_path)
    cosign(log, COSIGNERS[:2])
    proof = _prove(log, 5)
    for quorum, met in (("2", True), ("all", False)):
        policy = parse_policy(policy_text(quorum).encode(), "policy")
        trust = proof.check(Anchors(SIGNER.verifier, policy=policy))[2]
        assert (trust.witnesses_k, trust.witnesses_n, trust.quorum) == (2, 3, met)
    assert len(proof.check(ANCHORS)[2].unknown) == 2


def test_prove_and_check_proof_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What they print, what they write, and how they end."""
    log = sample(tmp_path)
    file = tmp_path / "5.tlog-proof"
    status, text = _run("prove", place=str(log.log.path), index=5, out=file)
    assert status == 0
    assert text.splitlines() == [
        f"proof: {file}, entry 5 of 15 in {ORIGIN}",
        f"trust: pinned key {SIGNER.vkey()}",
        "witnesses: none configured",
    ]
    status, text = _run("check-proof", file=file, json=True)
    told = json.loads(text)
    assert (status, told["index"], told["kind"], told["trust"]["pinned"]) == (0, 5, "release", True)
    assert "bundle_sha256" in told
    entry = tmp_path / "entry"
    entry.write_bytes(b"another")
    assert _run("check-proof", file=file, entry=entry)[0] == 1
    assert "leads to another root" in capsys.readouterr().err
    assert _run("check-proof", file=entry)[0] == 1
    assert f"`{entry}`: line 1: not `c2sp.org/tlog-proof@v1`" in capsys.readouterr().err
    assert _run("prove", place=str(log.log.path), index=15)[0] == 2
    assert "no entry `15`" in capsys.readouterr().err
    assert _run("check-proof", file=file, key=None)[0] == 2
    assert "--key" in capsys.readouterr().err


def test_check_proof_against_a_policy_takes_the_logs_key_from_there(tmp_path: Path) -> None:
    """One file says whom to trust; without a quorum the proof is a finding."""
    log = sample(tmp_path)
    cosign(log, COSIGNERS[:1])
    file, policy = tmp_path / "5.tlog-proof", tmp_path / "policy"
    file.write_bytes(_prove(log, 5).encode())
    for quorum, status in (("any", 0), ("2", 1)):
        policy.write_text(policy_text(quorum, vkey=SIGNER.vkey()))
        ended, text = _run("check-proof", file=file, key=None, witnesses=policy)
        assert ended == status
        assert "witnesses: 1 of 3 (w1 at 2026-09-21T14:15:00Z)" in text
        assert ("who are no quorum" in text) is (status == 1)


def test_entry_of_a_damaged_log_is_not_proven(tmp_path: Path) -> None:
    """What does not lead to the checkpoint's root gets no proof."""
    log = sample(tmp_path)
    bundle = log.log.path / "tile/entries/000.p/15"
    data = bytearray(bundle.read_bytes())
    data[40] ^= 1
    bundle.write_bytes(data)
    checkpoint = Checkpoint(ORIGIN, 15, log.writer.root())
    with pytest.raises(ProofError):
        proven_entry(LogReader(log.log.path), checkpoint, 0)
    assert Verifier.parse(SIGNER.vkey()) == SIGNER.verifier


def test_mutated_proofs_prove_nothing_else_and_are_refused_in_a_line(tmp_path: Path) -> None:
    """Cut, spliced, repeated: whatever still passes proves the very entry, place and log that a whole proof did."""
    log = sample(tmp_path)
    whole = [_prove(log, index) for index in range(log.writer.size)]
    proven = {(proof.index, proof.extra) for proof in whole}
    for _, data in mutated([proof.encode() for proof in whole], wanted(3000), 5):
        try:
            proof = EntryProof.parse(data)
            entry, checkpoint, _ = proof.check(ANCHORS)
        except (ProofFormatError, ProofError, UntrustedError, EntryError) as error:
            line = str(error)
        else:
            assert (proof.index, entry) in proven
            assert checkpoint.size == log.writer.size
            continue
        assert line.splitlines() == [line]
