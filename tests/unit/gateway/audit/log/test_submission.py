"""The judgement of a witness: every status of the protocol, and that nothing but a right request ever moves it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.cosignature import Cosigner, cosignatures_in, with_signatures
from gateway.audit.log.handover import Handover, join_handovers
from gateway.audit.log.merkle import EMPTY_ROOT
from gateway.audit.log.notes import KeyFormatError, Signer, Verifier, open_note, sign_note, split_note
from gateway.audit.log.submission import SIZE_TYPE, Answer, LogWitness, Seen, SeenError, Submission, origin_hash
from tests.support.growing_log import GrowingLog

_KEY = Signer("gw.example/log", bytes(range(32)))
_NEW_KEY = Signer("gw.example/log", bytes(range(5, 37)))
_STRANGER = Signer("gw.example/log", bytes(range(9, 41)))
_COSIGNER = Cosigner("witness.example", bytes(range(1, 33)))
_NOW_S = 1_800_000_000


class _Desk:
    """A witness with its memory, which it is handed like a faithful edge would."""

    def __init__(self, *logs: Verifier) -> None:
        self.witness = LogWitness(_COSIGNER, logs or [_KEY.verifier])
        self.seen: dict[str, Seen] = {}

    def submit(self, request: bytes, now_s: int = _NOW_S) -> Answer:
        answer = self.witness.add_checkpoint(request, self.seen, now_s)
        assert (answer.seen is not None) == (answer.status == 200)
        if answer.seen is not None:
            self.seen[_KEY.name] = answer.seen
        return answer

    @property
    def size(self) -> int | None:
        return self.seen[_KEY.name].size if self.seen else None


def _desk_at(log: GrowingLog, size: int) -> _Desk:
    desk = _Desk()
    assert desk.submit(log.request(0, size)).status == 200
    return desk


def test_first_checkpoint_is_cosigned_without_proof() -> None:
    """200, one line, a cosignature of the second of the request over exactly this checkpoint."""
    log, desk = GrowingLog(_KEY, 5), _Desk()
    answer = desk.submit(log.request(0))
    assert (answer.status, answer.body.count(b"\n")) == (200, 1)
    (cosignature,) = cosignatures_in(log.note() + answer.body, [_COSIGNER.verifier])
    assert cosignature.cosigned_s == _NOW_S


@pytest.mark.parametrize("sizes", [(1, 2), (1, 2, 3, 4, 5, 6, 7, 8), (3, 7, 300), (8, 16), (255, 256, 257), (5, 5, 5)])
def test_growth_with_proof_is_cosigned(sizes: tuple[int, ...]) -> None:
    """Each step from the one before, full trees and others."""
    log, desk, old = GrowingLog(_KEY, max(sizes)), _Desk(), 0
    for size in sizes:
        assert desk.submit(log.request(old, size)).status == 200
        old = size
        assert desk.size == size


def test_same_size_submitted_again_is_cosigned_again_with_a_new_time() -> None:
    """So a log whose answer was lost gets it after all."""
    log = GrowingLog(_KEY, 5)
    desk = _desk_at(log, 5)
    answer = desk.submit(log.request(5), _NOW_S + 60)
    assert answer.status == 200
    assert cosignatures_in(log.note() + answer.body, [_COSIGNER.verifier])[0].cosigned_s == _NOW_S + 60
    assert desk.seen[_KEY.name].time_s == _NOW_S + 60


def test_empty_log_is_cosigned_and_grows_from_there_without_proof() -> None:
    """Old 0 is right as long as the log is empty, however often it was seen."""
    log, desk = GrowingLog(_KEY), _Desk()
    assert desk.submit(log.request(0)).status == 200
    assert desk.submit(log.request(0)).status == 200
    assert desk.size == 0
    log.grow(3)
    assert desk.submit(log.request(0)).status == 200
    assert desk.size == 3


def test_empty_log_with_a_root_is_unprocessable() -> None:
    """422: the root of nothing is fixed."""
    note = sign_note(Checkpoint(_KEY.name, 0, bytes(32)).text(), _KEY)
    desk = _Desk()
    assert desk.submit(b"old 0\n\n" + note).status == 422
    assert desk.submit(b"old 0\n\n" + sign_note(Checkpoint(_KEY.name, 0, EMPTY_ROOT).text(), _KEY)).status == 200


@pytest.mark.parametrize(("old", "answered"), [(0, b"5\n"), (4, b"5\n"), (6, b"5\n"), (7, b"5\n")])
def test_old_size_that_is_not_the_last_is_a_conflict_naming_it(old: int, answered: bytes) -> None:
    """409 with the size, in its own media type; earlier, later and none at all."""
    log = GrowingLog(_KEY, 7)
    desk = _desk_at(log, 5)
    answer = desk.submit(log.request(old))
    assert (answer.status, answer.body, answer.content_type) == (409, answered, SIZE_TYPE) == (409, b"5\n", "text/x.tlog.size")


def test_old_size_on_a_log_never_seen_is_a_conflict_naming_zero() -> None:
    """A witness that never cosigned stands at zero."""
    assert _Desk().submit(GrowingLog(_KEY, 5).request(3)).body == b"0\n"


def test_old_size_beyond_the_checkpoint_is_malformed() -> None:
    """400, before anything else is compared."""
    log = GrowingLog(_KEY, 5)
    desk = _desk_at(log, 5)
    assert desk.submit(log.request(6)).status == 400
    assert desk.submit(log.request(5, 3, proof=[])).status == 400


def test_rollback_is_refused() -> None:
    """A smaller checkpoint cannot be told from its own old size: 409 names what was seen."""
    log = GrowingLog(_KEY, 9)
    desk = _desk_at(log, 9)
    assert desk.submit(log.request(5, 6)).body == b"9\n"
    assert desk.submit(log.request(0, 6)).body == b"9\n"
    assert desk.size == 9


@pytest.mark.parametrize("size", [5, 6, 9, 16])
def test_split_view_is_refused(size: int) -> None:
    """422: another history of the same log cannot be proven to continue this one, with the key and all."""
    log, other = GrowingLog(_KEY, 20), GrowingLog(_KEY, 20, history="other ")
    desk = _desk_at(log, 5)
    assert desk.submit(other.request(5, size)).status == 422
    assert desk.size == 5
    assert desk.submit(log.request(5, 20)).status == 200


def test_split_view_of_one_size_is_a_contradiction_to_keep() -> None:
    """Two signed roots for one size are proof against the log; a bad proof alone is none."""
    log, other = GrowingLog(_KEY, 7), GrowingLog(_KEY, 7, history="other ")
    desk = _desk_at(log, 5)
    assert desk.submit(other.request(5, 5)).contradiction
    assert not desk.submit(other.request(5, 7)).contradiction
    assert not desk.submit(log.request(5, 5, proof=[bytes(32)])).contradiction


@pytest.mark.parametrize("change", ["none", "short", "long", "flipped", "shuffled"])
def test_proof_that_does_not_hold_is_unprocessable(change: str) -> None:
    """422, and the state stands."""
    log = GrowingLog(_KEY, 7)
    desk = _desk_at(log, 3)
    right = log.consistency(3, 7)
    proofs = {
        "none": [],
        "short": right[:-1],
        "long": [*right, bytes(32)],
        "flipped": [bytes([right[0][0] ^ 1]) + right[0][1:], *right[1:]],
        "shuffled": right[::-1],
    }
    assert desk.submit(log.request(3, proof=proofs[change])).status == 422
    assert desk.size == 3
    assert desk.submit(log.request(3, proof=right)).status == 200


def test_proof_from_nothing_is_unprocessable() -> None:
    """422: what comes after nothing needs no proof, and none is read as one."""
    assert _Desk().submit(GrowingLog(_KEY, 5).request(0, proof=[bytes(32)])).status == 422


def test_proof_for_the_same_size_is_unprocessable() -> None:
    """422: there is nothing to prove."""
    log = GrowingLog(_KEY, 5)
    assert _desk_at(log, 5).submit(log.request(5, proof=[bytes(32)])).status == 422


def test_log_that_is_not_witnessed_is_not_found() -> None:
    """404, signed or not."""
    other = GrowingLog(Signer("other.example", bytes(32)), 5)
    assert _Desk().submit(other.request(0)).status == 404


def test_signature_of_another_key_is_forbidden() -> None:
    """403: the name is the log's, the key is not."""
    assert _Desk().submit(GrowingLog(_STRANGER, 5).request(0)).status == 403


