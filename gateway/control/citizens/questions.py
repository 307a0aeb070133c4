"""`question.list` and `question.show`: everything a household can be asked, how it stands, and what each answer would come to.

For every answer that is offered, the decision that would follow is put into words, and shown beside it is what the city would
have seen of the household's readings of the last day: from memory alone, and by the code by which readings leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import msgspec

from consent.citizen_messages import AnswerOffered, MineIn, QuestionOf, QuestionRow, Questions, QuestionShown
from consent.core.canonical import bounded_map, disclosure_map
from consent.core.consents.records import Consent, Status
from consent.core.disclosure import DAY_MS, TOP, Disclosure, Identity
from consent.core.explain.explain import Explanation, ExplanationRequest, explain
from consent.core.explain.phrases import PhraseBook
from consent.core.outcome import reason_besides
from consent.core.policies.policy import Flow
from consent.messages import JsonObject, QuantityExposed
from gateway.control.citizens.seen import seen_of
from gateway.control.consents import limits_of
from gateway.control.context import Caller, Control, MethodError
from gateway.control.subjects import messages_shown
from gateway.core.changes.subjects import devices_of
from gateway.core.plans import Device
from gateway.core.previews.household import Household, Voices
from gateway.core.previews.levels import HomesAt, axes, homes_at, less, level

RESTS_MS = 183 * DAY_MS
"""Half a year: for so long nobody asks again after a no."""
_NO = (Status.REFUSED, Status.WITHDRAWN)


async def list_all(control: Control, caller: Caller, params: MineIn) -> Questions:
    """Return every use of data that the household has a sensor for, how it stands, and the household's messages."""
    language = control.language(params.language, "")
    subject = control.state.registry.subjects[caller.subject]
    rows = [row_of(control, home, language) for home in homes_of(control, caller)]
    return Questions(
        now_ms=control.clock.now_ms(), flows=rows, messages=await messages_shown(control, subject.messages, language)
    )


def show(control: Control, caller: Caller, params: QuestionOf) -> QuestionShown:
    """Return one question: how it stands, what each answer would come to, and what the city would have seen by it."""
    language, state = control.language(params.language, ""), control.state
    home = next((home for home in homes_of(control, caller) if home.flow.id == params.flow), None)
    if home is None:
        raise MethodError("the household has no sensor for that", "no-question")
    lower = less(home, _homes_at(control))
    offered = [_offer(control, home, language, "yes", TOP)]
    if lower is not None:
        offered.append(_offer(control, home, language, "less", lower))
    offered.append(_offer(control, home, language, "no", None))
    if params.limits is not msgspec.UNSET:
        offered.append(_offer(control, home, language, "fine", limits_of(state.policies, params.limits)))
    heard = [state.memory_of(device.id).heard.reading_ms for device in home.read]
    row = row_of(control, home, language)
    own, now = home.own, None
    if own is not None and row.answer in ("yes", "less", "fine"):
        now = _offer(control, home, language, row.answer, own.limits)
    return QuestionShown(
        row=row,
        offered=offered,
        now=now,
        axes={axis: [level(limits, axis) for limits in those] for axis, those in axes(home).items()},
        properties=home.properties,
        profile=home.read[0].profile,
        zone=home.read[0].zone,
        since_start_ms=state.started_ms,
        heard_ms=max(0, *heard),
        yes_from_ms=_yes_from_ms(control, caller),
        counts_from_ms=_counts_from_ms(home),
    )


def row_of(control: Control, home: Household, language: str) -> QuestionRow:
    """Return how a use of data stands with the one who is asked."""
    own, fault = home.own, home.own_fault
    present = _explained(home, language, home.said)
    no_ms = own.time_ms if own is not None and own.status in _NO else None
    return QuestionRow(
        flow=home.flow.id,
        own="" if own is None else Status.EXPIRED.value if fault == "expired" else own.status.value,
        answer=_answer(control, home),
        counts=fault or "permits",
        held_back_by_another=_held_back(home),
        text=present.sentences[0],
        since_ms=0 if own is None else own.since_ms,
        expiry_ms=None if own is None else own.expiry_ms,
        log_index=-1 if own is None else home.book.entry_of(own),
        scope="" if own is None else own.scope,
        is_asked=own is not None and own.status is Status.REQUESTED,
        rests_until_ms=0 if no_ms is None or no_ms + RESTS_MS <= home.now_ms else no_ms + RESTS_MS,
    )


def sentence_of(control: Control, caller: Caller, record: Consent, asked_language: str = "") -> str:
    """Return in one sentence what a record would permit, flow by flow, in a language; by default in the city's own."""
    language, flows = control.language(asked_language, ""), {terms.flow for terms in record.terms}
    homes = [home for home in homes_of(control, caller) if home.flow.id in flows]
    return " ".join(_explained(home, language, home.answering(record.limits)).sentences[0] for home in homes)


# how it stands


def _home(control: Control, caller: Caller, flow: Flow, devices: Sequence[Device]) -> Household:
    state = control.state
    return Household(state.policies, flow, state.registry.book, caller.subject, caller.resident, devices, control.clock.now_ms())


