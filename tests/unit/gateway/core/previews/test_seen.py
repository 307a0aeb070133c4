"""Seen: what a preview shows of a day is, to the digit, what the recipient then got of it."""

from __future__ import annotations

from typing import Any

import pytest

from consent.core.disclosure import TOP, Disclosure, Space, Time
from consent.core.outcome import decide_device, outcome
from consent.core.review.population import agreeing
from gateway.core.changes import changes
from gateway.core.figures.draws import Draw, Slice
from gateway.core.figures.noisy import close_noisy
from gateway.core.mqtt.events import Frame
from gateway.core.plans import Device
from gateway.core.previews.seen import PreviewSource, SeenPart, day_held, seen
from gateway.core.release.guarding import conditions_of
from gateway.recipient.records import Record
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, Gate, limited, reading, town
from tests.support.publications import FIRST_DAY_MS, joined, noisy_town

QUARTER_MS = 15 * MINUTE_MS


def preview(gate: Gate, devices: list[Device], flow: str, name: str, limits: Disclosure = TOP, day_ms: int = 0) -> list[SeenPart]:
    """Return what would have been seen of a household's devices under some limits."""
    policies = gate.state.policies
    sources = []
    for device in devices:
        consents = [agreeing(policies, flow, limits)]
        decision = decide_device(policies, flow, consents, device.zone, device.profile, gate.now_ms, device.owner)
        found = outcome(policies, policies.flows[flow], name, decision, device.zone)
        assert not found.reason, found.reason
        series = next(each for each in gate.state.memories[device.id].previews if each.observed_property == name)
        sources.append(PreviewSource(device, series, found))
    return seen(policies, policies.flows[flow], name, sources, day_ms or day_held([s.series for s in sources], gate.now_ms))


def told_by(device: Device, t_ms: int, field: str, value: float) -> Frame:
    """Return a frame with one reading of a field."""
    fields: dict[str, Any] = {field: value}
    return reading(device, t_ms, **fields)


