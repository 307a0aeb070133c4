"""`public.state`: how the gateway is, as far as anyone may know; nothing of it tells when a home was heard."""

from __future__ import annotations

from typing import Final

from consent.messages import Nothing
from consent.public_messages import PublicState
from gateway.app import Gateway
from gateway.control.context import Caller, Control, MethodError

_MINUTE_MS: Final = 60_000


def show(control: Control, caller: Caller, params: Nothing) -> PublicState:
    """Tell how the running gateway is: its clock, whether it hears sensors and reaches the city, and whether it withholds."""
    if control.running is None:
        raise MethodError("no gateway is running")
    app, durable = control.running, control.durable
    disk = durable.store.disk_space
    return PublicState(
        gateway=durable.config.gateway,
        now_ms=control.clock.now_ms(),
        simulated=control.clock.simulated,
        rate=float(control.clock.rate),
        hears_sensors=app.link.connected,
        reaches_city=all(sink.connected for sink in app.delivery.sinks.values()),
        confirmed=durable.confirmed,
        disk_full=disk.low or disk.waits or durable.publisher.full,
        heard_ms=_heard_ms(control, app),
    )


class HeardMinute:
    """When, as of a minute, a sensor was last heard that is about nobody; found anew each minute, since it looks at all devices.

    Attributes:
        minute: Since the epoch.
        heard_ms: The beginning of the minute in which that was.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.minute = -1
        self.heard_ms = 0


def _heard_ms(control: Control, app: Gateway) -> int:
    kept, minute = control.kept(HeardMinute), control.clock.now_ms() // _MINUTE_MS
    if kept.minute != minute:
        state = app.durable.state
        public = [device.id for device in state.registry.devices.values() if device.subject is None]
        latest_ms = max((state.memories[each].heard.reading_ms for each in public if each in state.memories), default=0)
        kept.minute, kept.heard_ms = minute, max(0, latest_ms) // _MINUTE_MS * _MINUTE_MS
    return kept.heard_ms
