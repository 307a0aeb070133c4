"""Records of consent in a replay: what a resident has signed counts, what nobody vouches for is found, all by its channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from consent.core.consents.records import COUNTER, PASSKEY, SESSION, Consent, Status, signing_bytes
from consent.core.disclosure import TOP, Disclosure, Space, Time
from consent.core.lifecycle import steps
from consent.core.passkeys.proof import Proof
from gateway.audit.log.notes import Signer
from gateway.audit.replay.report import ReplayReport
from tests.support.enrolled import ADDRESS, EnrolledHome, new_passkey, proof_by, signed_by
from tests.support.gate import DAY_MS, MINUTE_MS, Gate, limited
from tests.support.replayed import replayed
from tests.support.virtual_passkey import UP, VirtualPasskey

_FIRST = new_passkey()
_PAPER = "0000-0000-0000-0001"
DISTRICT = limited(space=Space.DISTRICT)


@pytest.fixture
def home() -> EnrolledHome:
    """A household that has come in by its letter."""
    gate = Gate()
    home = EnrolledHome(gate, gate.home())
    home.enrol("letter", _FIRST, paper=home.new_paper())
    return home


def grant(home: EnrolledHome, limits: Disclosure = TOP, expiry_ms: int | None = None, resident: int = 0) -> Consent:
    """Return the record of a yes, unsigned."""
    return steps.grant(home.gate.speaker(home.device, resident), home.gate.state.policies, "hourly", limits, expiry_ms)


def found(home: EnrolledHome) -> list[str]:
    """Return what the replay of the home's log finds."""
    return [finding.problem for finding in replayed(home.gate).findings]


def test_everything_that_residents_say_is_no_finding_and_is_counted_by_what_it_rests_on(home: EnrolledHome) -> None:
    gate = home.gate
    gate.say(signed_by(_FIRST, grant(home)))
    gate.now_ms += MINUTE_MS
    home.add(tablet := new_passkey(), by=_FIRST)
    gate.say(replace(grant(home, DISTRICT), channel=SESSION))
    gate.now_ms += MINUTE_MS
    gate.say(*[replace(record, channel=SESSION) for record in steps.pause(gate.speaker(home.device), "hourly")])
    gate.now_ms += MINUTE_MS
    (resumed,) = steps.resume(gate.speaker(home.device), gate.state.policies, "hourly")
    gate.say(signed_by(tablet, resumed))
    gate.now_ms += MINUTE_MS
    gate.say(replace(steps.withdraw(gate.speaker(home.device), "hourly"), channel=SESSION))
    gate.now_ms += MINUTE_MS
    gate.say(replace(grant(home), channel=COUNTER))
    gate.home("hourly")
    report = replayed(gate)
    assert report.findings == []
    assert report.grants == {PASSKEY: 2, SESSION: 1, COUNTER: 1, "operator": 1}
    assert report.by_enrolment == {"letter": 1, "passkey": 1}
    assert report.by_origin == {"letter": 2}
    assert report.beside_passkeys == 1
    text = report.to_text()
    assert "permissions: 5; 2 signed by a resident's passkey, 1 that told no more than before" in text
    assert "1 on the operator's word, 1 on the counter's" in text
    assert "passkeys of those enrolled by: letter 1, passkey 1; going back to: letter 2" in text
    assert "by operator or counter for residents who had a passkey: 1" in text
    said = report.as_json()
    assert said["grants_by_enrolment"] == {"letter": 1, "passkey": 1}
    assert said["grants_by_origin"] == {"letter": 2}


def test_yes_by_a_passkey_of_the_counter_and_of_what_it_added_goes_back_to_the_counter(home: EnrolledHome) -> None:
    home.end(_FIRST, paper=True, by="counter")
    home.enrol("counter", planted := new_passkey())
    home.add(other := new_passkey(), by=planted)
    home.gate.say(signed_by(other, grant(home)))
    report = replayed(home.gate)
    assert report.findings == []
    assert (report.by_enrolment, report.by_origin) == ({"passkey": 1}, {"counter": 1})


# forged


def unenrolled(home: EnrolledHome) -> str:
    """The operator signs with a passkey of their own."""
    home.gate.say(signed_by(new_passkey(), grant(home)))
    return "the record is signed by a passkey that the log does not show to be the resident's"


def ended(home: EnrolledHome) -> str:
    """Whoever has found a phone signs with the passkey that was ended."""
    home.end(_FIRST)
    home.gate.say(signed_by(_FIRST, grant(home)))
    return "the record is signed by a passkey that the log does not show to be the resident's"


def by_another_resident(home: EnrolledHome) -> str:
    """One resident answers for another."""
    home.join()
    home.gate.say(signed_by(_FIRST, grant(home, resident=1)))
    return "the record is signed by a passkey that the log does not show to be the resident's"


