"""Signed notes and checkpoints beyond the official vectors."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.log.checkpoint import Checkpoint, CheckpointError
from gateway.audit.log.notes import KeyFormatError, NoteError, Signer, Verifier, open_note, sign_note

_ALICE = Signer("alice.example", bytes(range(32)))
_BOB = Signer("bob.example", bytes(range(1, 33)))
_TEXT = "alice.example\n3\n" + "A" * 43 + "=\n"


def test_note_by_two_signers_opens_with_either_key() -> None:
    """The other signature is set aside, not refused."""
    note = sign_note(_TEXT, _ALICE, _BOB)
    for signer, other in ((_ALICE, _BOB), (_BOB, _ALICE)):
        opened = open_note(note, [signer.verifier])
        assert opened.text == _TEXT
        assert [one.name for one in opened.verified] == [signer.name]
        assert [one.name for one in opened.ignored] == [other.name]


def test_note_with_a_wrong_signature_of_a_known_key_is_refused_whole() -> None:
    """A good signature beside it does not help."""
    note = sign_note(_TEXT, _ALICE) + sign_note(_TEXT.replace("3", "4"), _BOB).split(b"\n\n")[1]
    open_note(note, [_ALICE.verifier])
    with pytest.raises(NoteError, match=r"bob\.example"):
        open_note(note, [_ALICE.verifier, _BOB.verifier])


def test_note_nobody_known_signed_is_refused() -> None:
    """Unknown signatures are no signatures."""
    with pytest.raises(NoteError, match="no trusted key"):
        open_note(sign_note(_TEXT, _BOB), [_ALICE.verifier])


def test_note_repeating_a_key_counts_its_first_line() -> None:
    """A repeated line of a known key changes nothing."""
    note = sign_note(_TEXT, _ALICE)
    repeated = note + b"\n".join(note.split(b"\n\n")[1:])
    assert len(open_note(repeated, [_ALICE.verifier]).verified) == 1


@settings(max_examples=100, deadline=None)
@given(position=st.integers(0), bit=st.integers(0, 7))
def test_note_with_any_bit_flipped_is_refused(position: int, bit: int) -> None:
    """No byte of a note with one signature is without effect."""
    note = bytearray(sign_note(_TEXT, _ALICE))
    note[position % len(note)] ^= 1 << bit
    with pytest.raises(NoteError):
        open_note(bytes(note), [_ALICE.verifier])


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\nno dash\n",
        b"te\x00xt\n\n",
        b"\xff\n\n",
        "t\n\n— a AAAA".encode(),
        "t\n\n— a AAAA\n".encode(),
    ],
)
def test_note_malformed_is_refused(note: bytes) -> None:
    """Each malformation is an error of the note, never another exception."""
    with pytest.raises(NoteError):
        open_note(note, [_ALICE.verifier])


def test_keys_in_text_form_come_back_the_same() -> None:
    """Both text forms are read back, and the signing key signs the same."""
    assert Verifier.parse(_ALICE.vkey()) == _ALICE.verifier
    again = Signer.parse(_ALICE.skey())
    assert again.verifier == _ALICE.verifier
    assert again.sign("x\n") == _ALICE.sign("x\n")


@pytest.mark.parametrize("skey", ["", "PRIVATE+KEY+a+b", "PRIVATE+KEY+alice.example+00000000+AQ==", "secret words"])
def test_signing_key_malformed_is_refused_without_repeating_it(skey: str) -> None:
    """The message does not spell out what may be a secret."""
    with pytest.raises(KeyFormatError) as caught:
        Signer.parse(skey)
    assert not skey or skey not in str(caught.value)


def test_key_whose_id_belongs_to_another_key_is_refused() -> None:
    """The id binds name and key."""
    with pytest.raises(KeyFormatError, match="key id"):
        Verifier.parse(_ALICE.vkey().replace("alice", "carol"))


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_checkpoint_text_is_read_back_the_same(size: int, root: bytes) -> None:
    """Text and record are two forms of one thing."""
    checkpoint = Checkpoint("gw.example/audit", size, root)
    assert Checkpoint.parse(checkpoint.text()) == checkpoint


@pytest.mark.parametrize(
    "text",
    ["", "o\n", "o\n1\n", "\n1\n" + "A" * 43 + "=\n", "o\n01\n" + "A" * 43 + "=\n", "o\n-1\n" + "A" * 43 + "=\n",
     "o\n1\nAAAA\n", "o\n1\n" + "A" * 42 + "B=\n", "o\n1\n" + "A" * 43 + "=", "o\n1\n" + "A" * 43 + "=\n\n",
     "o\n99999999999999999999\n" + "A" * 43 + "=\n", "o\n1\n!\n"],
)  # fmt: skip
def test_checkpoint_malformed_is_refused(text: str) -> None:
    """There is one spelling of a checkpoint."""
    with pytest.raises(CheckpointError):
        Checkpoint.parse(text)
