"""`readings.show`: what the gate still holds of a household's readings, for the household alone."""

from __future__ import annotations

from decimal import Decimal

from consent.citizen_messages import OwnReadings, ReadingsAfter, ReadingsOf
from consent.core.disclosure import DAY_MS
from consent.messages import Id
from gateway.control.context import Caller, Control
from gateway.core.changes.subjects import devices_of
from gateway.core.ingest.series import SLOT_MS, SLOTS, HeldSlot, Series

_HOUR_MS = 3_600_000
_ADDED_UP = frozenset(("sum", "typical-day"))
"""Statistics of amounts: what came in a quarter of an hour is then their sum, and else their mean."""


def show(control: Control, caller: Caller, params: ReadingsAfter) -> OwnReadings:
    """Return the household's readings later than an instant, one a quarter of an hour, from memory alone."""
    state = control.state
    shown = []
    for device in devices_of(state, caller.subject):
        memory = state.memories.get(device.id)
        for series in () if memory is None else memory.previews:
            name = series.observed_property
            if name not in state.policies.properties:
                continue
            prop = state.policies.properties[name]
            is_amount = is_added_up(control, name)
            held = series.held(params.after_ms, control.clock.now_ms() + DAY_MS)
            shown.append(
                ReadingsOf(
                    device=Id(device.id),
                    profile=device.profile,
                    zone=device.zone,
                    property=name,
                    unit=prop.unit,
                    readings=[(each.t_ms, value_text(each, prop.ladder[0], is_amount=is_amount)) for each in held],
                )
            )
    return OwnReadings(
        since_start_ms=state.started_ms, hours=SLOTS * SLOT_MS // _HOUR_MS, slot_minutes=SLOT_MS // 60_000, series=shown
    )


def is_added_up(control: Control, observed_property: str) -> bool:
    """Return whether readings of a property are amounts, of which several come to their sum."""
    flows = control.state.policies.flows.values()
    return any(flow.statistic_of(observed_property) in _ADDED_UP for flow in flows)


def value_text(held: HeldSlot, first_step: Decimal, *, is_amount: bool) -> str:
    """Return what a slot comes to, in the unit: its sum, or the mean of its readings floored to the first step."""
    n = held.total if is_amount else held.total // held.readings
    return f"{n * first_step:f}"


def series_of(control: Control, device: bytes, observed_property: str) -> Series | None:
    """Return what is held of a property of a device; None where nothing can be."""
    memory = control.state.memories.get(device)
    return (
        None if memory is None else next((each for each in memory.previews if each.observed_property == observed_property), None)
    )
