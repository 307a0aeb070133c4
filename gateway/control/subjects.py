"""Control methods of households: who their residents are, how people and devices join, and what a household was told."""

from __future__ import annotations

from consent.core.languages import LANGUAGES
from consent.core.lifecycle.notifications import MessageKind, text_of
from gateway.control.params import MethodError, Params, id_of, no_more, take, take_subject
from gateway.core.changes import subjects
from gateway.durable.state import Answer, Durable


def subject_show(durable: Durable, params: Params) -> Answer:
    """Show a household: residents, devices, and what it was told, in one of our languages."""
    subject_id = take_subject(durable, params)
    language = take(params, "language", str, "en")
    no_more(params)
    if language not in LANGUAGES:
        raise MethodError(f"`language`: `{language}` is none of {', '.join(LANGUAGES)}")
    subject = durable.state.registry.subjects[subject_id]
    return {
        "subject": subject_id.hex(),
        "residents": [
            {"resident": resident.id.hex(), "since_ms": resident.since_ms, "claimed": bool(resident.claimed_ms)}
            for resident in subject.residents
        ],
        "devices": [
            {"device": device.id.hex(), "profile": device.profile, "zone": device.zone, "since_ms": device.added_ms}
            for device in subjects.devices_of(durable.state, subject_id)
        ],
        "messages": [
            {
                "time_ms": message.time_ms,
                "kind": message.kind,
                "scope": message.scope,
                "text": text_of(MessageKind(message.kind), message.scope, language),
            }
            for message in subject.messages
        ],
    }


def subject_code(durable: Durable, params: Params) -> Answer:
    """Make a claim code: for somebody new, or for a resident, whose earlier codes and credential then end."""
    subject = take_subject(durable, params)
    resident = take(params, "resident", str, "")
    no_more(params)
    state, now_ms = durable.state, durable.clock.now_ms()
    if resident:
        code = subjects.replace_codes(state, subject, id_of("resident", resident), now_ms)
        ended = "the resident's earlier codes and credential have ended; the household was told"
    else:
        code, ended = subjects.invite(state, subject, now_ms), ""
    return {"subject": subject.hex(), "claim_code": code, "days": subjects.CODE_DAYS, **({"ended": ended} if ended else {})}


def subject_claim(durable: Durable, params: Params) -> Answer:
    """Let a person in by a claim code; with `subject`, bring the code's device into that household."""
    code = take(params, "code", str)
    subject = take_subject(durable, params) if "subject" in params else None
    no_more(params)
    joined = subjects.claim(durable.state, code, subject, durable.clock.now_ms())
    if joined.device is not None:
        return {"subject": joined.subject.hex(), "device": joined.device.hex()}
    key = subjects.label_keys(durable.state.registry.subjects[joined.subject])[0]
    return {"subject": joined.subject.hex(), "resident": joined.resident.hex(), "label_key": key.hex()}


def subject_leave(durable: Durable, params: Params) -> Answer:
    """Let a resident go; the household's other answers count without theirs."""
    subject = take_subject(durable, params)
    resident = id_of("resident", take(params, "resident", str))
    no_more(params)
    subjects.leave(durable.state, subject, resident, durable.clock.now_ms())
    key = subjects.label_keys(durable.state.registry.subjects[subject])[0]
    return {"subject": subject.hex(), "left": resident.hex(), "label_key": key.hex()}
