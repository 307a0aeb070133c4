"""Signed notes, cosignatures and checkpoints: our own vectors, made straight from the specifications."""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

import pytest

from gateway.audit.log.checkpoint import Checkpoint, CheckpointError
from gateway.audit.log.cosignature import Cosigner, cosignatures_in, signature_lines
from gateway.audit.log.notes import COSIGNATURE, KeyFormatError, NoteError, Signer, Verifier, open_note, sign_note, split_note
from gateway.audit.standalone import verify as standalone
from tests.support.judged import misjudged
from tests.vectors.generator.files import load

_VECTORS = load("notes.json")
_GOOD = _VECTORS["good"]


@pytest.mark.parametrize("key", _VECTORS["keys"], ids=lambda key: str(key["name"]))
def test_key_is_written_and_read_as_in_the_vectors(key: Any) -> None:
    """Both texts of a log's key and of a witness's, from the seed and back."""
    kind = Cosigner if key["type"] == COSIGNATURE else Signer
    made, read = kind(key["name"], bytes.fromhex(key["seed"])), kind.parse(key["skey"])
    assert (made.vkey(), made.skey()) == (read.vkey(), read.skey()) == (key["vkey"], key["skey"])
    assert Verifier.parse(key["vkey"]) == made.verifier
    assert Verifier.parse(key["vkey"]).vkey() == key["vkey"]


@pytest.mark.parametrize("case", _GOOD, ids=lambda case: str(case["what"]))
def test_note_opens_with_each_of_its_keys_and_not_when_changed(case: Any) -> None:
    """Text and signers are found; a changed byte of the text ends that."""
    verifiers, note = [Verifier.parse(key) for key in case["keys"]], case["note"].encode()
    opened = open_note(note, verifiers)
    assert opened.text == case["text"]
    assert {one.name for one in opened.verified} == {one.name for one in verifiers}
    for verifier in verifiers:
        assert [one.name for one in open_note(note, [verifier]).verified] == [verifier.name]
        with pytest.raises(NoteError):
            open_note(b"X" + note[1:], [verifier])


@pytest.mark.parametrize("case", [case for case in _GOOD if case["cosigned_s"]], ids=lambda case: str(case["what"]))
def test_cosignature_bears_its_time_and_is_made_the_same(case: Any) -> None:
    """The witness's line comes back byte for byte, and holds at no other second, for no other size, and not without its time."""
    witnesses = [one for one in map(Verifier.parse, case["keys"]) if one.algorithm == COSIGNATURE]
    note = case["note"].encode()
    found = cosignatures_in(note, witnesses)
    assert [one.cosigned_s for one in found] == case["cosigned_s"]
    assert note.endswith(signature_lines(found))
    seeds = {key["name"]: bytes.fromhex(key["seed"]) for key in _VECTORS["keys"]}
    for witness, one in zip(witnesses, found, strict=True):
        assert Cosigner(one.name, seeds[one.name]).cosign(case["text"], one.cosigned_s) == one
        other = (one.cosigned_s - 1).to_bytes(8, "big") + one.signature[8:]
        assert not witness.verify(case["text"], other)
        assert not witness.verify(case["text"], one.signature[8:])
        with pytest.raises(NoteError):
            cosignatures_in(note.replace(b"\n4711\n", b"\n4712\n"), [witness])


def test_note_that_we_sign_is_that_of_the_vectors() -> None:
    """Ed25519 is deterministic, so that the bytes are the same."""
    signers = {key["vkey"]: Signer.parse(key["skey"]) for key in _VECTORS["keys"] if key["type"] != COSIGNATURE}
    ours = [
        case
        for case in _GOOD
        if set(case["keys"]) <= set(signers) and len(case["keys"]) == len(split_note(case["note"].encode())[1])
    ]
    assert len(ours) == 5
    for case in ours:
        assert sign_note(case["text"], *(signers[key] for key in case["keys"])) == case["note"].encode(), case["what"]


def test_bad_notes_are_refused() -> None:
    """Another text, a line that is none, a signature that is wrong, foreign, cut or over something else."""
    cases = []
    for case in _VECTORS["bad"]:
        verifier, note = Verifier.parse(case["key"]), base64.b64decode(case["note_base64"])
        check = cosignatures_in if verifier.algorithm == COSIGNATURE else open_note
        cases.append((case["what"], False, partial(check, note, [verifier])))
    assert len(cases) == 55
    assert misjudged(cases, NoteError) == []


def test_verifier_in_exports_judges_notes_of_checkpoints_alike() -> None:
    """The same good and bad cosigned checkpoints, by the verifier that rides in exports and has its own Ed25519."""
    river = standalone.parse_key(_VECTORS["keys"][0]["vkey"])
    cases = [
        (case["what"], True, partial(standalone.open_checkpoint, case["note"].encode(), river, []))
        for case in _GOOD
        if case["text"].startswith("river.example/log\n") and case["keys"][0] == _VECTORS["keys"][0]["vkey"]
    ]
    cases += [
        (case["what"], False, partial(standalone.open_checkpoint, base64.b64decode(case["note_base64"]), river, []))
        for case in _VECTORS["bad"]
        if case["key"] == _VECTORS["keys"][0]["vkey"]
    ]
    assert len(cases) > 30
    assert misjudged(cases, standalone.Wrong) == []


def test_bad_verifying_keys_are_refused() -> None:
    """Parts missing, an id of another key or name, a key too short or too long, an unknown type, a name that none can have."""
    cases = [(case["what"], False, partial(Verifier.parse, case["vkey"])) for case in _VECTORS["bad_vkeys"]]
    assert len(cases) == 17
    assert misjudged(cases, KeyFormatError) == []


@pytest.mark.parametrize("case", _VECTORS["checkpoints"], ids=lambda case: str(case["origin"]))
def test_checkpoint_is_written_and_read_as_in_the_vectors(case: Any) -> None:
    """Origin, size, root and extension lines make the same text, and it makes the same checkpoint."""
    checkpoint = Checkpoint(case["origin"], case["size"], base64.b64decode(case["root"]), tuple(case["extensions"]))
    assert checkpoint.text() == case["text"]
    assert Checkpoint.parse(case["text"]) == checkpoint


def test_bad_checkpoints_are_refused() -> None:
    """Lines missing or empty, sizes that are no decimal number, roots that are no 32 bytes in canonical base64."""
    cases = [(case["what"], False, partial(Checkpoint.parse, case["text"])) for case in _VECTORS["bad_checkpoints"]]
    assert len(cases) == 23
    assert misjudged(cases, CheckpointError) == []