def test_signature_that_is_wrong_is_forbidden() -> None:
    """403: a trusted key's line over another text, also beside a good line of its second key."""
    log = GrowingLog(_KEY, 5)
    wrong = log.note().replace(b"\n5\n", b"\n6\n")
    assert _Desk().submit(b"old 0\n\n" + wrong).status == 403
    (by_new_key,) = split_note(sign_note(split_note(wrong)[0], _NEW_KEY))[1]
    desk = _Desk(_KEY.verifier, _NEW_KEY.verifier)
    assert desk.submit(b"old 0\n\n" + with_signatures(wrong, [by_new_key])).status == 403


def test_note_with_several_signatures_counts_the_trusted_and_keeps_only_those() -> None:
    """Sixteen lines of strangers are no obstacle, and are not stored."""
    log = GrowingLog(_KEY, 5)
    strangers = [Signer(f"stranger{i}.example", bytes([i]) * 32) for i in range(16)]
    answer = _Desk().submit(b"old 0\n\n" + log.note(None, *strangers, _STRANGER))
    assert answer.seen is not None
    assert [one.name for one in split_note(answer.seen.note)[1]] == ["gw.example/log", "witness.example"]


def test_note_by_two_keys_of_a_log_is_cosigned_and_kept_with_both() -> None:
    """A log that changes keys signs with both for a while."""
    log, desk = GrowingLog(_KEY, 5), _Desk(_KEY.verifier, _NEW_KEY.verifier)
    answer = desk.submit(b"old 0\n\n" + log.note(None, _NEW_KEY))
    assert answer.seen is not None
    assert len(open_note(answer.seen.note, [_KEY.verifier, _NEW_KEY.verifier, _COSIGNER.verifier]).verified) == 3


