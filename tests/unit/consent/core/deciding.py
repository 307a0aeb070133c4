"""One decision with all that it depends on: made up as a whole, and changed one voice at a time.

``cases`` draws a town, a flow, a household and its device; ``speakers`` names the points of all who speak of it, as explanations
name them, and ``with_point`` lets one of them say something else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from consent.core.consents.records import Consent, Status
from consent.core.decide import Decision, binding_limits, decide, on_rung
from consent.core.disclosure import Disclosure
from consent.core.policies.notice import FlowTerms
from consent.core.policies.policy import PolicySet
from tests.support.consent_samples import NOW_MS, consent
from tests.support.generated import CLASSES, COMMUNITIES, DISTRICTS, RESIDENTS, Town, bounds, point, towns


@dataclass(frozen=True)
class Case:
    """All that one decision depends on."""

    town: Town
    policies: PolicySet
    flow: str
    consents: tuple[Consent | None, ...]
    zone: str
    profile: str

    @property
    def cap(self) -> Disclosure:
        """The most that the device's class may reveal."""
        return self.policies.profiles[self.profile].cap

    def decide(self, now_ms: int = NOW_MS) -> Decision:
        """Decide it."""
        return decide(self.policies, self.flow, self.consents, self.zone, self.cap, now_ms)


@st.composite
def cases(draw: st.DrawFn, *, standing: bool = False) -> Case:
    """A flow, a household of one to three residents and its device; with ``standing``, every consent holds."""
    town = draw(towns(closing=not standing))
    policies = town.policies()
    flow = draw(st.sampled_from(town.by_consent()))
    residents = RESIDENTS[: draw(st.integers(1, 3))]
    given = tuple(draw(said(policies, flow, resident, standing=standing)) for resident in residents)
    return Case(town, policies, flow, given, draw(st.sampled_from(sorted(DISTRICTS))), draw(st.sampled_from(CLASSES)))


@st.composite
def said(draw: st.DrawFn, policies: PolicySet, flow: str, resident: bytes, *, standing: bool = False) -> Consent | None:
    """What a resident says about a flow: for itself or for its purpose, to its terms or others, now in force or no longer."""
    scope = draw(st.sampled_from([flow, f"purpose:{policies.flows[flow].purpose}"]))
    terms = policies.terms_for(scope)
    given = consent(terms, scope, point(draw(bounds(closing=False))), resident)
    if standing:
        return given
    doubt = draw(st.sampled_from(["", "", "", "silent", "status", "expired", "terms"]))
    if doubt == "silent":
        return None
    if doubt == "status":
        return replace(given, status=draw(st.sampled_from(Status)))
    if doubt == "expired":
        return replace(given, expiry_ms=NOW_MS + draw(st.sampled_from([-1, 0, 1])))
    return consent(tuple(map(_narrower, terms)), scope, given.limits, resident) if doubt else given


def _narrower(terms: FlowTerms) -> FlowTerms:
    """Return terms that ask for less than these do."""
    return replace(terms, ask=replace(terms.ask, retention_days=terms.ask.retention_days - 1))


def speakers(case: Case) -> dict[str, Disclosure]:
    """Return the points of all who speak in a case whose consents hold, as they bind, by the names that explanations use."""
    policies = case.policies
    lowered = _as_they_bind(case)
    return {source: each if source == "ask" else on_rung(each, policies.limits) for source, each in lowered.items()}


def _as_they_bind(case: Case) -> dict[str, Disclosure]:
    policies = case.policies
    those = {"ask": policies.flows[case.flow].ask, "ceiling": policies.ceiling, "class-cap": case.cap}
    community = COMMUNITIES.get(case.zone)
    if community is not None:
        those[f"neighbourhood:{community}"] = policies.neighbourhoods[community]
    given_limits = [binding_limits(consent.limits) for consent in case.consents if consent is not None]
    return those | {f"consent:{number}": each for number, each in enumerate(given_limits)}


def with_point(case: Case, source: str, said: Disclosure) -> Case:
    """Return the case in which one who speaks says something else."""
    kind, _, which = source.partition(":")
    policies = case.policies
    if kind == "consent":
        return with_limits(case, int(which), said)
    if kind == "ask":
        flow = replace(policies.flows[case.flow], ask=said)
        policies = replace(policies, flows={**policies.flows, case.flow: flow})
        consents = tuple(consent and replace(consent, terms=policies.terms_for(consent.scope)) for consent in case.consents)
        return replace(case, policies=policies, consents=consents)
    if kind == "ceiling":
        return replace(case, policies=replace(policies, ceiling=said))
    if kind == "neighbourhood":
        return replace(case, policies=replace(policies, neighbourhoods={**policies.neighbourhoods, which: said}))
    profile = replace(policies.profiles[case.profile], cap=said)
    return replace(case, policies=replace(policies, profiles={**policies.profiles, case.profile: profile}))


def with_limits(case: Case, number: int, said: Disclosure) -> Case:
    """Return the case in which a resident permits something else."""
    consents = [consent and replace(consent, limits=said) if n == number else consent for n, consent in enumerate(case.consents)]
    return replace(case, consents=tuple(consents))