def day_of(gate: Gate, devices: list[Device], field: str, step_ms: int = QUARTER_MS, start: float = 0.1) -> None:
    """Let devices report all of the present day, unevenly, up to and with the next midnight, and the lateness pass."""
    begin_ms = gate.now_ms
    for number in range(DAY_MS // step_ms + 1):
        t_ms = begin_ms + number * step_ms
        gate.now_ms = t_ms
        values = [start + 0.037 * ((number * 7 + at) % 11) for at in range(len(devices))]
        if field == "total":
            values = [start + 0.3 * number + at for at in range(len(devices))]
        gate.take(*(told_by(device, t_ms, field, value) for device, value in zip(devices, values, strict=True)))
        gate.to(t_ms)
    gate.to(begin_ms + DAY_MS + LATENESS_MS)


def told(records: list[Record], flow: str, day_ms: int) -> list[tuple[tuple[int, int], float]]:
    """Return what the recipient got by a flow of a day: spans and figures, in order of time."""
    own = [record for record in records if record.flow == flow and day_ms <= record.phenomenon_time[0] < day_ms + DAY_MS]
    return sorted(((record.phenomenon_time[0], record.phenomenon_time[1]), record.result) for record in own)


def shown(parts: list[SeenPart]) -> list[tuple[tuple[int, int], float]]:
    """Return the same of a preview."""
    return [(part.span_ms, part.value) for part in parts]


@pytest.mark.parametrize("flow", ["daily", "raw"])
@pytest.mark.parametrize("limits", [TOP, limited(space=Space.CITY)])
def test_what_leaves_by_itself_is_to_the_digit_what_the_recipient_got(flow: str, limits: Disclosure) -> None:
    """A day's total under a made-up name, and each reading."""
    gate = Gate()
    home = gate.home(flow, limits=limits)
    day_of(gate, [home], "kwh")
    got = told(gate.records(), flow, MIDNIGHT_MS)
    parts = preview(gate, [home], flow, "consumption", limits)
    assert shown(parts) == got
    assert len(got) == (1 if flow == "daily" else 96)
    assert all(part.is_alone and part.spread is None for part in parts)


def test_total_of_a_household_with_two_meters_is_one_total_of_both() -> None:
    """As it stands once in a window, however many meters it has."""
    gate = Gate()
    home = gate.home("daily")
    other = gate.device(home.subject)
    day_of(gate, [home, other], "kwh")
    assert shown(preview(gate, [home, other], "daily", "consumption")) == told(gate.records(), "daily", MIDNIGHT_MS)


def test_total_of_dense_readings_is_right_though_only_slots_are_held() -> None:
    """One a minute; the slots keep sums."""
    gate = Gate()
    home = gate.home("daily")
    day_of(gate, [home], "kwh", 5 * MINUTE_MS)
    assert shown(preview(gate, [home], "daily", "consumption")) == told(gate.records(), "daily", MIDNIGHT_MS)


def alike(gate: Gate, homes: list[Device], field: str) -> None:
    """Let homes report the same all through the first day that counts, and let it pass."""
    for number in range(96):
        gate.now_ms = t_ms = FIRST_DAY_MS + number * QUARTER_MS
        gate.take(*(told_by(home, t_ms, field, 1.0 + 0.25 * (number % 13)) for home in homes))
    gate.to(FIRST_DAY_MS + DAY_MS + LATENESS_MS)


@pytest.mark.parametrize(("flow", "name", "field"), [("hourly", "consumption", "kwh"), ("nights", "LAeq", "db")])
def test_part_of_a_figure_is_what_the_figure_is_of_homes_that_are_all_alike(flow: str, name: str, field: str) -> None:
    """Fifty alike: a mean is each one's own, a sum fifty times that; window for window."""
    gate, homes = joined(town(), 50, flow)
    gate.now_ms = FIRST_DAY_MS
    alike(gate, homes, field)
    got = told(gate.records(), flow, FIRST_DAY_MS)
    parts = preview(gate, homes[:1], flow, name)
    assert len(parts) == 24
    assert not any(part.is_alone for part in parts)
    if field == "db":
        assert shown(parts) == got
    else:
        assert [span for span, _ in shown(parts)] == [span for span, _ in got]
        assert [50 * part.value for part in parts] == pytest.approx([value for _, value in got])


@pytest.mark.parametrize("budget", [2.0, 1.0])
def test_part_of_a_noisy_figure_is_clipped_as_it_is_drawn(budget: float) -> None:
    """A draw without noise of this home alone is its part; and where it permits half of μ, half of the bound."""
    limits = limited(budget=budget)
    gate, (home,) = joined(noisy_town(group=1), 1)
    gate.now_ms = FIRST_DAY_MS
    gate.grant(home, "hourly", limits)
    gate.now_ms += DAY_MS
    begin_ms = gate.now_ms
    for hour in range(24):
        gate.send(home, begin_ms + hour * HOUR_MS, kwh=2.0 + hour % 3)
    (table,) = [each for each in gate.state.windows.tables.values() if each.start_ms == begin_ms]
    mechanism = gate.state.policies.mechanisms["hourly", "consumption"]
    conditions = conditions_of(gate.state, gate.now_ms)
    drawn = close_noisy(Slice(table, 0, 24), mechanism, conditions, (), lambda n, variance: [0] * n)
    assert isinstance(drawn, Draw)
    parts = preview(gate, [home], "hourly", "consumption", limits, begin_ms)
    assert shown(parts) == [(figure.span_ms, figure.value) for figure in drawn.figures]
    assert {part.spread for part in parts} == {figure.standard_error for figure in drawn.figures}
    norm = sum(part.value**2 for part in parts)
    assert norm <= (10 * budget / 2) ** 2


def test_counter_shows_what_each_hour_took() -> None:
    """Differences from one full hour to the next, of readings that stand for what was counted until then."""
    gate = Gate()
    homes = gate.homes(50, "register")
    gate.take(*(reading(home, gate.now_ms, total=100.0) for home in homes))
    for quarter in range(1, 97):
        gate.now_ms = MIDNIGHT_MS + quarter * QUARTER_MS
        gate.take(*(reading(home, gate.now_ms, total=100.0 + 0.25 * quarter) for home in homes))
    gate.to(MIDNIGHT_MS + DAY_MS + LATENESS_MS)
    parts = preview(gate, homes[:1], "register", "totalConsumption")
    assert shown(parts) == [((MIDNIGHT_MS + h * HOUR_MS, MIDNIGHT_MS + (h + 1) * HOUR_MS), 1.0) for h in range(24)]


def test_less_is_fewer_and_coarser_windows() -> None:
    """By four hours instead of one."""
    gate = Gate()
    home = gate.home()
    day_of(gate, [home], "kwh")
    fine = preview(gate, [home], "hourly", "consumption")
    coarse = preview(gate, [home], "hourly", "consumption", limited(time=Time.HOUR_4))
    assert [len(fine), len(coarse)] == [24, 6]
    assert [part.value for part in coarse] == pytest.approx([sum(p.value for p in fine[at : at + 4]) for at in range(0, 24, 4)])


def test_nothing_of_before_the_start_and_nothing_of_another_day_is_shown() -> None:
    """Where nothing is held of yesterday, it is today so far."""
    gate = Gate()
    home = gate.home()
    gate.now_ms += 10 * HOUR_MS
    gate.send(home, kwh=1.0)
    (part,) = preview(gate, [home], "hourly", "consumption")
    assert part.span_ms == (MIDNIGHT_MS + 10 * HOUR_MS, MIDNIGHT_MS + 11 * HOUR_MS)
    assert preview(gate, [home], "hourly", "consumption", day_ms=MIDNIGHT_MS - DAY_MS) == []


def test_repeats_and_readings_that_are_refused_count_nowhere() -> None:
    """With a yes and without one."""
    for scopes in ((), ("daily",)):
        gate = Gate()
        home = gate.home(*scopes)
        for _ in range(3):
            gate.send(home, MIDNIGHT_MS, kwh=1.0)
        gate.send(home, MIDNIGHT_MS + 30 * DAY_MS, kwh=5.0)
        (part,) = preview(gate, [home], "daily", "consumption")
        assert part.value == pytest.approx(1.005)


def test_readings_go_with_the_device_the_household_and_the_process() -> None:
    """Nothing is left of them in memory, and what is stored holds none from which another process could have them."""
    gate = Gate()
    revoked, moved, erased = gate.home(), gate.home(), gate.home()
    other = gate.home()
    for home in (revoked, moved, erased):
        gate.send(home, kwh=1.0)
        assert any(list(each.held(0, gate.now_ms)) for each in gate.state.memories[home.id].previews)
    series = [each for home in (revoked, moved, erased) for each in gate.state.memories[home.id].previews]
    changes.revoke_device(gate.state, revoked.place, gate.now_ms)
    assert gate.state.memories[revoked.id].previews == ()
    changes.move_device(gate.state, moved, other.subject or b"", gate.now_ms)
    assert not any(list(each.held(0, gate.now_ms)) for each in gate.state.memories[moved.id].previews)
    gate.erase(erased)
    assert erased.id not in gate.state.memories
    assert not any(list(each.held(0, gate.now_ms)) for each in series), "nothing lies in their former places"
    gate.send(other, kwh=1.0)
    memory = gate.state.memories[other.id]
    stored = memory.state()
    assert any(list(each.held(0, gate.now_ms)) for each in memory.previews)
    memory.end_previews()
    assert memory.state() == stored


def test_readings_of_a_device_that_another_has_replaced_go_with_what_is_remembered_of_it() -> None:
    """Its place among all that is held may become another household's."""
    gate = Gate()
    home = gate.home()
    gate.send(home, kwh=1.0)
    series = gate.state.memories[home.id].previews
    gate.state.forget_devices_but(())
    assert not any(list(each.held(0, gate.now_ms)) for each in series)


def test_readings_go_after_48_hours_of_silence() -> None:
    """Each hour looks for what has come to be too old, whether or not anything comes in."""
    gate = Gate()
    home = gate.home()
    gate.send(home, kwh=1.0)
    series, sent_ms = gate.state.memories[home.id].previews, gate.now_ms
    gate.state.turn(sent_ms + DAY_MS)
    assert any(list(each.held(0, sent_ms)) for each in series)
    gate.state.turn(sent_ms + 2 * DAY_MS)
    assert not any(list(each.held(0, sent_ms)) for each in series)


def test_consent_or_rules_that_change_lose_no_reading() -> None:
    """Plans are compiled anew; what is held stays."""
    gate = Gate()
    home = gate.home()
    gate.send(home, kwh=1.0)
    gate.grant(home, "hourly")
    gate.apply(gate.state.policies)
    (part,) = preview(gate, [home], "hourly", "consumption")
    assert part.value == 1.0


def test_readings_about_nobody_are_not_held() -> None:
    """The city's own sensors are no household's."""
    gate = Gate()
    sensor = gate.device()
    gate.send(sensor, db=50.0)
    assert gate.state.memories[sensor.id].previews == ()
