"""The verdict on an example: every point at which what came differs from what its profile's file says must come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isclose
from typing import Final

from consent.core.policies.property import Property
from consent.core.profiles.conversions import conversion
from consent.core.profiles.profile import Profile
from consent.printable import quoted
from gateway.core.examples.example import Example, ExampleMessage, ExpectedReading, utc_text
from gateway.core.examples.trial import Trial, Tried
from gateway.core.model import Observation, Reading, Reject

_CLOSE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One point at which an example came out otherwise.

    Attributes:
        key: What in the file says otherwise.
    """

    key: str
    message: str


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """What became of an example; it passed where nothing differs."""

    example: Example
    differences: tuple[Mismatch, ...]

    @property
    def passed(self) -> bool:
        """Whether the gateway makes of it what it must."""
        return not self.differences


def try_example(example: Example, profile: Profile, properties: Mapping[str, Property]) -> ExampleResult:
    """Try the messages of an example in their order, on a device that was never heard before."""
    trial = Trial(profile, properties)
    differences: list[Mismatch] = []
    for message in example.messages:
        tried = trial.take(message.topic, message.payload, message.received_ms, message.partial_iv)
        differences += _differences(message, tried, properties) if message.judged else ()
    return ExampleResult(example, tuple(differences))


def _differences(message: ExampleMessage, tried: Tried, properties: Mapping[str, Property]) -> Iterator[Mismatch]:
    wanted, got = _outcome_wanted(message), _outcome(tried)
    if wanted != got:
        yield Mismatch(message.key, f"expected {wanted}, got {got}")
    elif isinstance(tried.outcome, Reading):
        for name, expected, found in (("sequence", message.sequence, tried.sequence), ("boot", message.boot, tried.outcome.boot)):
            if expected is not None and expected != found:
                yield Mismatch(f"{message.key}.{name}", f"expected `{_shown(expected)}`, got `{_shown(found)}`")
        yield from _in_readings(message, tried, tried.outcome, properties)


def _outcome_wanted(message: ExampleMessage) -> str:
    if message.readings is not None:
        return "readings"
    return f"a refusal as `{message.reject}`" if message.reject else "nothing, for it is ignored"


def _outcome(tried: Tried) -> str:
    if isinstance(tried.outcome, Reject):
        return f"a refusal as `{tried.outcome.reason}`"
    return "readings" if isinstance(tried.outcome, Reading) else "nothing, for it is ignored"


def _in_readings(
    message: ExampleMessage, tried: Tried, reading: Reading, properties: Mapping[str, Property]
) -> Iterator[Mismatch]:
    """Yield how readings differ; those of one property are compared in the order of the message."""
    found: defaultdict[tuple[str, str], list[tuple[Observation, Reject | None]]] = defaultdict(list)
    devices = tried.devices or ("",) * len(reading.observations)
    for device, observation, refused in zip(devices, reading.observations, tried.refused, strict=True):
        found[device, observation.observed_property].append((observation, refused))
    costs = [each.reason for each in reading.refused]  # of values that are no observations; their fields are not told
    for expected in message.readings or ():
        rest = found[expected.device, expected.observed_property]
        if not rest and expected.refused in costs:
            costs.remove(expected.refused)
            continue
        if not rest:
            yield Mismatch(
                expected.key, f"expected `{expected.observed_property}`{_of(expected.device)}, and no such reading came"
            )
            continue
        observation, refused = rest.pop(0)
        unit = properties[expected.observed_property].unit
        yield from _in_value(expected, observation, refused, unit)
        if expected.time_ms is None:
            continue
        if not reading.has_time and message.received_ms is None:
            yield Mismatch(f"{expected.key}.time", "the time rests on the arrival: say in `received` when that is")
        elif expected.time_ms != observation.phenomenon_time_ms:
            wanted, got = utc_text(expected.time_ms), utc_text(observation.phenomenon_time_ms)
            yield Mismatch(f"{expected.key}.time", f"expected `{wanted}`, got `{got}`")
    yield from _beyond(message, found, costs, properties)


def _beyond(
    message: ExampleMessage,
    found: Mapping[tuple[str, str], list[tuple[Observation, Reject | None]]],
    costs: list[str],
    properties: Mapping[str, Property],
) -> Iterator[Mismatch]:
    """Yield what came that nobody expected."""
    key = f"{message.key}.readings"
    for (device, name), rest in found.items():
        for observation, refused in rest:
            came = f"refused as `{refused.reason}`" if refused else f"`{observation.result:g} {properties[name].unit}`"
            yield Mismatch(key, f"`{name}`{_of(device)} came too, {came}")
    for reason in costs:
        yield Mismatch(key, f"a value was refused as `{reason}`, and no reading says so")


def _of(device: str) -> str:
    return f" of {quoted(device)}" if device else ""


def _in_value(expected: ExpectedReading, observation: Observation, refused: Reject | None, unit: str) -> Iterator[Mismatch]:
    value = f"`{observation.result:.12g}`" if refused is None else f"a refusal as `{refused.reason}`"
    if expected.value is None:
        if refused is None or refused.reason != expected.refused:
            yield Mismatch(f"{expected.key}.refused", f"expected a refusal as `{expected.refused}`, got {value}")
        return
    by = conversion(expected.unit or unit, unit) if expected.converts else None
    wanted = expected.value if by is None else by.of(expected.value)
    if refused is not None or not _same(wanted, observation.result):
        yield Mismatch(f"{expected.key}.value", f"expected `{wanted}`, got {value}")
    if by is None and expected.unit is not None and expected.unit != unit:
        yield Mismatch(f"{expected.key}.unit", f"expected `{expected.unit}`, got `{unit}`, the property's")


def _shown(number: int | str | None) -> str:
    """Return a number or run as TOML writes it, so that a text of digits is told from a number."""
    return f'"{number}"' if isinstance(number, str) else str(number)


def _same(expected: Decimal, result: float) -> bool:
    """Return whether a value is the one that is written, but for what a double cannot hold."""
    return isclose(float(expected), result, rel_tol=_CLOSE, abs_tol=_CLOSE * _CLOSE)
