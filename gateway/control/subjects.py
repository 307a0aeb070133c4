"""Control methods of subjects: who their residents are, how people and devices join, and the messages that they were left."""

from __future__ import annotations

from collections.abc import Sequence

from consent.core.lifecycle.notifications import MessageKind, text_of
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
from gateway.control.languages import language_of, scope_titles
from gateway.core.changes import subjects
from gateway.core.registry import Message
from gateway.core.state import State

_ENDED = "the resident's earlier codes and credential have ended; the household was told"


async def show(control: Control, caller: Caller, params: SubjectIn) -> SubjectShown:
    """Show a subject's residents, its devices, and its messages in one of our languages."""
    language = language_of(control, params)
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
    titles = await scope_titles(control, {message.scope for message in messages if message.scope}, language)
    return [
        MessageShown(
            time_ms=message.time_ms,
            kind=message.kind,
            scope=message.scope,
            text=text_of(MessageKind(message.kind), titles.get(message.scope, ""), language),
        )
        for message in messages
    ]


def code(control: Control, caller: Caller, params: CodeFor) -> CodeMade:
    """Make a claim code: for somebody new, or for a resident, whose earlier codes and credential then end."""
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
