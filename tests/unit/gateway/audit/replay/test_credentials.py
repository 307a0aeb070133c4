"""Credentials in a replay: honest enrolments are no findings, and each that rests on nothing is one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from consent.core.passkeys.acts import act_challenge
from consent.core.passkeys.codes import paper_sha256
from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import RESTORED, EnrolmentPayload, GapPayload
from tests.support.enrolled import SITE, EnrolledHome, key_sha256, new_passkey, proof_by
from tests.support.gate import Gate
from tests.support.replayed import replayed


@pytest.fixture
def home() -> EnrolledHome:
    """A household that nobody has claimed yet."""
    gate = Gate()
    return EnrolledHome(gate, gate.home())


def problems(home: EnrolledHome) -> list[str]:
    """Return what the replay of the home's log finds."""
    return [finding.problem for finding in replayed(home.gate).findings]


def test_every_honest_way_to_a_credential_is_no_finding_and_is_counted(home: EnrolledHome) -> None:
    """From letter to erasure: two people, a further passkey, a lost phone, and the counter."""
    first, tablet, second, third = (new_passkey() for _ in range(4))
    paper, next_paper, other_paper = (home.new_paper() for _ in range(3))
    home.enrol("letter", first, paper=paper)
    home.add(tablet, by=first)
    partner = home.join()
    home.enrol("invitation", second, resident=partner, paper=other_paper, proof=home.invitation(first))
    home.end(first, tablet)
    home.enrol("recovery", third, paper=next_paper, proof=paper.encode())
    challenge = act_challenge("paper.replace", home.subject, home.residents[0], paper_sha256("ZZZZ-0000-0000-0000"))
    home.enrol("passkey", paper="ZZZZ-0000-0000-0000", proof=proof_by(third, challenge).encode())
    home.end(third, paper=True, by="counter")
    home.enrol("counter", new_passkey(), paper=home.new_paper())
    home.end(second, resident=partner, paper=True, by="left")
    del home.residents[partner]
    home.declare()
    report = replayed(home.gate)
    assert report.findings == []
    assert report.enrolments == {"letter": 1, "passkey": 2, "invitation": 1, "recovery": 1, "counter": 1}
    assert report.credentials_ended == {"resident": 1, "counter": 1, "left": 1}
    assert "passkeys and paper codes enrolled by: counter 1, invitation 1, letter 1, passkey 2, recovery 1" in report.to_text()


def test_paper_code_alone_is_enrolled_by_letter(home: EnrolledHome) -> None:
    home.enrol("letter", paper=home.new_paper())
    assert problems(home) == []


def second_letter(home: EnrolledHome) -> str:
    """Enrol the operator's own passkey as if the letter had come again."""
    home.enrol("letter", new_passkey())
    return "enrolled by letter in a household that had a credential"


def letter_after_everything_ended(home: EnrolledHome) -> str:
    """The first letter counts once, also where nothing is left of it."""
    home.end(_FIRST, paper=True)
    home.enrol("letter", new_passkey())
    return "enrolled by letter in a household that had a credential"


def stranger(home: EnrolledHome) -> str:
    """Enrol a resident whom nobody let in."""
    home.residents.append(b"s" * 16)
    home.enrol("invitation", new_passkey(), resident=1, proof=home.invitation(_FIRST))
    return "enrols somebody whom the log has not let into the household"


def counter_beside(home: EnrolledHome) -> str:
    """Enrol by the counter while the resident's passkey goes on."""
    home.enrol("counter", new_passkey())
    return "enrolled by the counter beside credentials that were not ended"


def counter_beside_paper(home: EnrolledHome) -> str:
    """The same beside the paper code alone."""
    home.end(_FIRST)
    home.enrol("counter", new_passkey())
    return "enrolled by the counter beside credentials that were not ended"


def counter_beside_passkey(home: EnrolledHome) -> str:
    """The same beside a passkey alone."""
    home.end(paper=True)
    home.enrol("counter", new_passkey())
    return "enrolled by the counter beside credentials that were not ended"


def added_without_proof(home: EnrolledHome) -> str:
    """Add a passkey on nobody's word."""
    home.enrol("passkey", new_passkey())
    return "a passkey's proof is not cbor"


def added_by_itself(home: EnrolledHome) -> str:
    """Let the operator's passkey vouch for itself."""
    planted = new_passkey()
    home.add(planted, by=planted)
    return "enrolled by a passkey that the log does not show to be the resident's"


def added_for_another_key(home: EnrolledHome) -> str:
    """Use a proof that was for another passkey."""
    challenge = act_challenge("passkey.add", home.subject, home.residents[0], key_sha256(new_passkey()))
    home.enrol("passkey", new_passkey(), proof=proof_by(_FIRST, challenge).encode())
    return "the passkey answered another challenge"


def added_by_one_that_ended(home: EnrolledHome) -> str:
    """A stolen phone's passkey, which was ended, adds another."""
    home.end(_FIRST)
    home.add(new_passkey(), by=_FIRST)
    return "enrolled by a passkey that the log does not show to be the resident's"


