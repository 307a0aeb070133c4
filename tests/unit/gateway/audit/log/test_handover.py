"""Handovers of a log's key: followed forwards from any of its keys, and every way of faking one refused with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.log.entries import Kind
from gateway.audit.log.handover import (
    HANDOVER_LINE,
    KEYS_NAME,
    Handover,
    HandoverError,
    LogKeys,
    join_handovers,
    parse_handovers,
)
from gateway.audit.log.notes import NoteError, Signer, sign_note
from gateway.audit.log.payloads import LogKeyPayload, handover_commitment
from gateway.audit.standalone import verify as standalone
from tests.support.audits import run_audit
from tests.support.handed_over import SECOND, STRANGER, THIRD, HandedOver, handed_over
from tests.support.handover_cases import CASES
from tests.support.log import ORIGIN, SIGNER

FIRST = Handover.make(4, SIGNER, SECOND)
NEXT = Handover.make(9, SECOND, THIRD)
OTHER = Signer("other.example/log", bytes(32))


def found(log: HandedOver, key: Signer = SIGNER) -> str:
    """Return what is wrong with a log, all of it."""
    return "\n".join(f"{one.where}: {one.problem}" for one in log.verify(key).findings)


def test_log_is_followed_forwards_from_each_of_its_keys(tmp_path: Path) -> None:
    """An auditor who was given the first key years ago needs no other; the report names those that came after it."""
    log = handed_over(tmp_path)
    for key, after in ((SIGNER, [SECOND, THIRD]), (SECOND, [THIRD]), (THIRD, [])):
        report = log.verify(key)
        assert report.findings == ()
        assert list(report.trust.handed_over) == [each.vkey() for each in after]


def test_log_signed_by_both_keys_is_good_to_who_knows_either(tmp_path: Path) -> None:
    """While a handover is under way nobody is left behind, not even without `log.keys`."""
    log = HandedOver(tmp_path)
    log.hand_over(SIGNER, SECOND)
    log.log.account()
    log.publish(SECOND, SIGNER)
    assert not found(log)
    assert not found(log, SECOND)
    (log.log.log.path / KEYS_NAME).unlink()
    assert "log.keys" in found(log), "with openings the entry itself shows that a handover is missing"


def test_handover_that_is_missing_is_named(tmp_path: Path) -> None:
    log = handed_over(tmp_path)
    (log.log.log.path / KEYS_NAME).unlink()
    assert "`log.keys` would lead to it, and there is none" in found(log)


def test_handover_by_a_stranger_is_refused(tmp_path: Path) -> None:
    """Neither a key that never was the log's, nor one behind it, makes anybody follow."""
    log = HandedOver(tmp_path)
    log.hand_over(STRANGER, SECOND)
    log.publish(SECOND)
    assert "do not pass through the key" in found(log)
    forged = FIRST.note.replace(SIGNER.vkey().encode(), STRANGER.vkey().encode())
    log.log.log.write_handovers(forged)
    assert "has not signed it" in found(log) or "no trusted key" in found(log) or "wrong" in found(log)


def test_handover_without_either_signature_is_none() -> None:
    """The key before permits it, and the one after shows that it exists: neither can be given away unasked."""
    text = f"{HANDOVER_LINE}\n{ORIGIN}\n4\n{SIGNER.vkey()}\n{SECOND.vkey()}\n"
    assert Handover.parse(sign_note(text, SIGNER, SECOND)) == FIRST
    for signers in ((SIGNER,), (SECOND,), (SIGNER, STRANGER), (SIGNER, SIGNER)):
        with pytest.raises(HandoverError, match="one of its two keys has not signed it"):
            Handover.parse(sign_note(text, *signers))


@pytest.mark.parametrize("index", ["9" * 5000, str(1 << 63), "04", "-1", "", "٤"], ids=len)
def test_handover_of_no_index_is_refused_whoever_signs_it(index: str) -> None:
    """Anybody can sign a handover between keys of their own and send it to a witness: that ends nobody's program."""
    note = sign_note(f"{HANDOVER_LINE}\n{ORIGIN}\n{index}\n{SIGNER.vkey()}\n{SECOND.vkey()}\n", SIGNER, SECOND)
    with pytest.raises(HandoverError, match="is no index"):
        Handover.parse(note)


def test_handover_has_one_form() -> None:
    """Nobody can make another note of a public one: a witness that learnt that would refuse what the log goes on to say."""
    first, second = FIRST.note.splitlines(keepends=True)[-2:]
    text = FIRST.note.removesuffix(first + second)
    stranger = sign_note(text.decode().removesuffix("\n"), STRANGER).splitlines(keepends=True)[-1]
    for lines in (second + first, first + second + stranger, stranger + first + second, first + first + second):
        with pytest.raises(HandoverError, match="other signatures"):
            parse_handovers(text + lines)
        with pytest.raises(standalone.Wrong, match="other signatures"):
            standalone.parse_handovers(text + lines, ORIGIN)


def test_log_that_goes_back_to_an_earlier_key_is_refused(tmp_path: Path) -> None:
    """Whoever gets hold of a key that was handed over cannot have the log come back to it."""
    log = HandedOver(tmp_path)
    log.hand_over(SIGNER, SECOND)
    log.hand_over(SECOND, SIGNER)
    log.publish(SIGNER)
    assert "leads back to a key that had been handed over" in found(log)


