"""What a change of policies would reveal: more or less, about whom, on which axis. Subjects are counted, never named.

Each flow is decided under the old and the new policies, by ``decide`` itself, for every device profile in every zone: for a
subject that agrees to everything, for one that agrees to figures only, and for devices without a subject. Where the registry is
known, also for every subject with its present consents; a consent that does not cover the new terms permits nothing, and what
it would reveal if renewed is what those who agree reveal. ``rules`` compares what no decision shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from consent.core.consents.book import applying
from consent.core.consents.records import Consent
from consent.core.disclosure import TOP, Disclosure, Identity
from consent.core.policies.policy import PolicySet
from consent.core.review.population import DeviceGroup, Voice, agreeing
from consent.core.review.reach import Direction, Reach, compared, reach_of
from consent.core.review.rows import Alike, Change, Rows, Whose
from consent.core.review.rules import Rule, rule_changes

_FIGURES_ONLY: Final = replace(TOP, identity=Identity.AGGREGATE)
_EVERYBODY: Final[tuple[tuple[Whose, Disclosure | None], ...]] = (
    (Whose.AGREEING, TOP),
    (Whose.FIGURES, _FIGURES_ONLY),
    (Whose.PUBLIC, None),
)
"""Who may be concerned, with the limits that they set.

Whoever sets others reveals more only where one of these does; or where an own demand kept them out of a figure, and the flow now
meets it, which only the registry's consents can tell.
"""

Concerned = dict[str, frozenset[bytes]]
"""Members by zone."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two sets of policies; ``keys`` are the recipients' public keys, as far as they are known."""

    policies: PolicySet
    keys: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Difference:
    """The effect of a change of policies.

    Attributes:
        changes: What is decided differently, increases first.
        rules: What differs besides decisions, increases first.
    """

    changes: tuple[Change, ...]
    rules: tuple[Rule, ...]

    @property
    def rises(self) -> bool:
        """Return whether anything reveals more than before."""
        return Direction.RISES in [row.direction for row in self.changes] + [rule.direction for rule in self.rules]

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "rises": self.rises,
            "changes": [change.as_data() for change in self.changes],
            "rules": [rule.as_data() for rule in self.rules],
        }


def diff(old: Side, new: Side, population: Iterable[DeviceGroup] | None = None) -> Difference:
    """Compare two sets of policies.

    Args:
        old: The set in force, or one taken to be.
        new: The set that may replace it.
        population: Whom it concerns; None where no registry is known.
    """
    comparison = _Comparison(old.policies, new.policies, population)
    comparison.weigh_everyone()
    comparison.weigh_standing()
    return Difference(tuple(comparison.rows.changes()), tuple(rule_changes(old.policies, new.policies, old.keys, new.keys)))


class _Comparison:
    """Decides under both sets, once for zones that have the same ceilings before and after."""

    def __init__(self, old: PolicySet, new: PolicySet, population: Iterable[DeviceGroup] | None) -> None:
        self._old = old
        self._new = new
        self._groups = list(population or ())
        self._flows = sorted(old.flows.keys() | new.flows.keys())
        zones = sorted(old.zones.keys() | new.zones.keys())
        self.rows = Rows(zones, max(old.ceiling.group, new.ceiling.group), counting=population is not None)
        self._alike: dict[object, list[str]] = defaultdict(list)
        for zone in zones:
            self._alike[self._place(zone)].append(zone)

    def _place(self, zone: str) -> object:
        """Return everything that decisions in a zone depend on."""
        return tuple([zone in p.zones and (p.zones[zone].neighbourhood,) for p in (self._old, self._new)])

    def weigh_everyone(self) -> None:
        """Compare for subjects that agree to everything, or to figures only, and for devices without a subject."""
        subjects, devices = self._members(has_subject=True), self._members(has_subject=False)
        for profile in sorted(self._old.profiles.keys() | self._new.profiles.keys()):
            for zones in self._alike.values():
                for whose, limits in _EVERYBODY:
                    here = devices if whose is Whose.PUBLIC else subjects
                    concerned = {zone: here.get((profile, zone), frozenset()) for zone in zones}
                    for flow in self._flows:
                        self._weigh_agreeing(whose, limits, flow, profile, concerned)

    def _members(self, *, has_subject: bool) -> dict[tuple[str, str], frozenset[bytes]]:
        found: dict[tuple[str, str], frozenset[bytes]] = {}
        for group in self._groups:
            if (group.voices is not None) is has_subject:
                key = group.profile, group.zone
                found[key] = found.get(key, frozenset()) | group.members
        return found

    def _weigh_agreeing(self, whose: Whose, limits: Disclosure | None, flow: str, profile: str, concerned: Concerned) -> None:
        consents = [None if limits is None else [agreeing(policies, flow, limits)] for policies in (self._old, self._new)]
        for alike in self._differences(whose, flow, profile, next(iter(concerned)), *consents):
            said = whose is Whose.FIGURES and self.rows.has(replace(alike, whose=Whose.AGREEING), next(iter(concerned)))
            if not said:
                self.rows.add(alike, concerned)

    def weigh_standing(self) -> None:
        """Compare what subjects reveal under their present consents."""
        weighed: dict[object, list[Alike]] = {}
        for group in self._groups:
            if group.voices is None:
                continue
            key = group.profile, self._place(group.zone), group.voices
            if key not in weighed:
                weighed[key] = [alike for flow in self._flows for alike in self._standing(group, flow)]
            for alike in weighed[key]:
                self.rows.add(alike, {group.zone: group.members})

    def _standing(self, group: DeviceGroup, flow: str) -> Iterator[Alike]:
        consents = [_resolved(policies, flow, group.voices or ()) for policies in (self._old, self._new)]
        return self._differences(Whose.STANDING, flow, group.profile, group.zone, *consents)

    def _differences(
        self,
        whose: Whose,
        flow: str,
        profile: str,
        zone: str,
        before: Sequence[Consent | None] | None,
        after: Sequence[Consent | None] | None,
    ) -> Iterator[Alike]:
        old: Reach = reach_of(self._old, flow, profile, zone, before)
        new: Reach = reach_of(self._new, flow, profile, zone, after)
        for axis, direction, was, now in compared(old, new):
            yield Alike(direction, whose, flow, profile, axis, was, now)


def _resolved(policies: PolicySet, flow_id: str, voices: Iterable[Voice]) -> list[Consent | None]:
    """Return each resident's consent to a flow, under the purpose that it has in these policies."""
    flow = policies.flows.get(flow_id)
    return [] if flow is None else [applying(voice, flow.id, flow.purpose) for voice in voices]
