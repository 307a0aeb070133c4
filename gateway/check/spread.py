"""The noise of figures about households, before any is drawn: what they cost in μ, and how far they will lie from the truth.

Errors follow from policies and from how many households there are, never from what anybody measured. Where a gateway is at hand
those that its registry has are counted, each cell by itself, as if all of them agreed; else examples are told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any, Final, NamedTuple

from consent.core.decide import Owner
from consent.core.disclosure import WINDOW_MS, Time
from consent.core.outcome import decide_device, measured, outcome
from consent.core.periods import Period, Publish
from consent.core.policies.accounting import spent
from consent.core.policies.policy import CITY_FILE, PolicySet, Statistic
from consent.core.policies.quantity import Mechanism
from consent.core.review.population import agreeing
from consent.core.review.warnings import Note, Weight
from consent.core.spread import error_of_mean, error_of_sum, error_per_home

EXAMPLES: Final = (20, 50, 200, 1000)
"""For how many homes errors are told where none are known."""

_LARGE: Final = 0.1
"""An error of the mean is useless from this part on of what a home at its bound has in each cell of its day.

A home at its bound uses several times what most do: a tenth of that is about a third of the mean, and hides the hours of a day.
"""


_SUMS: Final = (Statistic.SUM, Statistic.DELTA)


class Home(NamedTuple):
    """A device of the registry that is about a household: its profile, its zone, and a name for the household that is counted."""

    profile: str
    zone: str
    subject: str


@dataclass(frozen=True, slots=True)
class FigureError:
    """Standard errors of the noise, in the property's unit; of the mean as if the number of homes were told without noise.

    Attributes:
        total: Of a sum over all homes; None where means are told.
        mean: Of the homes' mean, of what a home comes to in a figure.
    """

    total: float | None
    mean: float


@dataclass(frozen=True, slots=True)
class ExpectedError:
    """The errors of one flow's figures of a property.

    Attributes:
        cell: Where; empty for an example.
        homes: How many are registered there, or of the example.
        wanted: Of how many at least the flow tells a figure.
        by_day: The errors where a period is drawn at once; None where the figures are exact.
        by_window: Where each window is; None where the figures are exact, or of a week.
        is_useless: Whether the error, as the flow is published, hides what the figures are about.
    """

    flow: str
    observed_property: str
    unit: str
    time: str
    cell: str
    homes: int
    wanted: int
    published: Publish
    period: Period
    by_day: FigureError | None
    by_window: FigureError | None
    is_useless: bool

    def as_data(self) -> dict[str, object]:
        """Return it as plain data."""
        errors = {"by_day": self.by_day, "by_window": self.by_window}
        return {
            "flow": self.flow,
            "property": self.observed_property,
            "unit": self.unit,
            "time": self.time,
            "cell": self.cell,
            "homes": self.homes,
            "wanted": self.wanted,
            "published": self.published.value,
            "period": self.period.value,
            **{key: None if error is None else {"total": error.total, "mean": error.mean} for key, error in errors.items()},
        }


class _Place(NamedTuple):
    """What a line of errors is of."""

    flow: str
    observed_property: str
    time: str
    cell: str


@dataclass(frozen=True, slots=True)
class QuantityUse:
    """How much of a day's μ the figures of a quantity use; ``most`` is None where policies name no limit."""

    quantity: str
    mu: float
    most: float | None

    def as_data(self) -> dict[str, object]:
        """Return it as plain data."""
        return {"quantity": self.quantity, "mu": round(self.mu, 6), "mu_day": self.most}


def uses(policies: PolicySet) -> list[QuantityUse]:
    """Return how much of μ each quantity uses a day, of those with noisy figures."""
    most = None if policies.limits.mu_day is None else float(policies.limits.mu_day)
    found = [QuantityUse(name, float(spent(policies, name)) ** 0.5, most) for name in policies.quantities]
    return [use for use in found if use.mu]


def homes_in(devices: Iterable[Mapping[str, Any]]) -> list[Home]:
    """Return the homes of a registry, from its devices as `device.list` gives them."""
    return [Home(each["profile"], each["zone"], each["subject"]) for each in devices if each["subject"] is not None]


def expected_errors(policies: PolicySet, homes: Iterable[Home]) -> list[ExpectedError]:
    """Return the errors of every flow that draws figures about households, in each cell that has homes, or else of examples."""
    known = tuple(homes)
    return [
        error
        for (flow, name), mechanism in sorted(policies.mechanisms.items())
        for error in _errors_of(policies, flow, name, mechanism, known)
    ]


def _errors_of(
    policies: PolicySet, flow_id: str, name: str, mechanism: Mechanism, homes: tuple[Home, ...]
) -> Iterator[ExpectedError]:
    if not homes:
        asked = policies.flows[flow_id].ask
        counts = [count for count in EXAMPLES if count >= asked.group] or EXAMPLES[-1:]
        yield from (_error(policies, flow_id, name, mechanism, asked.time, "", count) for count in counts)
        return
    cells: dict[tuple[Time, str], set[str]] = {}
    for (profile, zone), subjects in _by_place(homes).items():
        if name in measured(policies, flow_id, profile):
            decision = decide_device(policies, flow_id, [agreeing(policies, flow_id)], zone, profile, 0, Owner.CITY)
            found = outcome(policies, policies.flows[flow_id], name, decision, zone)
            if not found.reason:
                cells.setdefault((found.disclosure.time, found.level.cell), set()).update(subjects)
    for (time, cell), subjects in sorted(cells.items()):
        yield _error(policies, flow_id, name, mechanism, time, cell, len(subjects))