def test_log_that_goes_on_under_the_former_key_is_refused(tmp_path: Path) -> None:
    """A fork behind the handover: the former key's word counts up to it and no further."""
    log = HandedOver(tmp_path)
    handover = log.hand_over(SIGNER, SECOND)
    log.log.account()
    log.publish(SIGNER)
    assert f"entry `{handover.index}` handed the log over to `{SECOND.vkey()}`, which has not signed this" in found(log)


def test_checkpoint_of_before_the_handover_needs_the_former_key(tmp_path: Path) -> None:
    """The new key cannot sign the past anew, and what the former signed then stays good."""
    log = HandedOver(tmp_path)
    log.publish(SIGNER)
    log.state([Handover.make(log.log.writer.size, SIGNER, SECOND)])  # published ahead of the checkpoint that covers it
    assert not found(log)
    log.publish(SECOND)
    assert "the log's own key has not signed this" in found(log)


def test_entry_that_records_no_handover_is_found(tmp_path: Path) -> None:
    """`log.keys` alone moves nobody: the log itself has to say so, at the index that it names."""
    log = HandedOver(tmp_path)
    log.log.account()
    index = log.log.writer.size - 1
    log.state([Handover.make(index, SIGNER, SECOND)])
    log.publish(SECOND)
    assert found(log) == f"entry {index}: `log.keys` says that it hands the log over, and it does not"


def test_entry_that_commits_to_another_handover_is_found(tmp_path: Path) -> None:
    """The log says handed over to one key, and `log.keys` to another: everybody sees it, without openings too."""
    log = HandedOver(tmp_path)
    handover = log.hand_over(SIGNER, SECOND)
    log.state([Handover.make(handover.index, SIGNER, THIRD)])
    log.publish(THIRD)
    assert f"entry {handover.index}: `log.keys` says that it hands the log over, and it does not" in found(log)


@pytest.mark.parametrize(
    ("handovers", "problem"),
    [
        ([NEXT, FIRST], "leads back to a key"),
        ([FIRST, Handover.make(4, SECOND, THIRD)], "of an earlier entry"),
        ([FIRST, Handover.make(5, SIGNER, THIRD)], "not by the key of the one before"),
        ([FIRST, Handover.make(5, SECOND, SIGNER)], "back to a key"),
        (
            [FIRST, Handover.make(5, Signer("other.example/log", bytes(32)), Signer("other.example/log", b"1" * 32))],
            "not by the key",
        ),
    ],
    ids=["in another order", "at the same entry", "twice from one key", "back", "of another log"],
)
def test_handovers_that_do_not_follow_each_other_are_refused(handovers: list[Handover], problem: str) -> None:
    data = join_handovers(handovers)
    with pytest.raises(HandoverError, match=problem):
        parse_handovers(data)
    with pytest.raises(standalone.Wrong):
        standalone.parse_handovers(data, ORIGIN)


def test_no_handover_can_be_taken_for_a_checkpoint() -> None:
    """What a log signs in one form must not be a valid signature of the other."""
    with pytest.raises(ValueError, match="line 2"):
        LogKeys(SIGNER.verifier).checkpoint(FIRST.note)
    with pytest.raises(HandoverError, match="not the five lines"):
        Handover.parse(sign_note(f"{ORIGIN}\n4\nAAAA\n", SIGNER, SECOND))


def test_keys_by_size_change_behind_the_entry_of_the_handover() -> None:
    keys = LogKeys.follow(SIGNER.verifier, join_handovers([FIRST, NEXT]))
    due = [keys.at(size) for size in (0, 4, 5, 9, 10, 1 << 40)]
    assert due == [each.verifier for each in (SIGNER, SIGNER, SECOND, SECOND, THIRD, THIRD)]
    note = sign_note(f"{ORIGIN}\n5\n{'A' * 43}=\n", SIGNER)
    with pytest.raises(NoteError, match="the key to which the log was handed over"):
        keys.checkpoint(note)


@settings(max_examples=40)
@given(st.data())
def test_changed_handovers_are_refused_by_both_verifiers(data: st.DataObject) -> None:
    """Of every byte: changed, cut off or doubled, it leads nowhere, and both programs say so."""
    whole = join_handovers([FIRST, NEXT])
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = data.draw(
        st.sampled_from(
            (whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], whole[:at], whole[:at] + whole[at : at + 1] + whole[at:])
        )
    )
    if changed in (b"", FIRST.note, whole):
        return
    with pytest.raises(HandoverError):
        parse_handovers(changed)
    with pytest.raises(standalone.Wrong):
        standalone.parse_handovers(changed, ORIGIN)


@pytest.mark.parametrize("name", CASES)
def test_both_verifiers_give_the_verdict_that_is_due(name: str, tmp_path: Path) -> None:
    """Of `sluice audit verify` and of `verify.py`; the one in Go is held to the same table where it is built."""
    case = CASES[name]
    folder = case.folder(tmp_path)
    status, said = run_audit("verify", str(folder), tmp_path, key=case.given.vkey())
    assert (status == 0) is case.passes, said
    assert (standalone.main([str(folder), "--key", case.given.vkey()]) == 0) is case.passes


def test_commitment_is_the_same_in_the_verifier_that_rides_in_exports() -> None:
    long = Handover.make(4, Signer("a" * 200, bytes(32)), Signer("a" * 200, b"1" * 32))
    for handover in (FIRST, long):
        assert standalone.handover_commitment(handover.note) == handover_commitment(handover.note)
    assert LogKeyPayload.decode(LogKeyPayload(FIRST.note).encode()).handover == FIRST.note
    assert Kind.KEY.word == "key"
