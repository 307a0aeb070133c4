"""Connections as configured, with what their files hold: passwords and certificates."""

from __future__ import annotations

import ssl

from gateway.config import ConfigError, Connection, Installation
from gateway.core.mqtt.settings import SessionSettings
from gateway.edge.mqtt import LinkSettings
from gateway.edge.tls import tls_context
from gateway.files import SecretFileError, read_secret_file


def check_connections(place: Installation) -> None:
    """Read the password and certificates that each connection names, and forget them.

    Raises: OperatorError: a file cannot be used.
    """
    for connection in (place.config.broker, *place.config.sink.values()):
        password(place, connection)
        _tls(place, connection)


def password(place: Installation, connection: Connection) -> bytes | None:
    """Return the password that a connection names; None where it names none."""
    path = place.path(connection.password_file)
    try:
        return None if path is None else read_secret_file(path).strip()
    except SecretFileError as error:
        raise ConfigError(str(error)) from error


def link_settings(place: Installation, connection: Connection, session: SessionSettings) -> LinkSettings:
    """Return where and how to connect, certificates read."""
    return LinkSettings(
        host=connection.host,
        port=connection.port,
        session=session,
        tls=_tls(place, connection),
        most_delay_s=connection.reconnect_s,
    )


def _tls(place: Installation, connection: Connection) -> ssl.SSLContext | None:
    if not connection.tls:
        return None
    return tls_context(
        place.path(connection.ca_file), place.path(connection.certificate_file), place.path(connection.private_key_file)
    )