def _by_place(homes: tuple[Home, ...]) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for home in homes:
        found.setdefault((home.profile, home.zone), set()).add(home.subject)
    return found


def _error(
    policies: PolicySet, flow_id: str, name: str, mechanism: Mechanism, time: Time, cell: str, homes: int
) -> ExpectedError:
    flow = policies.flows[flow_id]
    wanted = max(flow.ask.group, policies.limits.exact_group) if mechanism.is_exact else flow.ask.group
    by_day = by_window = None
    if not mechanism.is_exact:
        by_day = _figure_error(replace(mechanism, publish=Publish.DAY), flow.statistic.get(name), time, homes)
        if mechanism.period is Period.DAY:
            by_window = _figure_error(replace(mechanism, publish=Publish.WINDOW), flow.statistic.get(name), time, homes)
    told = by_window if mechanism.publish is Publish.WINDOW else by_day
    is_useless = told is not None and told.mean > _LARGE * _at_bound(mechanism, flow.statistic.get(name), time)
    return ExpectedError(
        flow_id,
        name,
        policies.properties[name].unit,
        time.label,
        cell,
        homes,
        wanted,
        mechanism.publish,
        mechanism.period,
        by_day,
        by_window,
        is_useless,
    )


def _cells(mechanism: Mechanism, time: Time) -> int:
    return WINDOW_MS[time] // mechanism.quantity.cell_ms


def _is_mean(statistic: Statistic | None) -> bool:
    return statistic is Statistic.MEAN


def _figure_error(mechanism: Mechanism, statistic: Statistic | None, time: Time, homes: int) -> FigureError:
    sigma, cells = sqrt(mechanism.variance(WINDOW_MS[time])), _cells(mechanism, time)
    presence = float(mechanism.quantity.presence)
    mean = error_of_mean if _is_mean(statistic) else error_per_home
    total = error_of_sum(sigma, cells) if statistic in _SUMS else None
    return FigureError(total, mean(sigma, homes, cells, presence))


def _at_bound(mechanism: Mechanism, statistic: Statistic | None, time: Time) -> float:
    """Return what a home comes to in a figure that uses its bound evenly over the cells of its day."""
    in_a_cell = float(mechanism.clip) / sqrt(mechanism.quantity.cells_a_day)
    return in_a_cell if _is_mean(statistic) else in_a_cell * _cells(mechanism, time)


def notes_on_errors(errors: Iterable[ExpectedError]) -> Iterator[Note]:
    """Yield a warning for each flow that has too few homes ever to be told, or for its error to be useful.

    Examples are no homes: nothing is said of them.
    """
    by_flow: dict[tuple[str, str], list[ExpectedError]] = {}
    for error in errors:
        if error.cell:
            by_flow.setdefault((error.flow, error.observed_property), []).append(error)
    for (flow, name), those in by_flow.items():
        most = max(those, key=lambda error: error.homes)
        few = f"`{most.homes}` homes with `{name}` in `{most.cell}`, and nowhere more"
        if most.homes < most.wanted:
            said = f"the gateway has {few}: of fewer than `{most.wanted}` hardly a figure is ever told"
            yield Note(Weight.WARNING, CITY_FILE, f"flow.{flow}.ask.group", said)
        elif most.is_useless:
            told = most.by_window if most.published is Publish.WINDOW else most.by_day
            assert told is not None
            said = f"of {few}, the mean is told to ± `{told.mean:.3g} {most.unit}`, so coarsely that it says little"
            yield Note(Weight.WARNING, CITY_FILE, f"flow.{flow}", said)


def use_line(use: QuantityUse) -> str:
    """Return what a quantity uses of μ as a line."""
    most = "" if use.most is None else f" of `{use.most:g}`"
    return f"noise of `quantity.{use.quantity}`: μ {use.mu:.4g}{most} a day"


def error_lines(errors: Iterable[ExpectedError]) -> Iterator[str]:
    """Yield a line for each flow's figures in each cell; of examples, one for all of them."""
    by_place: dict[_Place, list[ExpectedError]] = {}
    for error in errors:
        by_place.setdefault(_Place(error.flow, error.observed_property, error.time, error.cell), []).append(error)
    for place, those in by_place.items():
        where = f"`{place.observed_property}` by `{place.time}`" + (f" in `{place.cell}`" if place.cell else "")
        yield f"error of `{place.flow}`, {where}: {_errors_text(those)}"


def _errors_text(errors: list[ExpectedError]) -> str:
    first = errors[0]
    if first.by_day is None:
        return "none, the figures are exact" + (f"; {first.homes} homes of {first.wanted} wanted" if first.cell else "")
    ways = [(first.period.value, [each.by_day for each in errors], Publish.DAY)]
    if first.by_window is not None:
        ways.append(("window", [each.by_window for each in errors], Publish.WINDOW))
    ways.sort(key=lambda way: way[2] is not first.published)
    said = [_way_text([error for error in figures if error is not None], errors) for _, figures, _ in ways]
    instead = [f"by the {way} instead: {text}" for (way, _, _), text in zip(ways[1:], said[1:], strict=True)]
    return "; ".join([f"drawn by the {ways[0][0]}: {said[0]}", *instead])


def _way_text(figures: list[FigureError], errors: list[ExpectedError]) -> str:
    total, unit = figures[0].total, errors[0].unit
    means = ", ".join(f"± {figure.mean:.3g} of {error.homes}" for figure, error in zip(figures, errors, strict=True))
    return ("" if total is None else f"sum ± {total:.3g} {unit}, ") + f"mean of homes in {unit} {means}"
