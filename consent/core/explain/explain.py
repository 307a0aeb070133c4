"""Why a decision came out as it did, in sentences that the citizen concerned understands, and as data.

What leaves about them, how coarse, among how many, to whom, why and for how long; or that nothing leaves, and why. For each axis
what bounds it, and what would have to change for more to leave. It rests on ``decide`` and makes no decision of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from consent.core.canonical import disclosure_map
from consent.core.consents.records import Consent
from consent.core.decide import FORMER_EPSILON, Decision, Owner, binding_limits, on_rung, standing
from consent.core.disclosure import BOTTOM, TOP, Disclosure, Identity
from consent.core.explain.phrases import PRECISION, PhraseBook
from consent.core.exposure import Exposure
from consent.core.outcome import decide_device, measured, supported
from consent.core.periods import Period
from consent.core.policies.policy import PolicySet

OF_CONSENT: Final = ("no-consent", "requested", "refused", "withdrawn", "paused", "expired", "invalidated", "revoked")
"""Why one resident's answer withholds."""

OF_LIMITS: Final = ("ceiling", "class-cap")
OF_RULES: Final = (
    *("not-aggregable", "no-subject-consent", "has-subject", "resident-owned"),
    *("unknown-flow", "unknown-zone", "unknown-class"),
    *("not-measured", "no-noise", "group", "budget", "retention", "no-recipient", "unsupported"),
)
"""Why something is withheld that no answer of a resident to the flow can change by itself."""


@dataclass(frozen=True, slots=True)
class ExplanationRequest:
    """The arguments of a decision, and who asks about it.

    Attributes:
        flow: The flow's id.
        consents: One for each resident, None for one without a consent; None as a whole for a device without a subject.
        zone: The block where the device stands.
        profile: The device's profile.
        now_ms: When it was decided.
        owner: Whose the device is.
        asker: Which of the residents asks; None for anyone else.
    """

    policies: PolicySet
    flow: str
    consents: Sequence[Consent | None] | None
    zone: str
    profile: str
    now_ms: int
    owner: Owner
    asker: int | None = None

    def measured(self) -> list[str]:
        """Return what the flow asks for of what such a device measures."""
        return measured(self.policies, self.flow, self.profile)

    def leaving(self) -> list[str]:
        """Return those of them that policies may still ask of such a device; all of them where they may ask none."""
        names = self.measured()
        return supported(self.policies, self.flow, names, has_subject=self.consents is not None) or names

    def decide(self) -> Decision:
        """Return the decision to be explained."""
        return decide_device(self.policies, self.flow, self.consents, self.zone, self.profile, self.now_ms, self.owner)

    def speakers(self) -> list[str]:
        """Return for each resident's consent whose it is to the asker: `own`, `other`, or `resident` where that is unknown."""
        count = len(self.consents or ())
        asker = 0 if count == 1 else self.asker
        return ["resident" if asker is None else "own" if number == asker else "other" for number in range(count)]

    def refusals(self) -> list[tuple[int, str]]:
        """Return (resident, reason) for each whose consent does not hold."""
        flow = self.policies.flows.get(self.flow)
        if flow is None:
            return []
        reasons = ["no-consent" if c is None else standing(self.policies, flow, c, self.now_ms) for c in self.consents or ()]
        return [(number, reason) for number, reason in enumerate(reasons) if reason]