def added_by_somebody_else(home: EnrolledHome) -> str:
    """A resident's passkey adds one for another resident."""
    partner = home.join()
    home.add(new_passkey(), by=_FIRST, resident=partner)
    return "enrolled by a passkey that the log does not show to be the resident's"


def added_with_paper(home: EnrolledHome) -> str:
    """Slip a paper code in beside the passkey that was proved."""
    passkey = new_passkey()
    challenge = act_challenge("passkey.add", home.subject, home.residents[0], key_sha256(passkey))
    home.enrol("passkey", passkey, paper=home.new_paper(), proof=proof_by(_FIRST, challenge).encode())
    return "adds a passkey and a paper code by one proof"


def added_for_another_site(home: EnrolledHome) -> str:
    """A proof that was made at another site."""
    elsewhere = new_passkey("https://other.example", "other.example")
    elsewhere._key = _FIRST._key
    challenge = act_challenge("passkey.add", home.subject, home.residents[0], key_sha256(passkey := new_passkey()))
    home.enrol("passkey", passkey, proof=proof_by(elsewhere, challenge).encode())
    return "the passkey is for another site"


def invited_by_nobody(home: EnrolledHome) -> str:
    """Invite somebody without anyone's passkey."""
    home.enrol("invitation", new_passkey(), resident=home.join(), proof=home.invitation(new_passkey()))
    return "enrolled by a passkey that the log does not show to be somebody else's in the household"


def invited_twice(home: EnrolledHome) -> str:
    """Use one invitation for two people."""
    proof = home.invitation(_FIRST)
    for _ in range(2):
        home.enrol("invitation", new_passkey(), resident=home.join(), proof=proof)
    return "invited by a claim code that was used before"


def invited_again(home: EnrolledHome) -> str:
    """Invite somebody who was there before: who has lost everything goes to the counter."""
    partner = home.join()
    home.enrol("invitation", second := new_passkey(), resident=partner, proof=home.invitation(_FIRST))
    home.end(second, resident=partner)
    home.enrol("invitation", new_passkey(), resident=partner, proof=home.invitation(_FIRST, nonce=bytes(16)))
    return "invites somebody who had a credential before"


def invited_by_oneself(home: EnrolledHome) -> str:
    """Let the one who comes in invite themselves."""
    partner = home.join()
    planted = new_passkey()
    home.enrol("invitation", planted, resident=partner, proof=home.invitation(planted, inviting=partner))
    return "enrolled by a passkey that the log does not show to be somebody else's in the household"


def invited_by_another_code(home: EnrolledHome) -> str:
    """Claim another code than was signed."""
    home.enrol("invitation", new_passkey(), resident=home.join(), proof=b"hash of another!" + home.invitation(_FIRST)[16:])
    return "the passkey answered another challenge"


def recovered_by_a_made_up_code(home: EnrolledHome) -> str:
    """Recover by a code that the log never knew."""
    home.enrol("recovery", new_passkey(), proof=b"ZZZZ-ZZZZ-ZZZZ-ZZZZ")
    return "recovered by a paper code that the log does not show to be the resident's"


def recovered_by_noise(home: EnrolledHome) -> str:
    """Recover by what is no code."""
    home.enrol("recovery", new_passkey(), proof=b"\xff")
    return "recovered by a paper code that the log does not show to be the resident's"


def recovered_twice(home: EnrolledHome) -> str:
    """Use a paper code again that was used up."""
    for _ in range(2):
        home.enrol("recovery", new_passkey(), proof=b"0000-0000-0000-0001")
    return "recovered by a paper code that the log does not show to be the resident's"


def recovered_without_a_passkey(home: EnrolledHome) -> str:
    """Replace a paper code by itself."""
    home.enrol("recovery", paper=home.new_paper(), proof=b"0000-0000-0000-0001")
    return "a recovery that enrols no passkey"


def same_passkey_again(home: EnrolledHome) -> str:
    """One passkey in two households: nobody's authenticator makes the same key twice."""
    other = EnrolledHome(home.gate, home.gate.home())
    before = other.enrol("letter", passkey := new_passkey())
    EnrolledHome(home.gate, home.gate.home()).enrol("letter", passkey)
    return f"the passkey was enrolled before, by entry `{before}`"


def nothing_enrolled(home: EnrolledHome) -> str:
    """An enrolment of nothing."""
    EnrolledHome(home.gate, home.gate.home()).enrol("letter")
    return "enrols nothing that is a passkey or a paper code"


def half_a_hash(home: EnrolledHome) -> str:
    """An enrolment of something that is no hash."""
    other = EnrolledHome(home.gate, home.gate.home())
    other.log(EnrolmentPayload(other.subject, other.residents[0], "letter", bytes(31), SITE, b"", b""))
    return "enrols nothing that is a passkey or a paper code"