def by_another_household(home: EnrolledHome) -> str:
    """A neighbour answers for the household."""
    other = EnrolledHome(home.gate, home.gate.home())
    other.enrol("letter", neighbour := new_passkey())
    home.gate.say(signed_by(neighbour, grant(home)))
    return "the record is signed by a passkey that the log does not show to be the resident's"


def changed_after_signing(home: EnrolledHome) -> str:
    """The operator widens what was signed."""
    signed = signed_by(_FIRST, grant(home, DISTRICT))
    home.gate.say(replace(signed, limits=TOP))
    return "the passkey answered another challenge"


def log_key_in_place_of_a_passkey(home: EnrolledHome) -> str:
    """The log's key signs in the resident's name."""
    home.gate.say(replace(grant(home), channel=PASSKEY))
    return "a passkey's proof is not cbor"


def without_the_person(home: EnrolledHome) -> str:
    """The phone lay there, and nobody unlocked it."""
    said = replace(grant(home), channel=PASSKEY)
    careless = VirtualPasskey(ADDRESS, _FIRST.relying_party, flags=UP)
    careless._key = _FIRST._key
    home.gate.say(said.signed(proof_by(careless, sha256(signing_bytes(said)).digest()).encode()))
    return "the passkey did not ask who is there"


def at_another_site(home: EnrolledHome) -> str:
    """The person was asked by another site, for which the same key answered."""
    said = replace(grant(home), channel=PASSKEY)
    elsewhere = VirtualPasskey("https://other.example", "other.example")
    elsewhere._key = _FIRST._key
    home.gate.say(said.signed(proof_by(elsewhere, sha256(signing_bytes(said)).digest()).encode()))
    return "the passkey is for another site"


def broken_signature(home: EnrolledHome) -> str:
    """A proof in which one piece is made up."""
    signed = signed_by(_FIRST, grant(home))
    proof = Proof.decode(signed.signature)
    last = proof.said.signature[-1]
    made_up = replace(proof, said=replace(proof.said, signature=proof.said.signature[:-1] + bytes([last ^ 1])))
    home.gate.say(signed.signed(made_up.encode()))
    return "the passkey has not signed this"


def session_that_tells_more(home: EnrolledHome) -> str:
    """A portal that was taken over says yes for whoever is signed in."""
    home.gate.say(replace(grant(home), channel=SESSION))
    return "the record tells more than what was in force, and no passkey has signed it"


def session_that_tells_longer(home: EnrolledHome) -> str:
    """It lets a yes go on beyond its day."""
    home.gate.say(signed_by(_FIRST, grant(home, expiry_ms=home.gate.now_ms + DAY_MS)))
    home.gate.say(replace(grant(home, expiry_ms=home.gate.now_ms + 2 * DAY_MS), channel=SESSION))
    return "the record tells more than what was in force, and no passkey has signed it"


def session_that_resumes(home: EnrolledHome) -> str:
    """It resumes what the household has paused."""
    home.gate.say(signed_by(_FIRST, grant(home)))
    home.gate.pause(home.device, "hourly")
    home.gate.now_ms += MINUTE_MS
    (resumed,) = steps.resume(home.gate.speaker(home.device), home.gate.state.policies, "hourly")
    home.gate.say(replace(resumed, channel=SESSION))
    return "the record tells more than what was in force, and no passkey has signed it"


def session_of_nobody(home: EnrolledHome) -> str:
    """Somebody who never came in has said something."""
    other = home.gate.home("hourly")
    home.gate.say(replace(steps.withdraw(home.gate.speaker(other), "hourly"), channel=SESSION))
    return "the record came over a session of somebody who never had a passkey or a paper code"


def session_by_another_key(home: EnrolledHome) -> str:
    """A record over a session that the log's key has not signed."""
    home.gate.say(signed_by(_FIRST, grant(home)))
    refused = replace(steps.withdraw(home.gate.speaker(home.device), "hourly"), channel=SESSION)
    home.gate.say(refused.signed(Signer("forger", b"f" * 32).sign_bytes(signing_bytes(refused))))
    return "the record does not bear the log key's signature"


def counter_by_another_key(home: EnrolledHome) -> str:
    """The same over the counter."""
    said = replace(grant(home), channel=COUNTER)
    home.gate.say(said.signed(Signer("forger", b"f" * 32).sign_bytes(signing_bytes(said))))
    return "the record does not bear the log key's signature"


def question_in_person(home: EnrolledHome) -> str:
    """A resident is made to ask for their own consent."""
    asked = steps.request(home.gate.speaker(home.device), home.gate.state.policies, "hourly")
    home.gate.say(replace(asked, channel=SESSION))
    return "no resident says Requested"


_FORGED: tuple[Callable[[EnrolledHome], str], ...] = (
    unenrolled,
    ended,
    by_another_resident,
    by_another_household,
    changed_after_signing,
    log_key_in_place_of_a_passkey,
    without_the_person,
    at_another_site,
    broken_signature,
    session_that_tells_more,
    session_that_tells_longer,
    session_that_resumes,
    session_of_nobody,
    session_by_another_key,
    counter_by_another_key,
    question_in_person,
)


