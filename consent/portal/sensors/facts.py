"""What a page or sign says of a sensor of the city's own, in words: what, why, who gets it, in what form, for how long.

The facts are those of DTPR (Digital Trust for Places and Routines), without its pictures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from consent.portal.sensors.day import PART
from consent.portal.sensors.units import digits_of, symbol
from consent.portal.sensors.uses import PropertyUse, SensorUse
from consent.portal.visit import Visit
from consent.portal.ways.words import kept, title_of


@dataclass(frozen=True, slots=True)
class UseFacts:
    """One use of what a sensor measures.

    Attributes:
        flow: The flow's id, by which its page is found.
        title: The flow's.
        what: What leaves, each with unit and step.
        how: In what form, when and with which place.
        basis: On what it rests.
    """

    flow: str
    title: str
    what: tuple[str, ...]
    why: str
    who: str
    how: str
    kept: str
    basis: str


def facts_of(use: SensorUse, visit: Visit) -> UseFacts:
    """Return a use in the reader's words."""
    return UseFacts(
        flow=use.flow.id,
        title=visit.title(use.flow.title),
        what=tuple(_what(each, visit) for each in use.told),
        why=visit.title(use.flow.why),
        who=visit.title(use.recipient.title),
        how=_how(use.told[0], visit),
        kept=visit.text(PART, "kept", time=kept(visit, use.retention_days)),
        basis=visit.text(PART, "basis", purpose=listed([visit.title(use.purpose.title)])),
    )


def _what(use: PropertyUse, visit: Visit) -> str:
    known, unit = use.known, symbol(use.known.unit)
    step = visit.number(float(use.step), digits_of(use.step))
    name = title_of(visit, known)
    if not unit:
        return visit.text(PART, "what.count", what=name, step=step)
    return visit.text(PART, "what.measure", what=name, step=f"{step}\N{NO-BREAK SPACE}{unit}")


def _how(use: PropertyUse, visit: Visit) -> str:
    level, kind = use.outcome.level, "single" if use.outcome.is_single else "figure"
    return visit.text(
        PART,
        f"how.{kind}",
        time=visit.text(PART, f"{kind}-time.{level.time}"),
        place=visit.text(PART, f"space.{level.space}"),
    )


def listed(titles: Iterable[str]) -> str:
    """Return titles within a sentence: in small letters, but for names such as NO2."""
    return ", ".join(one[:1].lower() + one[1:] if one[1:2].islower() else one for one in titles)