def passkey_for_no_site(home: EnrolledHome) -> str:
    """A passkey that could be for any site."""
    EnrolledHome(home.gate, home.gate.home()).enrol("letter", new_passkey(), site="")
    return "a passkey is for a site, and a paper code is not"


def letter_with_proof(home: EnrolledHome) -> str:
    """A letter proves nothing."""
    EnrolledHome(home.gate, home.gate.home()).enrol("letter", new_passkey(), proof=b"whatever")
    return "an enrolment by `letter` has no proof"


def ended_of_nobody(home: EnrolledHome) -> str:
    """End what is not there."""
    home.end(new_passkey())
    return "ends a passkey that the log does not show to be the resident's"


def ended_of_another(home: EnrolledHome) -> str:
    """End somebody else's passkey in one's own name."""
    home.end(_FIRST, resident=home.join())
    return "ends a passkey that the log does not show to be the resident's"


def ended_paper_of_nobody(home: EnrolledHome) -> str:
    """End a paper code that is not there."""
    home.end(paper=True)
    home.end(paper=True)
    return "ends a paper code that the log does not show to be the resident's"


def enrolled_after_erasure(home: EnrolledHome) -> str:
    """Enrol a household that is gone."""
    home.gate.erase(home.device)
    home.enrol("counter", new_passkey())
    return "is about a subject that was erased"


def unknown_way(home: EnrolledHome) -> str:
    """A way to a credential that there is not."""
    home.enrol("telepathy", new_passkey())
    return "not a payload of kind `enrolment`: Invalid enum value 'telepathy' - at `$.how`"


_FIRST = new_passkey()
_PLANTS: tuple[Callable[[EnrolledHome], str], ...] = (
    second_letter,
    letter_after_everything_ended,
    stranger,
    counter_beside,
    counter_beside_paper,
    counter_beside_passkey,
    added_without_proof,
    added_by_itself,
    added_for_another_key,
    added_by_one_that_ended,
    added_by_somebody_else,
    added_with_paper,
    added_for_another_site,
    invited_by_nobody,
    invited_twice,
    invited_again,
    invited_by_oneself,
    invited_by_another_code,
    recovered_by_a_made_up_code,
    recovered_by_noise,
    recovered_twice,
    recovered_without_a_passkey,
    same_passkey_again,
    nothing_enrolled,
    half_a_hash,
    passkey_for_no_site,
    letter_with_proof,
    ended_of_nobody,
    ended_of_another,
    ended_paper_of_nobody,
    enrolled_after_erasure,
    unknown_way,
)


@pytest.mark.parametrize("plant", _PLANTS)
def test_planted_enrolment_is_found(home: EnrolledHome, plant: Callable[[EnrolledHome], str]) -> None:
    home.enrol("letter", _FIRST, paper=home.new_paper())
    assert problems(home) == []
    expected = plant(home)
    assert problems(home) == [expected]


def test_passkey_of_somebody_who_left_vouches_for_nothing(home: EnrolledHome) -> None:
    home.enrol("letter", _FIRST)
    partner = home.join()
    home.enrol("invitation", second := new_passkey(), resident=partner, proof=home.invitation(_FIRST))
    left = home.residents.pop(0)
    home.declare()
    home.residents = [home.residents[0], left]
    home.add(new_passkey(), by=_FIRST, resident=1)
    assert "enrolled by a passkey that the log does not show to be the resident's" in problems(home)
    home.add(new_passkey(), by=second, resident=0)
    assert len(problems(home)) == 2


def test_erased_enrolments_are_accounted_for(home: EnrolledHome) -> None:
    """Their openings are parts like those of consents: emptied by the erasure, and named by it."""
    home.enrol("letter", _FIRST, paper=home.new_paper())
    home.end(_FIRST)
    home.gate.erase(home.device)
    report = replayed(home.gate)
    assert report.findings == []
    assert report.erased_parts == report.erasures_account_for == 2


def test_withheld_opening_of_an_enrolment_is_missing_and_counted(home: EnrolledHome) -> None:
    index = home.enrol("letter", _FIRST)
    openings = {number: opening for number, opening in home.gate.openings.items() if number != index}
    report = replayed(home.gate, openings=openings)
    assert [finding.problem for finding in report.findings] == ["the opening of the key is missing"]
    assert report.unopened_keys == 1


def test_counter_enrols_beside_what_a_backup_did_not_know(home: EnrolledHome) -> None:
    """A gateway that was restored has lost the passkeys made since, and cannot end them by name."""
    home.enrol("letter", _FIRST, paper=home.new_paper())
    home.gate.state.log.append_entry(
        Kind.GAP, home.gate.now_ms, home.gate.state.log.one_part(GapPayload(RESTORED, "", "unknown").encode())
    )
    home.enrol("counter", new_passkey(), paper=home.new_paper())
    assert problems(home) == []
    home.enrol("counter", new_passkey())
    assert problems(home) == ["enrolled by the counter beside credentials that were not ended"]
