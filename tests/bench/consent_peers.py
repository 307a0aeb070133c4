"""The question of the consent bench, put to three engines: may this flow have all that it asks of this citizen's readings?

Ours answers more than that: at which level the flow may have less. Cedar and Rego say yes or no, so they are given what a
policy author would give them: levels as numbers, the notices that still hold, consents as attributes of what is asked for. Each
voice (class, neighbourhood, city, every resident) is held against the ask on six axes, as ours does on seven; ladders, bounds
and budgets are ours alone. Requests and data are made before the clock starts, policies are parsed once, and Cedar gets its
requests in batches.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pytest

from consent.core.consents.records import Consent
from consent.core.decide import binding_limits, decide
from consent.core.disclosure import Disclosure
from consent.core.policies.policy import PolicySet
from gateway.core.state import State
from tests.bench.consent_city import FLOWS, NOW_MS, PROPERTY, full_asks

BATCH: Final = 100
"""Requests that Cedar is given at a time: more, or fewer, are no faster."""

_STEPS_PER_UNIT: Final = 1000
_NEVER_MS: Final = 1 << 53

_REACHES = ("identity", "time", "space", "retention")
_STAYS_WITHIN = ("step", "group")


class Question(NamedTuple):
    """What is asked for one citizen and flow: the arguments of ``decide``, but for policies and clock."""

    flow: str
    consents: Sequence[Consent | None]
    zone: str
    cap: Disclosure
    citizen: str
    profile: str


def questions(state: State) -> list[Question]:
    """Return the question of every citizen and flow, with the consents that a gateway's book finds to apply."""
    policies = state.policies
    flows = [policies.flows[flow] for flow in FLOWS]
    return [
        Question(
            flow.id,
            tuple(state.registry.book.resolve(device.contributor, flow)),
            device.zone,
            policies.profiles[device.profile].cap,
            device.contributor.hex(),
            device.profile,
        )
        for device in state.registry.devices.values()
        for flow in flows
    ]


@dataclass(frozen=True, slots=True)
class Engine:
    """One that answers the questions: ``answer`` returns yes or no to each, in order, and is all that is timed."""

    name: str
    version: str
    answer: Callable[[], list[bool]]


def our_answers(policies: PolicySet, asked: Sequence[Question]) -> list[bool]:
    """Return our own answers: yes where the effective disclosure lets through all that the flow asks for."""
    asks = full_asks(policies)
    decided = [decide(policies, one.flow, one.consents, one.zone, one.cap, NOW_MS) for one in asked]
    return [asks[one.flow].reveals_no_more_than(decision.disclosure) for one, decision in zip(asked, decided, strict=True)]


def _numbers(point: Disclosure) -> dict[str, int]:
    """Return a point as whole numbers by axis; a step counts in thousandths, and one that is not bounded is none."""
    step = point.step(PROPERTY)
    return {
        "identity": int(point.identity),
        "time": int(point.time),
        "space": int(point.space),
        "step": 0 if step is None else int(step * _STEPS_PER_UNIT),
        "group": point.group,
        "retention": point.retention_days,
    }


def _asks(policies: PolicySet) -> dict[str, dict[str, int]]:
    """Return all that each flow asks for; one that names no step asks for the finest."""
    return {flow: _numbers(ask) for flow, ask in full_asks(policies).items()}


def _notices(policies: PolicySet, asked: Sequence[Question]) -> dict[str, list[str]]:
    """Return by flow the notices that still hold, as whoever keeps them would know."""
    found = {
        (one.flow, consent.notice.hex()): consent.terms[0] for one in asked for consent in one.consents if consent is not None
    }
    return {
        flow: [notice for (own, notice), told in found.items() if own == flow and policies.terms[flow].asks_no_more_than(told)]
        for flow in FLOWS
    }


def _said(consent: Consent | None) -> dict[str, Any]:
    """Return what a resident said as attributes; one who said nothing has permitted nothing."""
    if consent is None:
        return {"permits": False}
    return {
        "permits": consent.permits,
        "expiry": _NEVER_MS if consent.expiry_ms is None else consent.expiry_ms,
        "notice": consent.notice.hex(),
        **_numbers(binding_limits(consent.limits)),
    }


# Cedar


def _cedar_reach(voice: str) -> str:
    bounds = [f"{voice}.{axis} >= principal.{axis}" for axis in _REACHES]
    return " && ".join(bounds + [f"{voice}.{axis} <= principal.{axis}" for axis in _STAYS_WITHIN])


def _cedar_consent(said: str) -> str:
    holds = f"{said}.permits && {said}.expiry > context.now && principal.notices.contains({said}.notice)"
    return f"{holds} && {_cedar_reach(said)}"


_CEDAR_VOICES: Final = {
    "resident": _cedar_consent("resource.first"),
    "other-resident": f"!(resource has second) || ({_cedar_consent('resource.second')})",
    "class": _cedar_reach("resource.class"),
    "neighbourhood": _cedar_reach("resource.zone"),
    "city": _cedar_reach('City::"bench"'),
}

_CEDAR_PERMIT: Final = 'permit (principal is Flow, action == Action::"receive", resource is Readings)'


