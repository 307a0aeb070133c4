"""The sinks that the configuration names, each created by its kind.

A new kind has a module here, a struct in ``gateway.config``, and a line in the table.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.config import Installation, MqttSinkSettings, SinkSettings
from gateway.core.mqtt.settings import SessionSettings
from gateway.edge.connections import link_settings, password
from gateway.edge.sinks.mqtt import MqttSink
from gateway.edge.sinks.port import Acknowledged, Sink, Wake


def _mqtt(place: Installation, name: str, settings: MqttSinkSettings, acknowledged: Acknowledged, wake: Wake) -> Sink:
    gateway = place.config.gateway
    session = SessionSettings(client_id=f"sluice-{gateway}-{name}", user=settings.user, password=password(place, settings))
    return MqttSink(name, gateway, link_settings(place, settings, session), acknowledged, wake)


_KINDS: dict[type[SinkSettings], Callable[[Installation, str, SinkSettings, Acknowledged, Wake], Sink]] = {
    MqttSinkSettings: _mqtt,
}


def configured_sinks(place: Installation, acknowledged: Acknowledged, wake: Wake) -> dict[str, Sink]:
    """Return the sinks of a gateway by their names.

    Args:
        acknowledged: Called with the log index of each bundle that was acknowledged.
        wake: Called by a sink that has connected, or received an acknowledgement.
    Raises: OperatorError: a password or certificate cannot be used.
    """
    return {
        name: _KINDS[type(settings)](place, name, settings, acknowledged, wake) for name, settings in place.config.sink.items()
    }