def homes_of(control: Control, caller: Caller) -> list[Household]:
    """Return the household before each flow that rests on consent and reads one of its sensors, in the order of the rules."""
    policies, devices = control.state.policies, devices_of(control.state, caller.subject)
    homes = [_home(control, caller, flow, devices) for flow in policies.flows.values() if policies.rests_on_consent(flow)]
    return [home for home in homes if home.read]


def _answer(control: Control, home: Household) -> str:
    """Return which of the offered answers the resident's word is; empty where none is in force."""
    own = home.own
    if own is None:
        return ""
    if own.status in _NO:
        return "no"
    if own.status is Status.PAUSED:
        return "paused"
    if home.own_fault:
        return ""
    points = home.points([own])
    if points == home.points([home.yes()]):
        return "yes"
    lower = less(home, _homes_at(control))
    return "less" if lower is not None and points == home.points([home.yes(lower)]) else "fine"


def _held_back(home: Household) -> bool:
    """Return whether somebody else of the household permits less than the one who is asked."""
    own = home.own
    return own is not None and not home.own_fault and home.points(home.said) != home.points([own])


class _HomesAt:
    """How many homes stand at each level, counted once a day and whenever the policies change or have reached everybody."""

    def __init__(self) -> None:
        self.key: tuple[int, bytes, bool] = (-1, b"", False)
        self.homes: HomesAt = {}


def _homes_at(control: Control) -> HomesAt:
    kept, state = control.kept(_HomesAt), control.state
    key = control.clock.now_ms() // DAY_MS, state.policies.sha256, state.is_settled
    if kept.key != key:
        kept.key, kept.homes = key, homes_at(state.plans())
    return kept.homes


# what an answer comes to


def _offer(control: Control, home: Household, language: str, answer: str, limits: Disclosure | None) -> AnswerOffered:
    voices = home.answering(limits)
    explained = _explained(home, language, voices)
    book = PhraseBook(home.policies, language)
    exposed = [
        msgspec.convert({**each.as_data(), "text": book.exposed(each)}, QuantityExposed) for each in home.exposures(voices)
    ]
    leaves = not explained.reason
    return AnswerOffered(
        answer=answer,  # type: ignore[arg-type]  # one of the four
        limits={} if limits is None else limits_written(limits),
        is_more=limits is not None and is_more(home, limits),
        disclosure=disclosure_map(explained.disclosure) if leaves else {},
        reason="" if answer == "no" else explained.reason,
        text=" ".join(explained.sentences[: 2 if leaves else 1]),
        retention_days=_retention_days(home, explained.disclosure) if leaves else 0,
        exposures=exposed,
        seen=seen_of(control, home, voices) if leaves else [],
    )


def limits_written(limits: Disclosure) -> JsonObject:
    """Return limits as `consent.propose`, `consent.less` and `question.show` take them: as policies write a ceiling.

    Records name a budget `mu`, and `budget` what it was in an earlier version, which nobody may ask for any more; their steps
    are texts.
    """
    written = {axis: value for axis, value in bounded_map(limits).items() if axis not in ("mu", "budget", "precision")}
    if limits.precision:
        written["precision"] = dict(limits.precision)
    if limits.budget < inf:
        written["budget"] = limits.budget
    return written


def is_more(home: Household, limits: Disclosure) -> bool:
    """Return whether a yes up to some limits tells more than the resident's own word does at present."""
    own = home.own
    if own is None or home.own_fault:
        return True
    pairs = zip(home.points([home.yes(limits)]), home.points([own]), strict=True)
    return not all(wanted.reveals_no_more_than(now) for wanted, now in pairs)


def _explained(home: Household, language: str, voices: Voices) -> Explanation:
    """Return what would leave by one's words in words: of the sensor of which something does, if there is one."""
    told = home.told(voices)
    chosen = next((each for each in told if not each.found.reason), told[0])
    device, decision = chosen.device, chosen.decision
    matter = ExplanationRequest(
        home.policies, home.flow.id, voices, device.zone, device.profile, home.now_ms, device.owner, home.position
    )
    return explain(matter, decision, language, reason_besides(home.policies, home.flow.id, device.profile, decision))


def _retention_days(home: Household, told: Disclosure) -> int:
    """Return for how long a recipient may keep what leaves: of figures, what every record of theirs states."""
    if told.identity is Identity.AGGREGATE:
        return home.policies.least_retention_days[home.flow.id]
    return told.retention_days


def _counts_from_ms(home: Household) -> int:
    """Return from when on a yes given now would count: for figures from the next day or week, else at once."""
    periods = [each.found.period for each in home.told([home.yes()]) if each.found.period is not None]
    return max([period.first_whole_ms(home.now_ms) for period in periods], default=home.now_ms)


def _yes_from_ms(control: Control, caller: Caller) -> int:
    """Return from when on some passkey of the resident can tell more; 0 where one can, or there is none."""
    residents = control.state.registry.subjects[caller.subject].residents
    passkeys: Sequence[int] = [
        passkey.yes_from_ms for resident in residents if resident.id == caller.resident for passkey in resident.passkeys
    ]
    first_ms = min(passkeys, default=0)
    return first_ms if first_ms > control.clock.now_ms() else 0
