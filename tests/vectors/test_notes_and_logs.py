"""Notes, checkpoints, proofs and tiles that other implementations have made."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.merkle import ProofError, leaf_hash, tree_root, verify_inclusion
from gateway.audit.log.notes import COSIGNATURE, KeyFormatError, NoteError, Signer, Verifier, open_note, sign_note, split_note
from gateway.audit.log.reader import LogReader
from gateway.audit.log.tiles import tile_spans
from tests.data import shared_path

_MIRROR = "vectors/sunlight/cmd/skylight/testdata/witness/mirror/000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706"


@pytest.fixture(scope="module")
def signed_notes() -> Any:
    """The collected notes with their keys."""
    return json.loads(shared_path("vectors/signed-notes.json").read_text())


def test_notes_of_others_open_with_their_keys(signed_notes: Any) -> None:
    """Each note verifies, and none does with a byte of its text changed."""
    assert len(signed_notes["notes"]) == 21
    for one in signed_notes["notes"]:
        verifier, note = Verifier.parse(one["vkey"]), one["note"].encode()
        assert verifier.vkey() == one["vkey"]
        assert open_note(note, [verifier]).verified[0].name == verifier.name
        with pytest.raises(NoteError):
            open_note(b"X" + note[1:], [verifier])


def test_cosignatures_of_others_bear_their_time(signed_notes: Any) -> None:
    """cosignature/v1 binds the second at which it was made."""
    cosigned = [one for one in signed_notes["notes"] if Verifier.parse(one["vkey"]).algorithm == COSIGNATURE]
    assert len(cosigned) == 2
    for one in cosigned:
        verifier = Verifier.parse(one["vkey"])
        signature = open_note(one["note"].encode(), [verifier]).verified[0]
        assert signature.cosigned_s == 0x69546780
        text = split_note(one["note"].encode())[0]
        later = (signature.cosigned_s + 1).to_bytes(8, "big") + signature.signature[8:]
        assert verifier.verify(text, signature.signature)
        assert not verifier.verify(text, later)
        assert not verifier.verify(text, signature.signature[8:])


def test_note_signed_with_the_signing_key_of_others_is_theirs(signed_notes: Any) -> None:
    """Ed25519 is deterministic: our signature line is the one in the vector."""
    one = next(one for one in signed_notes["notes"] if "skey" in one)
    signer = Signer.parse(one["skey"])
    assert signer.skey() == one["skey"]
    assert signer.vkey() == one["vkey"]
    text = split_note(one["note"].encode())[0]
    assert sign_note(text, signer).splitlines()[-1] in one["note"].encode().splitlines()


def test_bad_verifying_keys_are_refused(signed_notes: Any) -> None:
    """One with a key of the wrong length, one of an unknown algorithm."""
    assert len(signed_notes["bad_vkeys"]) == 2
    for vkey in signed_notes["bad_vkeys"]:
        with pytest.raises(KeyFormatError):
            Verifier.parse(vkey)


def test_checkpoint_of_others_is_written_the_same(signed_notes: Any) -> None:
    """Origin, size and root make the same text."""
    tree = signed_notes["format_tree"]
    checkpoint = Checkpoint("go.sum database tree", tree["size"], leaf_hash(tree["leaf"].encode()))
    assert checkpoint.text() == tree["text"]
    assert Checkpoint.parse(tree["text"]) == checkpoint


def test_inclusion_proofs_of_a_real_log_verify_and_damaged_ones_do_not() -> None:
    """Four entries among millions."""
    proofs = json.loads(shared_path("vectors/rekor-inclusion-real.json").read_text())
    assert len(proofs) == 4
    for one in proofs:
        checkpoint = Checkpoint.parse(split_note(one["checkpoint"].encode())[0])
        assert (checkpoint.size, checkpoint.root) == (one["treeSize"], base64.b64decode(one["root"]))
        entry = base64.b64decode(one["leaf_data_b64"])
        proof = [base64.b64decode(hash_) for hash_ in one["hashes"]]
        verify_inclusion(one["leafIdx"], checkpoint.size, leaf_hash(entry), proof, checkpoint.root)
        with pytest.raises(ProofError):
            verify_inclusion(one["leafIdx"], checkpoint.size, leaf_hash(entry + b" "), proof, checkpoint.root)


def test_tiles_of_a_real_mirror_lead_to_its_cosigned_root() -> None:
    """300 leaves in a full and a partial tile, and a partial tile above."""
    folder = shared_path(_MIRROR)
    vkey = json.loads((folder.parent / "mirror.v0.json").read_text())["verifier_keys"][0]
    reader = LogReader(folder)
    checkpoint = Checkpoint.parse(open_note(reader.checkpoint(), [Verifier.parse(vkey)]).text)
    hashes = [hash_ for index, width in tile_spans(checkpoint.size, 0) for hash_ in reader.tile(0, index, width).hashes()]
    assert len(hashes) == checkpoint.size == 300
    assert tree_root(hashes) == checkpoint.root
    assert reader.tile(1, 0, 1).hashes() == [tree_root(hashes[:256])]


def test_witnessed_checkpoints_of_two_witnesses_verify() -> None:
    """Each witness's key opens its own checkpoint and no other."""
    base = shared_path("vectors/sunlight/cmd/skylight/testdata")
    opened = {}
    for name in ("witness", "witness2"):
        verifier = Verifier.parse(json.loads((base / name / "witness.v0.json").read_text())["verifier_keys"][0])
        note = next(path for path in (base / name).glob("*/checkpoint") if path.parent.name != "mirror").read_bytes()
        opened[name] = (verifier, note)
        assert Checkpoint.parse(open_note(note, [verifier]).text).size == 300
    with pytest.raises(NoteError):
        open_note(opened["witness2"][1], [opened["witness"][0]])
