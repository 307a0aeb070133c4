"""The phrase book: fills explanations with the policies' names for things, in one language.

``Phrases`` are the words for levels and amounts, which need no policies: receipts and audits speak with them too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from math import inf
from typing import Any, Final

from consent.core.consents.records import PURPOSE_PREFIX
from consent.core.decide import FORMER_EPSILON
from consent.core.disclosure import Disclosure, Space
from consent.core.exposure import Exposure, Telling
from consent.core.periods import Period
from consent.core.policies.policy import PolicySet, Statistic
from consent.core.profiles.profile import Texts
from consent.core.spread import times_in_100
from consent.texts.load import sentences

SENTENCES: Final = sentences("explanation")
"""What an explanation consists of, by language and key."""

UNITS: Final = {"kW.h": "kWh", "W.h": "Wh", "Cel": "°C", "ug/m3": "µg/m³", "mg/m3": "mg/m³", "1": "", "m3": "m³", "L": "l"}
"""How people write the units whose UCUM code they would not; any other is written as its code."""

PRECISION: Final = "precision."
"""How the name of an axis begins that bounds one property's precision."""


_ALWAYS: Final = 99
"""From how many times in 100 on that is said as `nearly always`."""


class Phrases:
    """The words of one language for levels, amounts and lists."""

    def __init__(self, language: str) -> None:
        """Use ``language``, one of ``LANGUAGES``."""
        self._words = SENTENCES[language]

    def say(self, key: str, **gaps: object) -> str:
        """Return a phrase with its placeholders filled."""
        return self._words[key].format(**gaps)

    def quoted(self, text: str) -> str:
        """Return a title in quotation marks."""
        return self.say("quoted", text=text)

    def listed(self, texts: Sequence[str]) -> str:
        """Join texts as a list in a sentence."""
        *first, last = texts
        return f"{', '.join(first)}{self.say('and')}{last}" if first else last

    def days(self, days: int) -> str:
        """Return a number of days."""
        return self.say("retention.one" if days == 1 else "retention.other", n=days)

    def budget(self, value: float, per: str = Period.DAY) -> str:
        """Return how much random noise there is.

        Args:
            value: μ of a period's figures; of what an earlier version wrote, the ε of a day's.
            per: `day`, `week`, or `former` for an ε.
        """
        amount = f"{value:.6f}".rstrip("0").rstrip(".") if value < inf else ""
        return self.say(f"budget.{per}", amount=self._decimal(amount)) if amount else self.say("budget.none")

    def exposure(self, exposure: Exposure, what: str, source: str) -> Iterator[str]:
        """Yield how far all that leaves of a quantity tells on a household, in sentences.

        Args:
            what: The quantity's name, in quotation marks.
            source: Whose permission it rests on: `household` or `answer`.
        """
        if exposure.telling is not Telling.NOISY:
            yield self.say(f"odds.{exposure.telling}", what=what)
            return
        span, longer = ("week", "weeks") if exposure.is_weekly else ("day", "month")
        yield self.say(f"odds.{span}", source=self.say(f"odds.{source}", what=what), n=times_in_100(exposure.mu))
        often = times_in_100(exposure.longer_mu)
        yield self.say(f"odds.{longer}-always") if often >= _ALWAYS else self.say(f"odds.{longer}", n=often)

    def step(self, step: Decimal, ucum: str) -> str:
        """Return a step of a property, of which the unit is a UCUM code."""
        return self.say("precision.step", step=self.amount(step, ucum))

    def amount(self, number: Decimal, ucum: str) -> str:
        """Return a number with its unit, a UCUM code."""
        return f"{self._decimal(f'{number:f}')} {UNITS.get(ucum, ucum)}".rstrip()

    def _decimal(self, number: str) -> str:
        return number.replace(".", self._words["decimal_point"])

    def bounds(self, bounds: Mapping[str, Any], title_of: Callable[[str], tuple[str, str]]) -> list[tuple[str, str]]:
        """Return (axis, level) in words of what bounds a disclosure, and nothing of the axes that are not bounded.

        Args:
            bounds: As ``consent.core.canonical.bounded_map`` writes them.
            title_of: Returns the title of a property, in quotation marks or as its id, and its unit as a UCUM code.
        """
        told = []
        for axis, value in bounds.items():
            if axis == "precision":
                for name, step in value.items():
                    title, unit = title_of(name)
                    told.append((self.say("axis.precision", what=title), self.step(Decimal(step), unit)))
            else:
                told.append((self.say(f"axis.{'budget' if axis == 'mu' else axis}"), self._bound(axis, value)))
        return told

    def _bound(self, axis: str, value: Any) -> str:
        match axis:
            case "space":
                return self.say(f"area.{value}")
            case "group":
                return self.say("group", n=value)
            case "retention":
                return self.days(value)
            case "mu":
                return self.budget(value)
            case "budget":
                return self.budget(value, "former")
        return self.say(f"{axis}.{value}")