@dataclass(frozen=True, slots=True)
class AxisNote:
    """The level of an axis, and what bounds it.

    Attributes:
        axis: Its name; the precision of a property is `precision.<property>`.
        value: As policies write it.
        bounded_by: As in ``Decision.bounds``.
        label: The axis in words.
        value_text: The value in words.
        holders_text: Those who bound it in words.
        summary: Value and holders in one line.
        more: What would have to change for more to leave, as a sentence.
    """

    axis: str
    value: object
    bounded_by: tuple[str, ...]
    label: str
    value_text: str
    holders_text: str
    summary: str
    more: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision explained in one language.

    Attributes:
        reason: Why nothing leaves; empty where something does.
        disclosure: What leaves; ``BOTTOM`` where nothing does.
        sentences: Two to four sentences for the citizen, more where several residents' consents withhold; besides one or two on
            how far all that leaves of a quantity tells on the household.
        axes: Those that bind; where a consent or a rule withholds, only those that it concerns.
        expires_ms: When the first of the residents' consents ends; None where none does, or nothing leaves.
        exposures: How far all that leaves of a quantity tells on the household, over all flows, with the sentences that say so;
            of those quantities that this flow tells.
    """

    language: str
    reason: str
    disclosure: Disclosure
    sentences: tuple[str, ...]
    axes: tuple[AxisNote, ...]
    expires_ms: int | None
    exposures: tuple[tuple[Exposure, str], ...] = ()

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "language": self.language,
            "reason": self.reason,
            "disclosure": disclosure_map(self.disclosure),
            "text": " ".join(self.sentences),
            "axes": [
                {
                    "axis": note.axis,
                    "value": note.value,
                    "bounded_by": list(note.bounded_by),
                    "text": {
                        "axis": note.label,
                        "value": note.value_text,
                        "bounded_by": note.holders_text,
                        "summary": note.summary,
                        "more": note.more,
                    },
                }
                for note in self.axes
            ],
            "expires_ms": self.expires_ms,
            "exposures": [{**exposure.as_data(), "text": text} for exposure, text in self.exposures],
        }


def explain(
    matter: ExplanationRequest, decision: Decision, language: str, besides: str = "", exposures: Iterable[Exposure] = ()
) -> Explanation:
    """Put a decision into words.

    Args:
        decision: The decision that ``decide`` made for the request.
        language: One of ``LANGUAGES``.
        besides: Why it is withheld nevertheless: a reason of the gateway's own, such as `no-noise`.
        exposures: How far all that leaves of the household tells on it, by quantity; what the flow tells of is put into words.
    Raises: KeyError: the language is unknown.
    """
    book = PhraseBook(matter.policies, language)
    reason = decision.reason or besides
    axes = tuple(_axes(matter, decision, book))
    if reason:
        sentences = tuple(_why_nothing(matter, reason, axes, book))
        return Explanation(language, reason, BOTTOM, sentences, axes, None)
    told = tuple((each, book.exposed(each)) for each in exposures if set(each.properties) & set(matter.leaving()))
    sentences = (*_what_leaves(matter, decision.disclosure, book), *(said for _, said in told))
    return Explanation(language, "", decision.disclosure, sentences, axes, decision.expires_ms, told)


def _what_leaves(matter: ExplanationRequest, told: Disclosure, book: PhraseBook) -> Iterator[str]:
    measured = matter.leaving()
    if matter.consents is None:
        key = f"tell-public.{told.identity.label}"
    else:
        alone = told.identity is Identity.AGGREGATE and told.group == 1
        key = "tell.aggregate-alone" if alone else f"tell.{told.identity.label}"
    yield book.say(key, what=book.measured(measured), group=told.group)
    yield book.say(
        "how",
        time=book.value("time", told.time, matter.zone),
        space=book.value("space", told.space, matter.zone),
        precision=book.precision(matter.flow, measured, told),
    )
    yield book.recipient(matter.flow, told.retention_days)
    yield book.why(matter.flow)


def _why_nothing(matter: ExplanationRequest, reason: str, axes: Sequence[AxisNote], book: PhraseBook) -> Iterator[str]:
    yield book.say("nothing" if matter.consents is not None else "nothing-public", flow=book.flow(matter.flow))
    refusals = matter.refusals() if reason in OF_CONSENT else []
    if refusals:
        speakers = matter.speakers()
        own_first = sorted(refusals, key=lambda refusal: speakers[refusal[0]] != "own")
        said = [(speakers[number], why) for number, why in own_first]
        for speaker, why in dict.fromkeys(said):
            yield book.say(f"reason.{why}", answer=book.say(f"answer.{speaker}"))
        yield book.say("until-yes")
    elif reason == "no-consent":
        yield book.say("reason.no-residents")
    elif reason in (*OF_LIMITS, "refused"):  # a consent whose own limits permit nothing is one of them
        closing = [source for note in axes if _is_closed(note) for source in note.bounded_by]
        yield book.say("reason.limits", holders=book.holders(closing, matter.profile, matter.speakers()))
        yield book.say("until-limits")
    else:
        yield book.say(f"reason.{reason}")
        holding = {
            "not-aggregable": "identity",
            "no-noise": FORMER_EPSILON,
            **{axis: axis for axis in ("group", "budget", "retention")},
        }.get(reason)
        more = [note.more for note in axes if note.axis == holding]
        yield more[0] if more else book.say("until-rules")


def _is_closed(note: AxisNote) -> bool:
    return note.axis != "group" and note.value in ("none", 0, 0.0)


def _axes(matter: ExplanationRequest, decision: Decision, book: PhraseBook) -> Iterator[AxisNote]:
    """Yield the axes that bind; where a resident's consent does not hold, only that."""
    bounds = dict(decision.bounds)
    if decision.reason in OF_CONSENT and matter.refusals():
        yield _note(matter, "identity", BOTTOM, bounds["identity"], book)
    elif bounds:
        point = _point(matter, bounds)
        for axis in _binding_axes(matter, point):
            if axis in bounds:
                yield _note(matter, axis, point, bounds[axis], book)


