"""Households: who joins by a claim code, who leaves, what that does to what is open, and what everyone is told."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.disclosure import DAY_MS, TOP
from consent.core.languages import LANGUAGES
from consent.core.lifecycle import steps
from consent.core.lifecycle.notifications import MessageKind, text_of
from consent.errors import ConsentError
from gateway.audit.log.openings import label, split_labels
from gateway.core.changes import subjects
from gateway.core.changes.subjects import code_hash, new_code
from gateway.core.effects import ClaimRow, SubjectRow
from gateway.core.plans import Device
from gateway.core.registry import Claim, Subject
from gateway.core.release.bundle import form_bundle
from tests.support.gate import LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, Gate, only, reading

T = MIDNIGHT_MS


def whose(device: Device) -> bytes:
    """Return the household of a device that has one."""
    assert device.subject is not None
    return device.subject


def told(gate: Gate, subject: bytes) -> list[str]:
    """Return what a household was told, by kind."""
    return [message.kind for message in gate.state.registry.subjects[subject].messages]


def newcomer(gate: Gate, subject: bytes) -> bytes:
    """Let somebody new join by a code of the crew's; return their id."""
    return subjects.claim(gate.state, subjects.invite(gate.state, subject, gate.now_ms), None, gate.now_ms).resident


# codes


@given(st.binary(min_size=8, max_size=8))
def test_code_is_known_however_it_is_typed(random: bytes) -> None:
    """Case, dashes, spaces and letters that look like digits do not matter."""
    code = new_code(lambda n: random[:n])
    assert len(code) == 14
    for typed in (code.lower(), code.replace("-", ""), code.replace("-", " "), code.replace("0", "O").replace("1", "l")):
        assert code_hash(typed) == code_hash(code)


@pytest.mark.parametrize("typed", ["", "K7QM", "K7QM-4T2X-9RHU", "K7QM-4T2X-9RHDD", "k7qm-4t2x-9rh€"])
def test_code_that_cannot_be_one_is_refused(typed: str) -> None:
    """Neither too short, nor too long, nor with a letter that codes do not have."""
    with pytest.raises(ConsentError, match="a claim code has 12 letters and digits"):
        subjects.claim(Gate().state, typed, None, T)


def test_code_is_kept_nowhere() -> None:
    """Neither the memory nor what is stored tells a code to whoever reads it."""
    gate = Gate()
    home = gate.home()
    code = subjects.make_code(gate.state, whose(home), b"", b"", T)
    stored = b"".join(row.content or b"" for row in gate.state.commit.claims)
    for spelling in (code, code.replace("-", "")):
        assert spelling.encode() not in stored
        assert spelling not in repr(gate.state.registry.claims)


def test_code_works_once_and_not_for_ever() -> None:
    """Used or old, it opens nothing; a wrong one opens nothing either."""
    gate = Gate()
    subject = whose(gate.home())
    code = subjects.invite(gate.state, subject, T)
    with pytest.raises(ConsentError, match="too old"):
        subjects.claim(gate.state, code, None, T + subjects.CODE_DAYS * DAY_MS)
    subjects.claim(gate.state, code, None, T + 1)
    for typed in (code, "0000-0000-0000"):
        with pytest.raises(ConsentError, match="no such claim code, or it was used"):
            subjects.claim(gate.state, typed, None, T + 2)
    lost = subjects.invite(gate.state, subject, T)
    old = subjects.invite(gate.state, subject, T)
    with pytest.raises(ConsentError, match="no such claim code"):
        subjects.claim(gate.state, lost, None, T)
    subjects.forget_old_codes(gate.state, T + subjects.CODE_DAYS * DAY_MS - 1)
    assert code_hash(old) in gate.state.registry.claims
    subjects.forget_old_codes(gate.state, T + subjects.CODE_DAYS * DAY_MS)
    assert code_hash(old) not in gate.state.registry.claims
    assert gate.state.commit.claims[-1] == ClaimRow(code_hash(old), None)


def test_claims_and_subjects_come_back_from_what_is_stored() -> None:
    """The rows hold everything, so that a restart forgets no code, resident or message."""
    gate = Gate()
    subject = whose(gate.home())
    subjects.invite(gate.state, subject, T)
    newcomer(gate, subject)
    commit = gate.commit()
    rows = {row.id: row.content for row in commit.subjects}
    assert msgspec.msgpack.decode(rows[subject] or b"", type=Subject) == gate.state.registry.subjects[subject]
    claims = {row.code_hash: row.content and msgspec.msgpack.decode(row.content, type=Claim) for row in commit.claims}
    assert {key: claim for key, claim in claims.items() if claim} == gate.state.registry.claims