class PhraseBook:
    """One language, and one city's names for things."""

    def __init__(self, policies: PolicySet, language: str) -> None:
        """Use ``language``, one of ``LANGUAGES``; names that the policies lack in it come from the city's first language."""
        self._policies = policies
        self._language = language
        self._phrases = Phrases(language)
        self.say = self._phrases.say
        self.listed = self._phrases.listed
        self.days = self._phrases.days

    def title(self, texts: Texts, name: str) -> str:
        """Return the title of something in quotation marks, or its ``name`` where the policies give none."""
        return self._phrases.quoted(self.text(texts) or name)

    def text(self, texts: Texts) -> str:
        """Return a text of the policies in this language, or in the city's first; empty where they have neither."""
        return texts.get(self._language) or texts.get(self._policies.city.languages[0], "")

    def flow(self, flow_id: str) -> str:
        """Return the title of a flow."""
        flow = self._policies.flows.get(flow_id)
        return self.title({} if flow is None else flow.title, flow_id)

    def scope(self, scope: str) -> str:
        """Return the title of a flow, or of a purpose as consents name it, without quotation marks; empty where there is none."""
        if scope.startswith(PURPOSE_PREFIX):
            purpose = self._policies.purposes.get(scope.removeprefix(PURPOSE_PREFIX))
            return "" if purpose is None else self.text(purpose.title)
        flow = self._policies.flows.get(scope)
        return "" if flow is None else self.text(flow.title)

    def why(self, flow_id: str) -> str:
        """Return the reason that the policies give for a flow, as a sentence of its own."""
        text = self.text(self._policies.flows[flow_id].why).strip()
        return self.say("why", why=text if text[-1:] in ".!?" else f"{text}.")

    def measured(self, properties: Sequence[str]) -> str:
        """Return the titles of observed properties."""
        return self.listed([self._property(name) for name in properties])

    def _property(self, name: str) -> str:
        return self.title(self._policies.properties[name].title, name)

    def exposed(self, exposure: Exposure) -> str:
        """Return how far all that leaves of a quantity of a household tells on it, in sentences."""
        quantity = self._policies.quantities.get(exposure.quantity)
        titles = self.measured(exposure.properties)
        named = titles if quantity is None or not quantity.title else self.title(quantity.title, quantity.id)
        return " ".join(self._phrases.exposure(exposure, named, "household"))

    def axis(self, axis: str) -> str:
        """Return the label of an axis."""
        if axis.startswith(PRECISION):
            return self.say("axis.precision", what=self._property(axis.removeprefix(PRECISION)))
        return self.say(f"axis.{'budget' if axis == FORMER_EPSILON else axis}")

    def value(self, axis: str, value: Any, zone: str, per: str = Period.DAY) -> str:
        """Return a point's value on an axis; ``zone`` is where the device stands, ``per`` what a budget is for."""
        if axis == "space":
            return self.say(f"space.{value.label}", place=self._place(zone, value))
        if axis in ("identity", "time"):
            return self.say(f"{axis}.{value.label}")
        if axis == "group":
            return self.say("group", n=value)
        if axis == "retention":
            return self.days(value)
        if axis == "budget":
            return self._phrases.budget(value, per)
        if axis == FORMER_EPSILON:
            return self._phrases.budget(value, "former")
        return self._step(axis.removeprefix(PRECISION), value)

    def precision(self, flow_id: str, properties: Sequence[str], disclosure: Disclosure) -> str:
        """Return how precisely each property is released; properties are named only where there are several."""
        told = []
        for name in properties:
            if self._policies.flows[flow_id].statistic.get(name) is Statistic.COUNT:
                amount = self.say("precision.count")
            else:
                amount = self._step(name, disclosure.step(name))
            told.append(amount if len(properties) == 1 else f"{self._property(name)} {amount}")
        return self.listed(told)

    def _step(self, name: str, step: Decimal | None) -> str:
        known = self._policies.properties[name]
        return self._phrases.step(known.rung(step), known.unit)

    def _place(self, zone_id: str, level: Space) -> str:
        """Return the name of the cell that a zone belongs to at a level."""
        zone = self._policies.zones.get(zone_id)
        if level is Space.NONE or zone is None:
            return ""
        if level is Space.CITY:
            return self._policies.city.name
        if level is Space.DISTRICT:
            return self.text(self._policies.districts[zone.district]) or zone.district
        return self.text(zone.title) or zone.id

    def holder(self, source: str, profile: str, speaker: str) -> str:
        """Return what sets a limit.

        Args:
            source: As in ``Decision.bounds``.
            profile: The device's profile.
            speaker: Whose consent it is, where the source is one: `own`, `other` or `resident`.
        """
        kind, _, name = source.partition(":")
        if kind == "consent":
            return self.say(f"holder.{speaker}")
        if kind == "neighbourhood":
            return self.say("holder.neighbourhood", title=self.title(self._policies.neighbourhood_titles[name], name))
        if kind == "class-cap":
            known = self._policies.profiles.get(profile)
            return self.say("holder.class-cap", title=self.title({} if known is None else known.title, profile))
        return self.say(f"holder.{kind}")

    def holders(self, sources: Sequence[str], profile: str, speakers: Sequence[str]) -> str:
        """Return what sets a limit together, each once; ``speakers`` says whose each consent is."""
        named = [self.holder(s, profile, speakers[int(s.partition(":")[2])] if s.startswith("consent:") else "") for s in sources]
        return ", ".join(dict.fromkeys(named))

    def recipient(self, flow_id: str, days: int) -> str:
        """Return to whom a flow goes, for what, and for how long."""
        flow = self._policies.flows[flow_id]
        recipient, purpose = self._policies.recipients[flow.recipient], self._policies.purposes[flow.purpose]
        return self.say(
            "to" if recipient.public_key_file is not None else "to-all",
            recipient=self.title(recipient.title, recipient.id),
            purpose=self.title(purpose.title, purpose.id),
            days=self.days(days),
        )