def test_note_cosigned_already_is_cosigned_and_kept_with_one_cosignature() -> None:
    """A log may send what it has collected so far, the witness's own earlier line included."""
    log = GrowingLog(_KEY, 5)
    desk = _desk_at(log, 5)
    answer = desk.submit(b"old 5\n\n" + desk.seen[_KEY.name].note, _NOW_S + 9)
    assert answer.seen is not None
    assert [one.cosigned_s for one in cosignatures_in(answer.seen.note, [_COSIGNER.verifier])] == [_NOW_S + 9]


def test_extension_lines_are_cosigned_as_they_stand() -> None:
    """The witness says nothing of them, and signs the whole text all the same."""
    plain = GrowingLog(_KEY, 5).checkpoint()
    note = sign_note(Checkpoint(plain.origin, plain.size, plain.root, ("more",)).text(), _KEY)
    answer = _Desk().submit(b"old 0\n\n" + note)
    assert cosignatures_in(note + answer.body, [_COSIGNER.verifier])


_GOOD = GrowingLog(_KEY, 5).request(0)
_HASH = base64.b64encode(bytes(32))


@pytest.mark.parametrize(
    "request_",
    [
        b"", b"\n", b"\n\n", b"old 0\n", b"old 0\n\n", _GOOD[1:], _GOOD[:-1],
        _GOOD.replace(b"old 0", b"old 00"), _GOOD.replace(b"old 0", b"old -1"), _GOOD.replace(b"old 0", b"old  0"),
        _GOOD.replace(b"old 0", b"old"), _GOOD.replace(b"old 0", b"Old 0"), _GOOD.replace(b"old 0", b"old " + b"9" * 20),
        _GOOD.replace(b"old 0", "old ٠".encode()), _GOOD.replace(b"old 0\n", b"old 0\r\n"), _GOOD.replace(b"old 0", b"old 0 "),
        _GOOD.replace(b"old 0\n", b"old 0\n" + (_HASH + b"\n") * 64),
        _GOOD.replace(b"old 0\n", b"old 0\n!\n"), _GOOD.replace(b"old 0\n", b"old 0\nAAAA\n"),
        _GOOD.replace(b"old 0\n", b"old 0\n" + _HASH[:-2] + b"B=\n"), _GOOD.replace(b"old 0\n", b"old 0\n " + _HASH + b"\n"),
        _GOOD.replace(b"\n5\n", b"\n05\n"), _GOOD.replace(b"gw.example/log\n5", b"\n5"), _GOOD.replace(b"gw", b"\xff"),
        _GOOD + b"no signature line\n",
    ],
)  # fmt: skip
def test_request_malformed_is_a_bad_request(request_: bytes) -> None:
    """400 for each rule of the format that is broken."""
    desk = _Desk()
    assert desk.submit(request_).status == 400
    assert desk.size is None


