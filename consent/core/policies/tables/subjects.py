"""What a flow says about its figures about subjects: whether they have noise, of what period they are, and when they leave.

A flow draws such figures where it rests on consent and asks for identity `aggregate`. That it must ask for noise, or say that it
wants none, is a rule of ``consent.core.policies.unsupported``, since flows of earlier versions did neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from math import inf
from typing import Final

from consent.core.disclosure import WINDOW_MS, Identity, Time
from consent.core.periods import Period, Publish
from consent.core.policies.policy import Flow, Statistic
from consent.core.policies.property import Property
from consent.core.policies.quantity import Quantity
from consent.core.policies.tables.quantities import BOUND
from consent.core.toml.file import Number, Table, TomlFile

KEYS: Final = ("noise", "publish", "period", "clip")
"""Keys of a flow that only figures about subjects have."""


class Noise(StrEnum):
    """What a flow may say of noise; how much there is stands in its ask."""

    NONE = "none"


class FiguresTable(Table, frozen=True, kw_only=True):
    """The keys of a flow that only figures about subjects have."""

    noise: str | None = None
    publish: str | None = None
    period: str | None = None
    clip: Number | None = None

    def is_exact(self, file: TomlFile, key: str) -> bool:
        """Return whether the figures are to have no noise."""
        if self.noise is None:
            return False
        if self.noise != Noise.NONE:
            raise file.error(f"{key}.noise", f"`{self.noise}` is not `none`; `ask.budget` says how much noise there is")
        return True

    def publish_at(self, file: TomlFile, key: str) -> Publish:
        """Return when the figures leave."""
        return Publish.DAY if self.publish is None else file.choice(self.publish, Publish, f"{key}.publish")

    def period_of(self, file: TomlFile, key: str) -> Period:
        """Return how long the data of a figure are gathered at most."""
        return Period.DAY if self.period is None else file.choice(self.period, Period, f"{key}.period")

    def own_clip(self, file: TomlFile, key: str) -> Decimal | None:
        """Return the flow's own bound on a subject's vector."""
        return None if self.clip is None else file.number(self.clip, *BOUND, f"{key}.clip")


def check_figures(
    file: TomlFile,
    flow: Flow,
    table: FiguresTable,
    key: str,
    quantities: Mapping[str, Quantity],
    properties: Mapping[str, Property],
    *,
    by_consent: bool,
) -> None:
    """Refuse a flow whose figures about subjects cannot be made, or that speaks of such figures and draws none.

    Args:
        quantities: By the properties that they have.
        by_consent: Whether the flow rests on consent.
    """
    if not (by_consent and flow.ask.identity is Identity.AGGREGATE):
        _refuse_any(file, flow, table, key)
        return
    _check_times(file, flow, key)
    if flow.is_exact and flow.ask.budget < inf:
        raise file.error(f"{key}.noise", "`none` stands beside `ask.budget`, which asks for noise: leave one of them out")
    for name in flow.properties:
        if flow.ask.budget < inf and flow.statistic[name] is Statistic.MEAN and not properties[name].clamp:
            raise file.error(
                f"{key}.statistic.{name}", f"a `mean` with noise needs `property.{name}.clamp`, around whose middle it is drawn"
            )
        if name in quantities:
            _check_quantity(file, flow, quantities[name], key)


def _refuse_any(file: TomlFile, flow: Flow, table: FiguresTable, key: str) -> None:
    said = next((each for each in KEYS if getattr(table, each) is not None), None)
    if said is not None:
        raise file.error(f"{key}.{said}", "binds only figures about households: by consent, at identity `aggregate`")
    if flow.ask.budget < inf:
        raise file.error(f"{key}.ask.budget", "binds only figures about households: by consent, at identity `aggregate`")
    for name, statistic in flow.statistic.items():
        if statistic is Statistic.TYPICAL_DAY:
            raise file.error(f"{key}.statistic.{name}", f"`{statistic}` is of households: by consent, at identity `aggregate`")


def _check_times(file: TomlFile, flow: Flow, key: str) -> None:
    is_weekly = flow.period is Period.WEEK
    for name in flow.properties:
        if is_weekly and flow.statistic[name] is not Statistic.TYPICAL_DAY:
            raise file.error(
                f"{key}.statistic.{name}", f"`{flow.statistic[name]}` is of a day: over a `week` write `typical-day`"
            )
        if not is_weekly and flow.statistic[name] is Statistic.TYPICAL_DAY:
            raise file.error(f"{key}.period", '`typical-day` is of a week: write `period = "week"`')
    if is_weekly and WINDOW_MS[flow.ask.time] < WINDOW_MS[Time.HOUR_1]:
        raise file.error(f"{key}.ask.time", f"`{flow.ask.time.label}` is finer than the hours by which a `typical-day` is told")
    if is_weekly and flow.publish is Publish.WINDOW:
        raise file.error(f"{key}.publish", "`window`: a week's figures leave once it has ended, as `day` says")
    if flow.is_exact and (is_weekly or flow.publish is Publish.WINDOW):
        at_fault = "period" if is_weekly else "publish"
        raise file.error(f"{key}.{at_fault}", "exact figures of a quantity are all published by the `day`")


def _check_quantity(file: TomlFile, flow: Flow, quantity: Quantity, key: str) -> None:
    if WINDOW_MS[flow.ask.time] < quantity.cell_ms:
        cell = f"the `{quantity.cell.label}` of `quantity.{quantity.id}.cell`"
        raise file.error(f"{key}.ask.time", f"`{flow.ask.time.label}` is finer than {cell}")
    if flow.clip is None:
        return
    if flow.clip > quantity.clip:
        raise file.error(f"{key}.clip", f"`{flow.clip}` is more than the `{quantity.clip}` of `quantity.{quantity.id}.clip`")
    if flow.clip <= quantity.presence:
        weight = f"`{quantity.presence}`, the `presence` of `quantity.{quantity.id}`"
        raise file.error(f"{key}.clip", f"`{flow.clip}` should be above {weight}")
