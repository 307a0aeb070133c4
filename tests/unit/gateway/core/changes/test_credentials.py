"""Credentials in memory: what the log is told of them, who is found by them, and what a backup makes of what the log says."""

from __future__ import annotations

import msgspec
import pytest

from gateway.audit.log.entries import Entry
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import CredentialsEndedPayload, EnrolmentPayload, How, decode_key
from gateway.core.changes import credentials, subjects
from gateway.core.changes.credentials import NewCredential
from gateway.core.registry import SESSIONS_KEPT, Holder, Passkey, Registry, Subject
from gateway.core.restoration import LogTail, drop_under_way
from tests.support.gate import Gate

SITE = "sensors.ribera.example"


def home(gate: Gate) -> Holder:
    """Return the first resident of a new household."""
    subject = subjects.add_subject(gate.state, gate.now_ms)
    return Holder(subject.id, subject.residents[0].id)


def enrol(gate: Gate, holder: Holder, name: bytes = b"a", how: How = "letter") -> int:
    """Give a resident a passkey and a paper code."""
    passkey = Passkey(name * 32, b"key " + name, 0, how, gate.now_ms, 0)
    return credentials.enrol(gate.state, holder, NewCredential(how, b"", passkey, SITE, name * 32, name * 16), gate.now_ms)


def told(gate: Gate, holder: Holder) -> list[str]:
    """Return what a household was told, by kind."""
    return [message.kind for message in gate.state.registry.subjects[holder.subject].messages]


def payload_at(gate: Gate, index: int) -> EnrolmentPayload | CredentialsEndedPayload:
    """Return what the log commits to at an entry."""
    gate.commit()
    data = gate.openings[index].first
    assert data is not None
    payload = decode_key(data)
    assert isinstance(payload, EnrolmentPayload | CredentialsEndedPayload)
    return payload


def test_enrolment_is_logged_told_and_found_by_its_parts() -> None:
    """By the passkey's id and key, and the paper code's hash; the last paper code alone counts."""
    gate = Gate()
    holder = home(gate)
    index = enrol(gate, holder)
    assert payload_at(gate, index) == EnrolmentPayload(
        holder.subject, holder.resident, "letter", Passkey(b"", b"key a", 0, "", 0, 0).key_sha256, SITE, b"a" * 32, b""
    )
    holders = gate.state.registry.holders
    assert holders[b"passkey " + b"a" * 32] == holders[b"paper " + b"a" * 32] == holder
    enrol(gate, holder, b"b", "recovery")
    assert b"paper " + b"a" * 32 not in holders
    assert told(gate, holder) == ["came-in", "recovered"]
    assert gate.state.registry.subjects[holder.subject].enrolment_entries == (index, index + 1)


@pytest.mark.parametrize(
    ("how", "kind"),
    [("letter", "came-in"), ("counter", "came-in-counter"), ("passkey", "passkey-added"), ("recovery", "recovered")],
)
def test_household_is_told_how_a_credential_came(how: How, kind: str) -> None:
    """Nobody gets a way in unseen."""
    gate = Gate()
    holder = home(gate)
    enrol(gate, holder, how=how)
    assert told(gate, holder) == [kind]


def test_end_takes_the_sessions_along_that_a_credential_has_opened_and_no_others() -> None:
    """Of a passkey; of the paper code; and of all, with who leaves or at the counter."""
    gate = Gate()
    holder, state = home(gate), gate.state
    enrol(gate, holder)
    by_passkey = credentials.open_session(state, holder, b"a" * 32, 10, 0)
    by_paper = credentials.open_session(state, holder, b"", 10, 0)
    holders = state.registry.holders
    passkeys = state.registry.resident_of(holder).passkeys
    index = credentials.end(state, holder, passkeys, "resident", gate.now_ms)
    assert b"session " + credentials.session_name(by_passkey) not in holders
    assert b"session " + credentials.session_name(by_paper) in holders
    assert payload_at(gate, index) == CredentialsEndedPayload(
        holder.subject, holder.resident, (passkeys[0].key_sha256,), paper=False, by="resident"
    )
    assert told(gate, holder)[-1] == "passkey-ended"
    assert holders[b"key " + passkeys[0].key_sha256] == Holder(holder.subject, b""), "it is never enrolled again"
    last = credentials.end_all(state, holder, "counter", gate.now_ms)
    assert last is not None
    ended = payload_at(gate, last)
    assert isinstance(ended, CredentialsEndedPayload)
    assert (ended.paper, ended.by) == (True, "counter")
    assert b"session " + credentials.session_name(by_paper) not in holders
    assert credentials.end_all(state, holder, "counter", gate.now_ms) is None