def test_proof_of_63_lines_is_read() -> None:
    """The most that a tree of 2^63 can need; here it is merely wrong."""
    log = GrowingLog(_KEY, 5)
    assert _desk_at(log, 3).submit(log.request(3, proof=[bytes(32)] * 63)).status == 422


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_garbage_never_crashes_and_never_advances(garbage: bytes) -> None:
    """Whatever comes, alone or around a real note."""
    log = GrowingLog(_KEY, 7)
    desk = _desk_at(log, 5)
    for request in (garbage, b"old 5\n" + garbage, b"old 5\n\n" + garbage, garbage + log.note(), log.request(5) + garbage):
        if request != log.request(5):
            assert desk.submit(request).status in (400, 403, 404, 409, 422)
            assert desk.size == 5


@settings(max_examples=150, deadline=None)
@given(position=st.integers(0, 1000), bit=st.integers(0, 7))
def test_request_with_any_bit_flipped_is_refused(position: int, bit: int) -> None:
    """No byte of a request is without effect."""
    log = GrowingLog(_KEY, 7)
    desk, request = _desk_at(log, 5), bytearray(log.request(5))
    request[position % len(request)] ^= 1 << bit
    assert desk.submit(bytes(request)).status in (400, 403, 404, 409, 422)
    assert desk.size == 5


