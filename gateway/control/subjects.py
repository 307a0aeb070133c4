"""Control methods of subjects: who their residents are, how people and devices join, and the messages that they were left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from consent.core.explain.phrases import PhraseBook, Phrases
from consent.core.lifecycle.notifications import MessageKind, text_of
from consent.core.policies.parse import parse_policies
from consent.errors import PolicyError
from consent.messages import (
    Claimed,
    CodeFor,
    CodeMade,
    CodeUsed,
    Hex,
    Id,
    MessageShown,
    OwnDevice,
    ResidentLeft,
    ResidentOf,
    ResidentShown,
    SubjectIn,
    SubjectShown,
)
from gateway.control.context import Caller, Control
from gateway.core.changes import subjects
from gateway.core.changes.changes import StoredPolicies
from gateway.core.registry import Message
from gateway.core.state import State

MOST_EARLIER_POLICIES: Final = 100
"""How many earlier policy sets are looked into for the title of something that those in force no longer have."""

_ENDED = "the resident's earlier codes, passkeys and sessions have ended; the household was told"


async def show(control: Control, caller: Caller, params: SubjectIn) -> SubjectShown:
    """Show a subject's residents, its devices, and its messages in one of our languages."""
    language = control.language(params.language, params.locale)
    subject = control.state.registry.subjects[params.subject]
    return SubjectShown(
        subject=params.subject,
        residents=[
            ResidentShown(resident=Id(resident.id), since_ms=resident.since_ms, claimed=bool(resident.claimed_ms))
            for resident in subject.residents
        ],
        devices=[
            OwnDevice(
                device=Id(device.id), profile=device.profile, zone=device.zone, owner=device.owner, since_ms=device.added_ms
            )
            for device in subjects.devices_of(control.state, params.subject)
        ],
        messages=await messages_shown(control, subject.messages, language),
    )


async def messages_shown(control: Control, messages: Sequence[Message], language: str) -> list[MessageShown]:
    """Return messages to a subject in one of our languages; what they are about goes by its title."""
    titles = await _scope_titles(control, {message.scope for message in messages if message.scope}, language)
    return [
        MessageShown(
            time_ms=message.time_ms,
            kind=message.kind,
            scope=message.scope,
            text=text_of(MessageKind(message.kind), titles.get(message.scope, ""), language),
        )
        for message in messages
    ]


async def _scope_titles(control: Control, scopes: Iterable[str], language: str) -> dict[str, str]:
    """Return the titles of flows and purposes: those of the policies in force, or of the last that had them."""
    missing, titles = set(scopes), dict[str, str]()
    state, policies = control.state, control.state.policies
    index = 0 if state.force is None else state.force.entry
    for _ in range(MOST_EARLIER_POLICIES):
        book = PhraseBook(policies, language)
        titles |= {scope: title for scope in missing if (title := book.scope(scope))}
        missing -= titles.keys()
        before = await control.store.reader.policy_before(index) if missing else None
        if before is None:
            break
        index, content = before
        try:
            policies = parse_policies(msgspec.msgpack.decode(content, type=StoredPolicies).files)
        except PolicyError:  # an earlier version took them
            continue
    return titles | dict.fromkeys(missing, Phrases(language).say("former"))


def code(control: Control, caller: Caller, params: CodeFor) -> CodeMade:
    """Make a claim code: for somebody new, or for a resident, whose earlier codes and credentials then end."""
    state, now_ms = control.state, control.clock.now_ms()
    if params.resident:
        made = subjects.replace_codes(state, bytes(params.subject), bytes(params.resident), now_ms)
        return CodeMade(subject=params.subject, claim_code=made, days=subjects.CODE_DAYS, ended=_ENDED)
    made = subjects.invite(state, bytes(params.subject), now_ms)
    return CodeMade(subject=params.subject, claim_code=made, days=subjects.CODE_DAYS)


def claim(control: Control, caller: Caller, params: CodeUsed) -> Claimed:
    """Admit a person by a claim code; with `subject`, bring the code's device to that subject."""
    own = bytes(params.subject) if isinstance(params.subject, Id) else None
    joined = subjects.claim(control.state, params.code, own, control.clock.now_ms())
    subject = Id(joined.subject)
    if joined.device is not None:
        return Claimed(subject=subject, device=Id(joined.device))
    return Claimed(subject=subject, resident=Id(joined.resident), label_key=_label_key(control.state, subject))


def leave(control: Control, caller: Caller, params: ResidentOf) -> ResidentLeft:
    """Remove a resident; the subject's other answers count without theirs."""
    subjects.leave(control.state, bytes(params.subject), bytes(params.resident), control.clock.now_ms())
    return ResidentLeft(subject=params.subject, left=params.resident, label_key=_label_key(control.state, params.subject))


def _label_key(state: State, subject: bytes) -> Hex:
    """Return the key by which a subject finds its later releases."""
    return Hex(subjects.label_keys(state.registry.subjects[subject])[0])
