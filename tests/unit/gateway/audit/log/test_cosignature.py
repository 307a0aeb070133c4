"""Cosignatures: made, put into notes, found in notes, and told from everything that is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.log.cosignature import MAX_TIME_S, Cosigner, cosignatures_in, with_signatures
from gateway.audit.log.notes import COSIGNATURE, KeyFormatError, NoteError, Signature, Signer, Verifier, open_note, sign_note

_LOG = Signer("log.example", bytes(range(32)))
_ALICE = Cosigner("alice.example", bytes(range(1, 33)))
_BOB = Cosigner("bob.example", bytes(range(2, 34)))
_TEXT = "log.example\n3\n" + "A" * 43 + "=\n"
_NOTE = sign_note(_TEXT, _LOG)
_TIME_S = 1_679_315_147


@given(st.integers(1, MAX_TIME_S))
def test_cosignature_is_verified_and_bears_its_time(time_s: int) -> None:
    """Whatever the second, the note opens with the witness's key and tells it."""
    note = with_signatures(_NOTE, [_ALICE.cosign(_TEXT, time_s)])
    assert [(one.name, one.cosigned_s) for one in cosignatures_in(note, [_ALICE.verifier])] == [("alice.example", time_s)]
    assert open_note(note, [_LOG.verifier]).text == _TEXT


@pytest.mark.parametrize("time_s", [0, -1, MAX_TIME_S + 1])
def test_cosignature_without_a_time_is_not_made(time_s: int) -> None:
    """Zero is how cosigners of subtrees say that they name none."""
    with pytest.raises(ValueError, match="no time"):
        _ALICE.cosign(_TEXT, time_s)


def test_cosignature_that_bears_no_time_is_refused() -> None:
    """A valid signature over `time 0` makes no statement about when."""
    honest = Signer("alice.example", bytes(range(1, 33)))
    message = b"cosignature/v1\ntime 0\n" + _TEXT.encode()
    forged = Signature("alice.example", _ALICE.verifier.key_id, bytes(8) + honest.sign_bytes(message))
    note = with_signatures(_NOTE, [forged])
    assert open_note(note, [_ALICE.verifier]).verified
    with pytest.raises(NoteError, match="no time"):
        cosignatures_in(note, [_ALICE.verifier])


@pytest.mark.parametrize("other_text", [_TEXT.replace("3", "4"), _TEXT.replace("log", "gol"), _TEXT + "extension\n"])
def test_cosignature_over_another_checkpoint_is_refused(other_text: str) -> None:
    """Origin, size, root and extension lines are all signed."""
    note = with_signatures(_NOTE, [_ALICE.cosign(other_text, _TIME_S)])
    with pytest.raises(NoteError, match=r"alice\.example"):
        cosignatures_in(note, [_ALICE.verifier])


def test_cosignature_does_not_pass_for_the_signature_of_a_log() -> None:
    """The same 32 bytes as a log's key have another key id, and the message begins otherwise."""
    as_log = Signer("alice.example", bytes(range(1, 33)))
    assert as_log.verifier.public_key == _ALICE.verifier.public_key
    note = with_signatures(_NOTE, [_ALICE.cosign(_TEXT, _TIME_S)])
    with pytest.raises(NoteError, match="no trusted key"):
        open_note(note, [as_log.verifier])


def test_cosignatures_in_note_count_only_for_the_witnesses_asked_about() -> None:
    """Others' lines are neither counted nor an error."""
    note = with_signatures(_NOTE, [_ALICE.cosign(_TEXT, 5), _BOB.cosign(_TEXT, 6)])
    assert [one.name for one in cosignatures_in(note, [_BOB.verifier])] == ["bob.example"]
    assert len(cosignatures_in(note, [_BOB.verifier, _ALICE.verifier])) == 2
    with pytest.raises(NoteError):
        cosignatures_in(_NOTE, [_ALICE.verifier])


def test_with_signatures_key_that_signed_already_gets_no_second_line() -> None:
    """Some verifiers refuse a note that repeats a key."""
    once = with_signatures(_NOTE, [_ALICE.cosign(_TEXT, 5)])
    assert with_signatures(once, [_ALICE.cosign(_TEXT, 6)]) == once
    with pytest.raises(NoteError):
        with_signatures(b"no note", [_ALICE.cosign(_TEXT, 6)])


def test_signing_key_in_text_form_comes_back_the_same() -> None:
    """And signs the same, Ed25519 being deterministic."""
    again = Cosigner.parse(_ALICE.skey() + "\n")
    assert again.vkey() == _ALICE.vkey()
    assert again.cosign(_TEXT, 7) == _ALICE.cosign(_TEXT, 7)
    assert Verifier.parse(_ALICE.vkey()).algorithm == COSIGNATURE


@pytest.mark.parametrize(
    "skey",
    [
        "",
        "secret words",
        "PRIVATE+KEY+a+b+",
        _LOG.skey(),
        _ALICE.skey().replace("alice", "carol"),
        _ALICE.skey()[:-8],
        _ALICE.skey() + "!",
    ],
)
def test_signing_key_malformed_or_of_a_log_is_refused_without_repeating_it(skey: str) -> None:
    """A log's key cannot be put in by mistake, and no message spells out what may be a secret."""
    with pytest.raises(KeyFormatError) as caught:
        Cosigner.parse(skey)
    assert not skey or skey not in str(caught.value)