# joining and leaving


def day_with(gate: Gate, homes: list[Device]) -> None:
    """Let some homes report once, and the day and its lateness pass."""
    gate.take(*(reading(home, gate.now_ms + MINUTE_MS, kwh=1) for home in homes))
    gate.to((gate.now_ms // DAY_MS + 1) * DAY_MS + LATENESS_MS)


def test_newcomer_who_has_not_decided_stops_the_household_and_everyone_is_told() -> None:
    """What stands in the open day leaves it; once the newcomer permits it too, the next day counts."""
    gate = Gate(only("hourly"))
    homes = gate.homes(5, "hourly")
    for home in homes:
        gate.send(home, kwh=1)
    gate.to(T + 1)
    joined = newcomer(gate, whose(homes[0]))
    assert gate.count("pairs.withdrawn") == 1
    gate.send(homes[0], T + 1, kwh=1)
    assert gate.count("pairs.withheld.no-consent") == 1
    assert told(gate, whose(homes[0])) == ["code-made", "resident-joined"]
    speaker = gate.speaker(homes[0], 1)
    assert speaker.resident == joined
    gate.say(steps.grant(speaker, gate.state.policies, "hourly", TOP))
    gate.send(homes[0], T + 2, kwh=1)
    assert gate.count("pairs.withheld.partial") == 1, "the day under way is not theirs any more"
    gate.to(T + DAY_MS)
    day_with(gate, homes)
    assert [record.result for record in sorted(gate.records(), key=lambda record: record.phenomenon_time)] == [4.0, 5.0]


def test_newcomer_during_a_bundle_not_yet_sent_takes_it_back() -> None:
    """A bundle of which no byte has left is void, as after a withdrawal."""
    gate = Gate(only("hourly"))
    gate.to(T)
    homes = gate.homes(5, "hourly")
    day_with(gate, homes)
    unsent = gate.form()
    assert unsent is not None
    newcomer(gate, whose(homes[0]))
    assert not gate.state.inflight.ready
    assert gate.count("bundles.voided") == 1
    assert [record.result for record in gate.records()] == [4.0]


def test_leaving_resident_no_longer_counts_but_opens_no_window_that_was_closed_to_it() -> None:
    """Who had not permitted it leaves: the household's flows go on, from the next day."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly")
    gate.to(T + 1)
    joined = newcomer(gate, whose(home))
    gate.send(home, kwh=1)
    assert gate.count("pairs.withheld.no-consent") == 1
    subjects.leave(gate.state, whose(home), joined, T + 1)
    gate.send(home, T + 2, kwh=1)
    assert gate.count("pairs.withheld.partial") == 1, "the day began before the household was as it is"
    gate.send(home, T + DAY_MS, kwh=1)
    assert gate.count("pairs.contributed") == 1
    assert told(gate, whose(home))[-1] == "resident-left"


def test_leaving_resident_finds_none_of_the_later_releases() -> None:
    """The label key is replaced; those who stay have the former ones too."""
    gate = Gate(only("hourly"))
    gate.to(T)
    homes = gate.homes(4, "hourly")
    subject = whose(homes[0])
    (former,) = subjects.label_keys(gate.state.registry.subjects[subject])
    subjects.leave(gate.state, subject, newcomer(gate, subject), T)
    present, kept = subjects.label_keys(gate.state.registry.subjects[subject])
    assert kept == former != present
    gate.commit()
    gate.to(T + DAY_MS + LATENESS_MS)
    assert gate.records() == []
    day_with(gate, homes)
    form_bundle(gate.state, "office", [], gate.now_ms, gate._seals["office"].on("2026-03-02"))
    (row,) = gate.state.take_commit().log
    labels = split_labels(row.labels or b"")
    assert label(present, row.index) in labels
    assert label(former, row.index) not in labels


def test_last_resident_and_strangers_do_not_leave() -> None:
    """A household without residents would have nobody left to withdraw."""
    gate = Gate()
    subject = whose(gate.home())
    (only_one,) = gate.state.registry.book.residents(subject)
    with pytest.raises(ConsentError, match="erase the household instead"):
        subjects.leave(gate.state, subject, only_one, T)
    with pytest.raises(ConsentError, match="no such resident"):
        subjects.leave(gate.state, subject, b"?" * 16, T)


# lost credentials, and devices that change hands


def test_new_code_for_a_resident_ends_the_old_ones_and_says_so() -> None:
    """Whoever finds the lost paper finds a code that opens nothing."""
    gate = Gate()
    subject = whose(gate.home("hourly"))
    (resident,) = gate.state.registry.book.residents(subject)
    lost = subjects.make_code(gate.state, subject, resident, b"", T)
    new = subjects.replace_codes(gate.state, subject, resident, T)
    assert told(gate, subject) == ["codes-replaced"]
    with pytest.raises(ConsentError, match="no such claim code"):
        subjects.claim(gate.state, lost, None, T)
    assert subjects.claim(gate.state, new, None, T).resident == resident
    assert gate.state.registry.subjects[subject].residents[0].claimed_ms == T
    subjects.replace_codes(gate.state, subject, resident, T)
    assert gate.state.registry.subjects[subject].residents[0].claimed_ms == 0, "the credential has ended with the codes"
    with pytest.raises(ConsentError, match="no such resident"):
        subjects.replace_codes(gate.state, subject, b"?" * 16, T)


def unclaimed(gate: Gate) -> tuple[Device, str]:
    """Return a newly installed device and the code that came with it."""
    home = gate.home()
    resident = gate.state.registry.book.residents(whose(home))[0]
    return home, subjects.make_code(gate.state, whose(home), resident, home.id, gate.now_ms)


def test_device_code_brings_the_device_into_a_household_that_was_there() -> None:
    """Its answers count for the new device from then on, and the empty household goes."""
    gate = Gate(only("hourly"))
    family, (device, code) = gate.home("hourly"), unclaimed(gate)
    joined = subjects.claim(gate.state, code, whose(family), T + 5)
    assert (joined.subject, joined.device) == (whose(family), device.id)
    assert whose(device) not in gate.state.registry.subjects
    assert SubjectRow(whose(device), None) in gate.state.commit.subjects
    moved = gate.state.registry.devices[device.place]
    assert (moved.subject, moved.added_ms) == (whose(family), T + 5)
    gate.to(T + DAY_MS + LATENESS_MS)
    gate.send(moved, kwh=1)
    assert gate.count("pairs.contributed") == 1
    assert told(gate, whose(family)) == ["device-joined"]


def test_device_code_of_a_household_that_has_somebody_takes_no_device_away() -> None:
    """A neighbour's code does not move a neighbour's meter."""
    gate = Gate(only("hourly"))
    thief = whose(gate.home())
    (device, code), (spoken, other) = unclaimed(gate), unclaimed(gate)
    second = subjects.make_code(gate.state, whose(device), gate.state.registry.book.residents(whose(device))[0], device.id, T)
    subjects.claim(gate.state, code, None, T)
    gate.grant(spoken, "hourly")
    for stolen in (second, other):
        with pytest.raises(ConsentError, match="belongs to another household"):
            subjects.claim(gate.state, stolen, thief, T)
    assert {whose(each) for each in gate.state.registry.devices.values()} >= {whose(device), whose(spoken)}


# messages


@pytest.mark.parametrize("kind", list(MessageKind))
@pytest.mark.parametrize("language", LANGUAGES)
def test_message_reads_well_in_every_language(kind: MessageKind, language: str) -> None:
    """Nothing is left to fill in, and no two languages say it in the same words."""
    text = text_of(kind, "energy-hourly", language)
    assert "{" not in text
    assert len({text_of(kind, "energy-hourly", each) for each in LANGUAGES}) == len(LANGUAGES)


def test_messages_are_left_for_what_the_household_did_not_do_itself() -> None:
    """Asked, run out, changed, revoked: each is told with its scope; what a resident says is not."""
    gate = Gate(only("hourly"))
    home = gate.home()
    policies = gate.state.policies
    gate.say(steps.request(gate.speaker(home), policies, "hourly"))
    gate.grant(home, "hourly")
    gate.pause(home, "hourly")
    gate.say(steps.revoke(gate.speaker(home), "hourly", "court of Ribera"))
    messages = gate.state.registry.subjects[whose(home)].messages
    assert [(message.kind, message.scope) for message in messages] == [("asked", "hourly"), ("revoked", "hourly")]
    for _ in range(30):
        gate.state.registry.tell(whose(home), MessageKind.CODE_MADE, T)
    assert len(gate.state.registry.subjects[whose(home)].messages) == 20
