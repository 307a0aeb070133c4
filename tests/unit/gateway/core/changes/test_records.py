"""Records of consent as they enter: signed, logged, stored, told."""

from __future__ import annotations

from consent.core.consents.records import Status, decode, signing_bytes
from consent.core.disclosure import TOP
from consent.core.lifecycle import steps
from consent.core.lifecycle.notifications import MessageKind
from gateway.audit.log.entries import Entry, Kind
from gateway.core.changes.records import TOLD, enter
from tests.support.gate import MIDNIGHT_MS, Gate

T = MIDNIGHT_MS


def test_record_is_signed_logged_and_stored() -> None:
    """One that rests on the gateway's word gets its signature, and the stored row is what the entry is about."""
    gate = Gate()
    home = gate.home()
    gate.commit()
    record = steps.grant(gate.speaker(home), gate.state.policies, "hourly", TOP, T + 1)
    index = enter(gate.state, record, T)
    commit = gate.commit()
    (row,) = commit.consents
    assert row.index == index
    assert Entry.decode(commit.log[0].content).kind is Kind.CONSENT
    said = decode(row.content)
    assert said.signature == gate.state.log.signer.sign_bytes(signing_bytes(said))
    assert gate.state.expires_next_ms == T + 1


def test_subject_is_told_of_what_none_of_its_residents_did() -> None:
    """Of a request, and not of its own answer."""
    gate = Gate()
    home = gate.home()
    for step in (steps.request, steps.refuse):
        enter(gate.state, step(gate.speaker(home), gate.state.policies, "hourly"), T)
    messages = gate.state.registry.subjects[home.contributor].messages
    assert [message.kind for message in messages] == [MessageKind.ASKED]
    assert Status.REFUSED not in TOLD