def _binding_axes(matter: ExplanationRequest, point: Disclosure) -> Iterator[str]:
    yield from ("identity", "time", "space")
    yield from (f"{PRECISION}{name}" for name in matter.leaving())
    if matter.consents is not None and point.identity <= Identity.AGGREGATE:
        yield "group"
        if point.budget < inf:
            yield "budget"
        if point.former_epsilon < inf:
            yield FORMER_EPSILON
    yield "retention"


def _note(matter: ExplanationRequest, axis: str, point: Disclosure, sources: tuple[str, ...], book: PhraseBook) -> AxisNote:
    value = _on_axis(point, axis)
    flow = matter.policies.flows.get(matter.flow)
    told = book.value(axis, value, matter.zone, Period.DAY if flow is None else flow.period)
    holders = book.holders(sources, matter.profile, matter.speakers())
    return AxisNote(
        axis=axis,
        value=_written(matter, axis, value),
        bounded_by=sources,
        label=book.axis(axis),
        value_text=told,
        holders_text=holders,
        summary=book.say("limited", value=told, holders=holders),
        more=book.say("more.bounded", holders=holders),
    )


def _on_axis(point: Disclosure, axis: str) -> Any:
    if axis.startswith(PRECISION):
        return point.step(axis.removeprefix(PRECISION))
    if axis == FORMER_EPSILON:
        return point.former_epsilon
    return point.retention_days if axis == "retention" else getattr(point, axis)


def _written(matter: ExplanationRequest, axis: str, value: Any) -> object:
    """Return a value as policies write it; precision as the step to which a property is floored."""
    if axis.startswith(PRECISION):
        return f"{matter.policies.properties[axis.removeprefix(PRECISION)].rung(value):f}"
    return value.label if axis in ("identity", "time", "space") else value


def _point(matter: ExplanationRequest, bounds: dict[str, tuple[str, ...]]) -> Disclosure:
    """Return the meet of all sources, axis by axis and not collapsed: each axis is where its sources bound it."""
    values: dict[str, Any] = {axis: _on_axis(_speaks(matter, sources[0]), axis) for axis, sources in bounds.items()}
    return Disclosure(
        identity=values.get("identity", TOP.identity),
        time=values.get("time", TOP.time),
        space=values.get("space", TOP.space),
        precision=tuple((axis.removeprefix(PRECISION), step) for axis, step in values.items() if axis.startswith(PRECISION)),
        group=values.get("group", TOP.group),
        retention_days=values.get("retention", TOP.retention_days),
        budget=values.get("budget", TOP.budget),
        former_epsilon=values.get(FORMER_EPSILON, TOP.former_epsilon),
    )


def _speaks(matter: ExplanationRequest, source: str) -> Disclosure:
    """Return the point that a source of a decision's bounds stands for."""
    policies = matter.policies
    kind, _, name = source.partition(":")
    if kind == "ask":
        return policies.flows[matter.flow].ask
    if kind == "consent":
        consent = (matter.consents or ())[int(name)]
        return BOTTOM if consent is None else on_rung(binding_limits(consent.limits), policies.limits)
    if kind == "neighbourhood":
        return on_rung(policies.neighbourhoods[name], policies.limits)
    return on_rung(policies.profiles[matter.profile].cap if kind == "class-cap" else policies.ceiling, policies.limits)