def _cedar_rules(one_rule: bool) -> str:
    """Return Cedar's policies: a rule for each voice, so that an answer names whose withholds; or all in one, which is faster."""
    if one_rule:
        return f"{_CEDAR_PERMIT} when {{ {' && '.join(f'({rule})' for rule in _CEDAR_VOICES.values())} }};"
    forbids = [
        f'@id("{voice}") forbid (principal, action, resource) unless {{ {rule} }};' for voice, rule in _CEDAR_VOICES.items()
    ]
    return "\n".join([f"{_CEDAR_PERMIT};", *forbids])


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": name}


def _entity(kind: str, name: str, attrs: dict[str, Any]) -> dict[str, Any]:
    return {"uid": _uid(kind, name), "attrs": attrs, "parents": []}


def _cedar_entities(policies: PolicySet, asked: Sequence[Question]) -> list[dict[str, Any]]:
    notices = _notices(policies, asked)
    entities = [_entity("City", "bench", _numbers(policies.ceiling))]
    entities += [_entity("Flow", flow, {**ask, "notices": notices[flow]}) for flow, ask in _asks(policies).items()]
    entities += [_entity("Class", profile.id, _numbers(profile.cap)) for profile in policies.profiles.values()]
    entities += [_entity("Zone", zone, _numbers(_community(policies, zone))) for zone in policies.zones]
    for one in asked:
        residents = dict(zip(("first", "second"), map(_said, one.consents), strict=False))
        places = {"zone": _uid("Zone", one.zone), "class": _uid("Class", one.profile)}
        attrs = {name: {"__entity": uid} for name, uid in places.items()} | residents
        entities.append(_entity("Readings", _readings(one), attrs))
    return entities


def _readings(one: Question) -> str:
    return f"{one.citizen}/{one.flow}"


def _community(policies: PolicySet, zone: str) -> Disclosure:
    """Return the ceiling of a zone's neighbourhood; the city's own where it has none."""
    return policies.neighbourhoods.get(policies.zones[zone].neighbourhood or "", policies.ceiling)


def cedar(policies: PolicySet, asked: Sequence[Question], *, one_rule: bool = False) -> Engine:
    """Return Cedar, with policies and citizens loaded. Skips where cedarpy is not installed."""
    library: Any = pytest.importorskip("cedarpy")
    entities = library.Entities.from_json_str(json.dumps(_cedar_entities(policies, asked)))
    rules = library.PolicySet.from_str(_cedar_rules(one_rule))
    context = json.dumps({"now": NOW_MS})
    action = _uid("Action", "receive")
    requests = [
        {"principal": _uid("Flow", one.flow), "action": action, "resource": _uid("Readings", _readings(one)), "context": context}
        for one in asked
    ]
    batches = [requests[at : at + BATCH] for at in range(0, len(requests), BATCH)]

    def answer() -> list[bool]:
        return [result.allowed for batch in batches for result in library.is_authorized_batch(batch, rules, entities)]

    return Engine("cedarpy", importlib.metadata.version("cedarpy"), answer)


# Rego

_REGO = (
    """
package bench

import rego.v1

default allow := false

allow if {
	flow := data.flows[input.flow]
	every said in input.consents { holds(said, flow) }
	reaches(data.classes[input.class], flow)
	reaches(data.zones[input.zone], flow)
	reaches(data.city, flow)
}

holds(said, flow) if {
	said.permits
	said.expiry > input.now
	said.notice in flow.notices
	reaches(said, flow)
}

reaches(bound, flow) if {
"""
    + "".join(f"\tbound.{axis} >= flow.{axis}\n" for axis in _REACHES)
    + "".join(f"\tbound.{axis} <= flow.{axis}\n" for axis in _STAYS_WITHIN)
    + "}\n"
)

_YES = '{"expressions":[true]}'


def rego(policies: PolicySet, asked: Sequence[Question]) -> Engine:
    """Return Rego, with the query compiled, and each citizen's consents in the request. Skips where regopy is not installed."""
    library: Any = pytest.importorskip("regopy")
    notices = _notices(policies, asked)
    engine = library.Interpreter()
    engine.add_data(
        {
            "flows": {flow: {**ask, "notices": notices[flow]} for flow, ask in _asks(policies).items()},
            "classes": {profile.id: _numbers(profile.cap) for profile in policies.profiles.values()},
            "zones": {zone: _numbers(_community(policies, zone)) for zone in policies.zones},
            "city": _numbers(policies.ceiling),
        }
    )
    engine.add_module("bench", _REGO)
    query = engine.build("data.bench.allow")
    requests = [library.Input(_rego_request(one)) for one in asked]

    def answer() -> list[bool]:
        answers = []
        for request in requests:
            engine.set_input(request)
            answers.append(str(engine.query_bundle(query)) == _YES)
        return answers

    return Engine("regopy", importlib.metadata.version("regopy"), answer)


def _rego_request(one: Question) -> dict[str, Any]:
    said = [_said(consent) for consent in one.consents]
    return {"flow": one.flow, "class": one.profile, "zone": one.zone, "consents": said, "now": NOW_MS}
