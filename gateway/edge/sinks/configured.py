"""The sinks that the configuration names, each created by its kind.

A new kind has a module here, a struct in ``gateway.config``, and a line in the table.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.config import Installation, MqttSinkSettings, SinkSettings
from gateway.edge.connections import sink_settings
from gateway.edge.sinks.mqtt import MqttSink
from gateway.edge.sinks.port import Acknowledged, Sink, Wake


def _mqtt(place: Installation, name: str, settings: MqttSinkSettings, acknowledged: Acknowledged, wake: Wake) -> Sink:
    return MqttSink(name, place.config.gateway, sink_settings(place, name, settings), acknowledged, wake)


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
