"""Warnings about valid policies: data that goes nowhere, flows that can yield nothing, names that nothing uses.

None of them keeps a set from being put in force. A note is about something that may be intended, a warning about something
that hardly is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final

from consent.core.cases.cases import PRECISION, axes_of
from consent.core.consents.records import Consent
from consent.core.decide import Owner
from consent.core.disclosure import AxisLevel, Disclosure, Identity, Time
from consent.core.outcome import decide_device, reason_besides
from consent.core.policies.parse import DEVICES, NEIGHBOURHOODS
from consent.core.policies.policy import CITY_FILE, Flow, PolicySet, Statistic
from consent.core.policies.property import Property, Range
from consent.core.review.plausible import plausible_range
from consent.core.review.population import agreeing
from consent.errors import message_line
from consent.printable import one_line

_LEAST_EXACT: Final = 50
"""Below so many homes an attacker who has learnt one's habits tells from an exact sum whether it is in it (docs/privacy.md)."""


class Weight(StrEnum):
    """How likely it is to be a mistake."""

    NOTE = "note"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Note:
    """Something suspicious.

    Attributes:
        file: Relative to the policies folder.
        key: Dotted path of what it is about; empty where that is the whole file.
        message: What is suspicious, in one line.
    """

    weight: Weight
    file: str
    key: str
    message: str

    def __post_init__(self) -> None:
        """Make what it quotes fit a line, as in a ``PolicyError``."""
        for name, text in (("file", one_line(self.file)), ("key", one_line(self.key)), ("message", message_line(self.message))):
            object.__setattr__(self, name, text)

    def __str__(self) -> str:
        """Return the note as a line."""
        where = f"`{self.file}`: `{self.key}`" if self.key else f"`{self.file}`"
        return f"{self.weight}: {where}: {self.message}"


def notes_on(policies: PolicySet) -> tuple[Note, ...]:
    """Return everything suspicious about policies, warnings first."""
    found = chain(
        _cut_short(policies),
        _hopeless(policies),
        _beyond_the_ceiling(policies),
        _ignored(policies),
        _left_out(policies),
        _few_in_the_open(policies),
        _loud(policies),
        _unfed(policies),
        _unused(policies),
        _unasked(policies),
        _left_open(policies),
    )
    return tuple(sorted(found, key=lambda note: note.weight is Weight.NOTE))


def _warning(key: str, message: str, file: str = CITY_FILE) -> Note:
    return Note(Weight.WARNING, file, key, message)


def _note(key: str, message: str, file: str = CITY_FILE) -> Note:
    return Note(Weight.NOTE, file, key, message)


def _cut_short(policies: PolicySet) -> Iterator[Note]:
    """Files whose last line has no end: cut short, `group = 25` reads as `group = 2`."""
    for path, data in policies.files.items():
        if not data.endswith(b"\n"):
            yield _warning("", "its last line has no line end: it may have been cut short", path)


def _unasked(policies: PolicySet) -> Iterator[Note]:
    """Properties that a device profile sends and no flow mentions."""
    asked = {name for flow in policies.flows.values() for name in flow.properties}
    for profile in policies.profiles.values():
        for name in profile.fields:
            if name not in asked:
                yield _note(f"fields.{name}", f"no flow asks for `{name}`, so it goes nowhere", f"{DEVICES}/{profile.id}.toml")


def _unfed(policies: PolicySet) -> Iterator[Note]:
    """Properties that a flow asks for and no device profile sends."""
    sent = {name for profile in policies.profiles.values() for name in profile.fields}
    for flow in policies.flows.values():
        for name in flow.properties:
            if name not in sent:
                yield _warning(f"flow.{flow.id}.properties", f"no device profile sends `{name}`")


