"""What the city would have seen of a household by one flow, had its residents answered so or so: for the pages of a question."""

from __future__ import annotations

from decimal import Decimal

from consent.citizen_messages import SeenByCity
from consent.messages import Nothing
from gateway.control.citizens.readings import series_of
from gateway.control.context import ANYONE, Control
from gateway.control.public.numbers import flows
from gateway.core.previews.household import Household, Voices
from gateway.core.previews.seen import PreviewSource, SeenPart, day_held, seen


def seen_of(control: Control, home: Household, voices: Voices) -> list[SeenByCity]:
    """Return what would have been seen of the last day of which readings are held, property by property, in order of time."""
    homes = homes_among(control, home.flow.id)
    sources: dict[str, list[PreviewSource]] = {name: [] for name in home.properties}
    for each in home.told(voices):
        series = series_of(control, each.device.id, each.observed_property)
        if series is not None and not each.found.reason:
            sources[each.observed_property].append(PreviewSource(each.device, series, each.found))
    held = [source.series for those in sources.values() for source in those]
    day_ms = day_held(held, home.now_ms)
    return [
        _shown(home, part, homes)
        for name, those in sources.items()
        for part in seen(home.policies, home.flow, name, those, day_ms, homes)
    ]


def homes_among(control: Control, flow: str) -> int:
    """Return among about how many homes one usually was in a flow's latest figures, by the numbers that anyone may ask for."""
    served = next((each for each in flows(control, ANYONE, Nothing()).flows if each.flow == flow), None)
    return served.days[0].usual if served is not None and served.days else 0


def _shown(home: Household, part: SeenPart, homes: int) -> SeenByCity:
    cohort = part.cohort
    return SeenByCity(
        property=cohort.observed_property,
        unit=home.policies.properties[cohort.observed_property].unit,
        statistic=cohort.statistic,
        begin_ms=part.span_ms[0],
        end_ms=part.span_ms[1],
        value=f"{Decimal(repr(part.value)):f}",
        cell=cohort.cell,
        is_alone=part.is_alone,
        homes=0 if part.is_alone else homes,
        spread=part.spread,
    )