class _AnyLogs(RuleBasedStateMachine):
    """A log with two faces and one key asks for whatever it likes, in any order; the witness takes part in one history."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = _Desk()
        self.faces = [GrowingLog(_KEY, 40), GrowingLog(_KEY, 40, history="other ")]
        self.cosigned: list[Checkpoint] = []

    @rule(face=st.integers(0, 1), old=st.integers(0, 40), size=st.integers(0, 40))
    def submit(self, face: int, old: int, size: int) -> None:
        """Ask with the proof that would be right."""
        if self.desk.submit(self.faces[face].request(old, size)).status == 200:
            self.cosigned.append(self.faces[face].checkpoint(size))

    @rule(face=st.integers(0, 1), size=st.integers(0, 40))
    def grow(self, face: int, size: int) -> None:
        """Ask as a log does that knows where the witness stands."""
        self.submit(face, self.desk.size or 0, size)

    @invariant()
    def one_history(self) -> None:
        """All that was ever cosigned are states of one log, in order."""
        sizes = [checkpoint.size for checkpoint in self.cosigned]
        assert sizes == sorted(sizes)
        assert any(all(face.checkpoint(one.size) == one for one in self.cosigned) for face in self.faces)


_AnyLogs.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestAnyLogs = _AnyLogs.TestCase


def test_seen_is_read_back_from_its_note() -> None:
    """What is stored is the cosigned checkpoint and nothing beside it."""
    log = GrowingLog(_KEY, 5)
    seen = _desk_at(log, 5).seen[_KEY.name]
    assert Seen.parse(seen.note, _KEY.name, _COSIGNER.verifier) == seen
    assert (seen.size, seen.root, seen.time_s) == (5, log.checkpoint().root, _NOW_S)


def test_seen_that_this_witness_did_not_cosign_so_is_refused() -> None:
    """Another size, another log, another witness, no cosignature, no note."""
    log = GrowingLog(_KEY, 5)
    note = _desk_at(log, 5).seen[_KEY.name].note
    other = Cosigner("witness.example", bytes(32)).verifier
    for data, origin, witness in (
        (note.replace(b"\n5\n", b"\n4\n"), _KEY.name, _COSIGNER.verifier),
        (note, "other.example", _COSIGNER.verifier),
        (note, _KEY.name, other),
        (log.note(), _KEY.name, _COSIGNER.verifier),
        (note[:-20], _KEY.name, _COSIGNER.verifier),
        (b"", _KEY.name, _COSIGNER.verifier),
    ):
        with pytest.raises(SeenError):
            Seen.parse(data, origin, witness)


def test_submission_is_read_back_the_same() -> None:
    """The client's writer and the witness's reader are two sides of one format."""
    log = GrowingLog(_KEY, 7)
    for request in (log.request(0), log.request(3), log.request(7)):
        assert Submission.parse(request).encode() == request


def test_witness_takes_no_witness_for_a_log() -> None:
    """A cosignature key signs no logs."""
    with pytest.raises(KeyFormatError):
        LogWitness(_COSIGNER, [_COSIGNER.verifier])


def test_origin_hash_is_the_one_in_the_paths_of_others() -> None:
    """As another witness has named the folder of the same log."""
    assert origin_hash("rome2026h1.example.org") == "000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706"


_HANDOVER = Handover.make(6, _KEY, _NEW_KEY)


def test_handed_over_log_is_cosigned_under_the_new_key_alone() -> None:
    """Before the handover is known the new key is a stranger's; afterwards the former is, for what lies behind it."""
    log, desk = GrowingLog(_KEY, 9), _desk_at(GrowingLog(_KEY, 9), 5)
    new = log.note(9, _NEW_KEY).replace(log.note(9).splitlines(keepends=True)[-1], b"")
    request = log.request(5).replace(log.note(9), new)
    assert desk.submit(request).status == 403
    answer = desk.witness.add_log_keys(_HANDOVER.note)
    assert (answer.status, answer.origin, answer.handovers) == (200, _KEY.name, _HANDOVER.note)
    assert desk.submit(log.request(5, 7)).status == 403, "the former key goes on behind the handover"
    assert desk.submit(log.request(5, 6)).status == 200, "what it signed up to the handover counts"
    assert desk.submit(request.replace(b"old 5", b"old 6")).status in (200, 422)
    known = desk.witness.add_log_keys(_HANDOVER.note)
    assert (known.status, known.handovers) == (200, None), "said again it moves nothing"


@pytest.mark.parametrize(
    ("handovers", "status"),
    [
        ([Handover.make(6, _STRANGER, _NEW_KEY)], 403),
        ([Handover.make(6, Signer("other.example/log", bytes(32)), Signer("other.example/log", b"1" * 32))], 404),
        ([_HANDOVER, Handover.make(8, _NEW_KEY, _KEY)], 400),
        ([], 404),
    ],
    ids=["by a stranger", "of a log that is not witnessed", "back to an earlier key", "nothing"],
)
def test_handover_that_leads_nowhere_moves_no_witness(handovers: list[Handover], status: int) -> None:
    desk = _desk_at(GrowingLog(_KEY, 9), 5)
    assert desk.witness.add_log_keys(join_handovers(handovers)).status == status
    assert desk.submit(GrowingLog(_KEY, 9).request(5)).status == 200


def test_second_way_on_from_one_key_is_refused() -> None:
    """Two heirs of one key: the first that was shown is the log's, and the other one a fork."""
    desk = _desk_at(GrowingLog(_KEY, 9), 5)
    assert desk.witness.add_log_keys(_HANDOVER.note).status == 200
    assert desk.witness.add_log_keys(Handover.make(6, _KEY, _STRANGER).note).status == 409
    further = join_handovers([_HANDOVER, Handover.make(8, _NEW_KEY, _STRANGER)])
    assert desk.witness.add_log_keys(further).status == 200