def _unused(policies: PolicySet) -> Iterator[Note]:
    """Purposes, recipients and neighbourhoods that nothing refers to."""
    flows = policies.flows.values()
    for purpose in sorted(policies.purposes.keys() - {flow.purpose for flow in flows}):
        yield _warning(f"purpose.{purpose}", "no flow serves it")
    for recipient in sorted(policies.recipients.keys() - {flow.recipient for flow in flows}):
        yield _warning(f"recipient.{recipient}", "no flow goes to it")
    for neighbourhood in sorted(policies.neighbourhoods.keys() - {zone.neighbourhood for zone in policies.zones.values()}):
        yield _warning("", "no zone names it, so it holds nowhere", f"{NEIGHBOURHOODS}/{neighbourhood}.toml")


def _beyond_the_ceiling(policies: PolicySet) -> Iterator[Note]:
    """Flows that ask for more than the city's own ceiling permits: citizens are asked for more than will be used."""
    for flow in policies.flows.values():
        ask, ceiling = _whole_ask(policies, flow), axes_of(policies.ceiling)
        for axis in _exceeded(ask, policies.ceiling):
            asked = axes_of(ask).get(axis, "unbounded")
            yield _warning(f"flow.{flow.id}.ask.{axis}", f"asks `{asked}`, beyond the city's ceiling of `{ceiling[axis]}`")


def _ignored(policies: PolicySet) -> Iterator[Note]:
    """Limits of earlier versions that bind nothing any more."""
    for name in policies.limits.ignored:
        yield _warning(
            f"limits.{name}", "binds nothing any more: figures about households have noise or a least group; take it out"
        )


def _left_out(policies: PolicySet) -> Iterator[Note]:
    """Neighbourhoods that demand a larger group than a flow's figures have: their homes stand in none of those."""
    flows = sorted({flow for flow, _ in policies.mechanisms})
    for neighbourhood, bounds in policies.neighbourhoods.items():
        smaller = [f"`{name}`" for name in flows if policies.flows[name].ask.group < bounds.group]
        if smaller:
            ask, whose = ("asks", "its") if len(smaller) == 1 else ("ask", "their")
            said = f"`{bounds.group}` is more than {', '.join(smaller)} {ask}: homes here stand in none of {whose} figures"
            yield _warning("ceiling.group", said, f"{NEIGHBOURHOODS}/{neighbourhood}.toml")


def _few_in_the_open(policies: PolicySet) -> Iterator[Note]:
    """Exact figures of fewer homes than hide one another."""
    exact = sorted({flow for (flow, _), mechanism in policies.mechanisms.items() if mechanism.is_exact})
    if exact and policies.limits.exact_group < _LEAST_EXACT:
        named = ", ".join(f"`{name}`" for name in exact)
        said = f"`{policies.limits.exact_group}` homes are few for figures without noise ({named}): among fewer than"
        yield _warning("limits.exact_group", f"{said} `{_LEAST_EXACT}`, one whose habits somebody knows is often found out")


def _left_open(policies: PolicySet) -> Iterator[Note]:
    """Keys that were left out, and without which more leaves: a recipient's public key, a precision that is asked of subjects."""
    for recipient in sorted({flow.recipient for flow in policies.flows.values()}):
        if policies.recipients[recipient].public_key_file is None:
            yield _note(f"recipient.{recipient}", "has no `public_key_file`: what it gets is sent in clear, as open data")
    for flow in policies.flows.values():
        if policies.rests_on_consent(flow):
            for name in flow.properties:
                prop = policies.properties[name]
                if flow.ask.step(name) is None and len(prop.ladder) > 1:
                    finest = f"{prop.ladder[0]:f} {prop.unit}"
                    yield _note(f"flow.{flow.id}.ask.precision.{name}", f"is left out, so the finest step is asked, `{finest}`")


def _loud(policies: PolicySet) -> Iterator[Note]:
    """Clamps so wide, or absent, that one value would outweigh all others in a figure, or silence it by its share."""
    for prop in policies.properties.values():
        figures = [flow for flow in policies.flows.values() if _bounds_in(flow, prop)]
        key = f"property.{prop.id}.clamp"
        open_to = [flow.id for flow in figures if flow.ask.identity is Identity.AGGREGATE and policies.rests_on_consent(flow)]
        if not prop.clamp and open_to:
            yield _warning(key, f"is missing: one household's value, however large, decides the figures of `{open_to[0]}`")
        for time in sorted({flow.ask.time for flow in figures} or {Time.DAY}, reverse=True):
            plausible, clamp = plausible_range(prop.id, prop.unit, time), prop.clamp_of(time)
            if clamp and plausible and not (plausible[0] <= clamp[0] and clamp[1] <= plausible[1]):
                what = (
                    f"`{_range_text(clamp)}` in a window of `{time.label}` is more than one home or sensor can plausibly measure"
                )
                yield _warning(key, f"{what}, `{_range_text(plausible)}`: a single value at the edge would outweigh all others")
                break


