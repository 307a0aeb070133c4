"""Connections as configured, with the passwords and certificates that their files hold; and the link to the sensors' broker."""

from __future__ import annotations

import codecs
import os
import ssl
from collections.abc import Callable, Iterator

from gateway.config import ConfigError, Connection, Installation
from gateway.core import pipeline
from gateway.core.mqtt.events import LinkEvent
from gateway.core.mqtt.settings import SessionSettings
from gateway.edge.link import LinkSettings
from gateway.edge.mqtt import MqttLink
from gateway.edge.tls import tls_context
from gateway.files import SecretFileError, read_secret_file
from gateway.recipient.wire import TOPIC_PREFIX

PACKET_HEAD_BYTES = 8192
"""Room for topic and properties beside the largest payload; anything longer is skipped unread, and costs no memory."""


def broker_link(place: Installation, on_event: Callable[[LinkEvent], None], wake: Callable[[], None]) -> MqttLink:
    """Return the link to the sensors' broker.

    Raises: OperatorError: a password or certificate cannot be used.
    """
    return MqttLink(_broker_settings(place), on_event=on_event, wake=wake)


def _broker_settings(place: Installation) -> LinkSettings:
    broker = place.config.broker
    session = SessionSettings(
        client_id=f"sluice-{place.config.gateway}",
        filters=broker.filters,
        shared_group=broker.shared_group,
        marker_prefix=TOPIC_PREFIX,
        user=broker.user,
        password=password(place, broker),
        keep_alive_s=broker.keep_alive_s,
        receive_max=broker.receive_maximum,
        largest_packet_bytes=pipeline.MAX_PAYLOAD_BYTES + PACKET_HEAD_BYTES,
    )
    return _link_settings(place, broker, session)


def each_connection(place: Installation) -> dict[str, LinkSettings]:
    """Return where and how each connection of a configuration is made, by the key of its table.

    Raises: OperatorError: a password or certificate cannot be used.
    """
    sinks = {f"sink.{name}": sink_settings(place, name, settings) for name, settings in place.config.sink.items()}
    return {"broker": _broker_settings(place), **sinks}


def sink_settings(place: Installation, name: str, sink: Connection) -> LinkSettings:
    """Return where and how to connect to a broker upstream.

    Raises: OperatorError: a password or certificate cannot be used.
    """
    session = SessionSettings(client_id=f"sluice-{place.config.gateway}-{name}", user=sink.user, password=password(place, sink))
    return _link_settings(place, sink, session)


def check_tls(place: Installation, connection: Connection) -> None:
    """Read the certificates that a connection names, without keeping them.

    Raises: OperatorError: a file cannot be used.
    """
    _tls(place, connection)


def configured_connections(place: Installation) -> Iterator[tuple[str, Connection]]:
    """Yield each connection of a configuration, by the key of its table."""
    yield "broker", place.config.broker
    for name, sink in place.config.sink.items():
        yield f"sink.{name}", sink


def password(place: Installation, connection: Connection) -> bytes | None:
    """Return the password that a connection names; None where it names none.

    Raises: ConfigError: its file cannot be used, or holds none.
    """
    path = place.path(connection.password_file)
    if path is None:
        return None
    if not os.path.lexists(path) and os.access(path.parent, os.X_OK):
        key = next(key for key, each in configured_connections(place) if each is connection)
        raise ConfigError(f"`{path}`: there is no such file; put the password for `{key}` there, mode 0600")
    try:
        found = read_secret_file(path).strip()
    except SecretFileError as error:
        raise ConfigError(str(error)) from error
    if not found:
        raise ConfigError(f"`{path}`: is empty: write the password of `{connection.user}` into it")
    if any(found.startswith(mark) for mark in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigError(f"`{path}`: begins with a byte order mark, which no password has: save it as plain utf-8")
    if any(sign in found for sign in b"\r\n\0"):
        raise ConfigError(f"`{path}`: holds several lines: write the password of `{connection.user}` into it, and nothing else")
    return found


def _link_settings(place: Installation, connection: Connection, session: SessionSettings) -> LinkSettings:
    """Return where and how to connect, with certificates loaded."""
    return LinkSettings(
        host=connection.host,
        port=connection.port,
        session=session,
        tls=_tls(place, connection),
        most_delay_s=connection.reconnect_s,
        asks_terms=True,
    )


def _tls(place: Installation, connection: Connection) -> ssl.SSLContext | None:
    if not connection.tls:
        return None
    return tls_context(
        place.path(connection.ca_file), place.path(connection.certificate_file), place.path(connection.private_key_file)
    )