@pytest.mark.parametrize("forge", _FORGED)
def test_forged_consent_is_found(home: EnrolledHome, forge: Callable[[EnrolledHome], str]) -> None:
    assert found(home) == []
    expected = forge(home)
    assert found(home) == [expected]


def test_yes_signed_for_one_thing_is_not_one_for_the_next(home: EnrolledHome) -> None:
    """The challenge holds the record that it replaces and its time, so that no answer can be used twice."""
    gate = home.gate
    first = signed_by(_FIRST, grant(home, DISTRICT))
    gate.say(first)
    gate.withdraw(home.device, "hourly")
    gate.say(first)
    assert "the record does not name the one that it replaces" in found(home)
    gate.say(replace(grant(home, DISTRICT), channel=PASSKEY).signed(first.signature))
    assert "the passkey answered another challenge" in found(home)


def test_yes_that_was_held_back_is_counted(home: EnrolledHome) -> None:
    """Whoever keeps a signed yes, and enters it later, cannot change its time: it has been signed."""
    prompt, late = signed_by(_FIRST, grant(home)), signed_by(_FIRST, _of_nights(home))
    home.gate.now_ms += 60 * MINUTE_MS
    home.gate.say(prompt)
    assert replayed(home.gate).held_back == 0
    home.gate.now_ms += 1
    home.gate.say(late)
    report = replayed(home.gate)
    assert (report.held_back, report.findings) == (1, [])
    assert "signed by a passkey more than an hour before they were entered: 1" in report.to_text()


def _of_nights(home: EnrolledHome) -> Consent:
    return steps.grant(home.gate.speaker(home.device), home.gate.state.policies, "nights", TOP)


# after a lost phone


def _recovered(home: EnrolledHome) -> VirtualPasskey:
    home.enrol("recovery", recovered := new_passkey(), proof=_PAPER.encode())
    return recovered


def _report(home: EnrolledHome, passkey: VirtualPasskey, limits: Disclosure, wait_ms: int) -> ReplayReport:
    home.gate.now_ms += wait_ms
    home.gate.say(signed_by(passkey, grant(home, limits)))
    return replayed(home.gate)


_WAITS = "tells more by a passkey that goes back to a paper code of less than a day before"


def test_yes_of_a_recovered_passkey_waits_a_day(home: EnrolledHome) -> None:
    recovered = _recovered(home)
    report = _report(home, recovered, TOP, DAY_MS - 1)
    assert [finding.problem for finding in report.findings] == [_WAITS]


def test_yes_of_a_recovered_passkey_counts_after_a_day(home: EnrolledHome) -> None:
    report = _report(home, _recovered(home), TOP, DAY_MS)
    assert report.findings == []
    assert (report.by_enrolment, report.by_origin) == ({"recovery": 1}, {"letter": 1})


def test_recovered_passkey_may_tell_less_at_once(home: EnrolledHome) -> None:
    home.gate.say(signed_by(_FIRST, grant(home)))
    assert _report(home, _recovered(home), DISTRICT, 1).findings == []


def test_passkey_that_a_recovered_one_added_waits_as_long(home: EnrolledHome) -> None:
    """Else a found paper code would say yes at once, by way of a second passkey."""
    home.add(added := new_passkey(), by=_recovered(home))
    assert [finding.problem for finding in _report(home, added, TOP, MINUTE_MS).findings] == [_WAITS]


def test_passkey_from_before_does_not_wait(home: EnrolledHome) -> None:
    _recovered(home)
    assert _report(home, _FIRST, TOP, MINUTE_MS).findings == []


# where openings have gone


def test_session_whose_record_before_can_no_longer_be_read_is_counted_and_no_finding(home: EnrolledHome) -> None:
    """The opening of what was replaced expires long before that of what counts now."""
    gate = home.gate
    before = gate.say(signed_by(_FIRST, grant(home)))
    gate.now_ms += MINUTE_MS
    gate.say(replace(grant(home, limited(time=Time.DAY)), channel=SESSION))
    gate.commit()
    openings = {index: opening for index, opening in gate.openings.items() if index != before}
    report = replayed(gate, openings=openings, openings_days=0)
    assert report.unchecked_sessions == 1
    assert [finding.problem for finding in report.findings if "tells more" in finding.problem] == []
    assert "said in a session, and no longer comparable with what was before: 1" in report.to_text()


def test_every_stop_over_any_channel_is_in_order(home: EnrolledHome) -> None:
    home.gate.say(signed_by(_FIRST, grant(home)))
    stop = steps.withdraw(home.gate.speaker(home.device), "hourly")
    home.gate.say(signed_by(_FIRST, stop))
    assert stop.status is Status.WITHDRAWN
    assert found(home) == []