def _bounds_in(flow: Flow, prop: Property) -> bool:
    """Return whether a flow draws figures that the clamp of a property bounds."""
    return flow.statistic.get(prop.id, Statistic.COUNT) is not Statistic.COUNT


def _range_text(bounds: Range) -> str:
    return f"[{bounds[0]:f}, {bounds[1]:f}]"


def _whole_ask(policies: PolicySet, flow: Flow) -> Disclosure:
    """Return what a flow asks with the precision that it gets where it names none: the first step."""
    steps = {name: policies.properties[name].ladder[0] for name in flow.properties} | dict(flow.ask.precision)
    ask = flow.ask
    return Disclosure(ask.identity, ask.time, ask.space, tuple(steps.items()), ask.group, ask.retention_days, ask.budget)


def _exceeded(ask: Disclosure, ceiling: Disclosure) -> Iterator[str]:
    """Yield the axes on which an ask reveals more than a ceiling; group and budget bind only figures."""
    levels: tuple[tuple[str, AxisLevel, AxisLevel], ...] = (
        ("identity", ask.identity, ceiling.identity),
        ("time", ask.time, ceiling.time),
        ("space", ask.space, ceiling.space),
    )
    yield from (axis for axis, asked, most in levels if asked > most)
    for name, step in ask.precision:
        if step < (ceiling.step(name) or 0):
            yield f"{PRECISION}{name}"
    if ask.retention_days > ceiling.retention_days:
        yield "retention"
    if ask.identity is Identity.AGGREGATE:
        yield from (
            axis for axis, over in (("group", ask.group < ceiling.group), ("budget", ask.budget > ceiling.budget)) if over
        )


def _hopeless(policies: PolicySet) -> Iterator[Note]:
    """Flows that yield nothing whatever residents permit, everywhere or in one neighbourhood."""
    for flow in policies.flows.values():
        reasons = _reasons_by_neighbourhood(policies, flow)
        if not reasons:
            continue
        if all(reasons.values()):
            why = " or ".join(f"`{reason}`" for reason in sorted(set(reasons.values())))
            yield _warning(f"flow.{flow.id}", f"nothing can ever leave by it: {why} withholds everything, everywhere")
            continue
        for neighbourhood, reason in reasons.items():
            if reason and neighbourhood and reason != "group":  # which `_left_out` tells
                file = f"{NEIGHBOURHOODS}/{neighbourhood}.toml"
                yield _note("ceiling", f"nothing of `{flow.id}` leaves here: `{reason}` withholds it", file)


def _reasons_by_neighbourhood(policies: PolicySet, flow: Flow) -> dict[str, str]:
    """Return for each neighbourhood, and `""` for none, why everything is withheld there; empty where something is not."""
    consents = [agreeing(policies, flow.id)] if policies.rests_on_consent(flow) else None
    profiles = [profile.id for profile in policies.profiles.values() if profile.fields.keys() & set(flow.properties)]
    reasons: dict[str, str] = {}
    for zone in policies.zones.values():
        neighbourhood = zone.neighbourhood or ""
        if neighbourhood not in reasons and profiles:
            found = [_reason(policies, flow, consents, zone.id, each) for each in profiles]
            reasons[neighbourhood] = found[0] if all(found) else ""
    return reasons


def _reason(policies: PolicySet, flow: Flow, consents: list[Consent] | None, zone: str, profile: str) -> str:
    decision = decide_device(policies, flow.id, consents, zone, profile, 0, Owner.CITY)
    return decision.reason or reason_besides(policies, flow.id, profile, decision)