def test_counter_s_code_ends_what_was_there_before_it_is_made() -> None:
    """The log has the end before anything that comes of the code."""
    gate = Gate()
    holder = home(gate)
    enrol(gate, holder)
    before = gate.state.log.size
    code = subjects.replace_codes(gate.state, holder.subject, holder.resident, gate.now_ms)
    assert gate.state.log.size == before + 1
    assert subjects.find_claim(gate.state, code, gate.now_ms).how == "counter"
    assert told(gate, holder)[-1] == "codes-replaced"


def test_openings_of_credentials_are_kept_as_long_as_the_log() -> None:
    """Every later yes rests on them, so nothing lets their retention begin."""
    gate = Gate()
    holder = home(gate)
    gate.commit()
    enrol(gate, holder)
    enrol(gate, holder, b"b", "recovery")
    credentials.end_all(gate.state, holder, "counter", gate.now_ms)
    assert gate.state.commit.openings_settled == []


def test_registry_finds_everybody_again_after_a_start_and_nobody_who_was_erased() -> None:
    """By the rows that were stored."""
    gate = Gate()
    holder, state = home(gate), gate.state
    enrol(gate, holder)
    enrol(gate, holder, b"b", "recovery")
    credentials.end(state, holder, state.registry.resident_of(holder).passkeys[:1], "resident", gate.now_ms)
    credentials.open_session(state, holder, b"b" * 32, 10, 0)
    again = Registry()
    content = state.commit.subjects[-1].content
    assert content is not None
    again.know_subject(msgspec.msgpack.decode(content, type=Subject))
    assert again.holders == state.registry.holders
    assert len(again.holders) == 5, "an id, two keys, a paper code and a session"
    again.drop_subject(holder.subject)
    assert again.holders == {}


def test_sessions_have_a_bound_and_those_that_ended_make_room() -> None:
    """At most so many; the oldest goes."""
    gate = Gate()
    holder, state = home(gate), gate.state
    tokens = [credentials.open_session(state, holder, b"", 100, 0) for _ in range(SESSIONS_KEPT + 1)]
    names = [one.token_hash for one in state.registry.resident_of(holder).sessions]
    assert names == [credentials.session_name(token) for token in tokens[1:]]
    credentials.open_session(state, holder, b"", 300, 200)
    assert len(state.registry.resident_of(holder).sessions) == 1


def test_backup_folds_in_what_the_log_says_of_credentials_since() -> None:
    """A paper code made since holds, a passkey made since is lost, what was ended stays ended, and every session ends."""
    gate = Gate()
    holder, state = home(gate), gate.state
    enrol(gate, holder)
    credentials.open_session(state, holder, b"a" * 32, 10, 0)
    before = state.registry.subjects[holder.subject]
    gate.commit()
    since = state.log.size
    enrol(gate, holder, b"b", "recovery")
    credentials.end(state, holder, state.registry.resident_of(holder).passkeys[:1], "resident", gate.now_ms)
    rows = list(state.commit.log)
    gate.commit()
    state.registry.keep_subject(before)
    tail = LogTail(state)
    for row in rows:
        if row.index >= since:
            tail.take(Entry.decode(row.content), Opening.decode(row.opening.whole()))
    drop_under_way(state, gate.now_ms)
    resident = state.registry.resident_of(holder)
    assert not resident.passkeys
    assert not resident.sessions
    assert resident.paper is not None
    assert resident.paper.code_hash == b"b" * 32
    assert len(state.registry.subjects[holder.subject].enrolment_entries) == 3
    assert len(state.registry.subjects[holder.subject].ended_keys) == 2
