"""The broker that a recipient listens to: its address, the MQTT client for it, and in words why a connection fails.

A port that speaks TLS closes a connection in clear without a word, and the other way about; so where connecting fails, a second
connection finds out what the port speaks (``misfit``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from consent.printable import one_line
from gateway.files import read_regular, reason_of
from gateway.recipient.wire import MAX_BUNDLE_BYTES, bundle_topic

SESSION_EXPIRY_S: Final = 30 * 24 * 3600
_LARGEST_PACKET_BYTES: Final = MAX_BUNDLE_BYTES + 4096  # topic and properties are far shorter; brokers drop what is larger
_PROBE_S: Final = 5.0
_LARGEST_CA_FILE_BYTES: Final = 1 << 22
_WORDS: Final = {  # by reason code of MQTT 5, where the name alone is no help
    0x80: "it was closed, and no reason given",
    0x86: "bad user name or password",
    0x87: "not authorised: this user is not known or may not listen here",
    0x8E: "taken over by another listener with the same mqtt client id; each needs a `--client-id` of its own",
}
_CONNACK: Final = 0x20
# CONNECT of MQTT 5: clean start, keep-alive 10 s, no properties, no client id.
_CONNECT: Final = b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x0a\x00\x00\x00"

_unheard = logging.getLogger(__name__)  # what the client's libraries would say; follow tells it in words of its own
_unheard.addHandler(logging.NullHandler())
_unheard.propagate = False


class TlsError(ValueError):
    """Certificates to trust that cannot be used. The message is one line and names the file."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """The broker to connect to; without ``tls`` it is spoken to in clear."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Whose bundles to receive, and the MQTT client id, which no two listeners may share."""

    gateway: str
    recipient: str
    client_id: str | None = None

    @property
    def topic(self) -> str:
        """The topic to subscribe to."""
        return bundle_topic(self.gateway, self.recipient)


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Return a context that verifies the broker's certificate and name, TLS 1.2 or later.

    Args:
        ca_file: Certificates to trust instead of the system's.

    Raises:
        TlsError: If the file is absent or holds no certificates.
    """
    try:
        trusted = None if ca_file is None else read_regular(ca_file, _LARGEST_CA_FILE_BYTES).decode("ascii", "replace")
    except OSError as error:
        raise TlsError(f"`{ca_file}`: cannot be read: {reason_of(error)}") from error
    if trusted is not None and not trusted.strip():  # which Python would take for none given, and trust the system's
        raise TlsError(f"`{ca_file}`: holds no certificates in pem")
    try:
        context = ssl.create_default_context(cadata=trusted)
    except (ssl.SSLError, ValueError) as error:
        raise TlsError(f"`{ca_file}`: holds no certificates in pem") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _PromptClient(aiomqtt.Client):
    """A client that fails as soon as the broker closes the connection unanswered; aiomqtt waits for its time to run out."""

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any = None) -> None:
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError("the broker closed the connection unanswered"))
            return
        super()._on_disconnect(client, userdata, flags, reason_code, properties)


def client(
    broker: BrokerAddress, subscription: Subscription, queue: type[asyncio.Queue[aiomqtt.Message]] = asyncio.Queue
) -> aiomqtt.Client:
    """Return a client of the recipient's persistent session, not connected yet.

    Args:
        queue: The kind of queue that takes what arrives, before it is acknowledged.
    """
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    properties.SessionExpiryInterval = SESSION_EXPIRY_S
    properties.MaximumPacketSize = _LARGEST_PACKET_BYTES
    return _PromptClient(
        broker.host,
        broker.port,
        identifier=subscription.client_id or f"sluice-recipient-{subscription.gateway}-{subscription.recipient}",
        username=broker.username,
        password=broker.password,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False,
        properties=properties,
        queue_type=queue,
        tls_context=broker.tls,
        logger=_unheard,
    )


def reason(error: BaseException) -> str:
    """Return in one line why a connection failed or ended."""
    cause = (error.__cause__ or error.__context__ or error) if isinstance(error, aiomqtt.MqttError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = one_line(cause.verify_message).lower()
        return f"its certificate is not trusted: {why}; `--ca-file` names other certificates to trust"
    if isinstance(cause, OSError) and cause.strerror:
        return one_line(cause.strerror).lower()
    text = str(cause)
    if isinstance(cause, aiomqtt.MqttCodeError) and isinstance(cause.rc, ReasonCode):
        text = _WORDS.get(cause.rc.value, str(cause.rc))
    return one_line(" ".join(text.split())).lower().rstrip(".") or type(cause).__name__.lower()


async def misfit(broker: BrokerAddress) -> str | None:
    """Return in words that a port spoken to in clear speaks TLS, or the other way about; None where neither shows."""
    if broker.tls is None and await _speaks_tls(broker):
        return "this port speaks tls: give `--tls`, or `--ca-file` with the certificates to trust"
    if broker.tls is not None and await _speaks_mqtt(broker):
        return "this port speaks mqtt in clear: give the port for tls, or `--no-tls`"
    return None


async def _speaks_tls(broker: BrokerAddress) -> bool:
    """Return whether a TLS handshake succeeds, whoever the other end is: nothing is sent in it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(_PROBE_S):
            _, writer = await asyncio.open_connection(broker.host, broker.port, ssl=context)
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # only a TLS server alerts, such as one that wants a client's certificate
    except OSError:
        return False
    writer.transport.abort()
    return True


async def _speaks_mqtt(broker: BrokerAddress) -> bool:
    """Return whether a CONNECT in clear is answered; it names no user."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        async with asyncio.timeout(_PROBE_S):
            reader, writer = await asyncio.open_connection(broker.host, broker.port)
            try:
                writer.write(_CONNECT)
                return (await reader.readexactly(1))[0] == _CONNACK
            finally:
                writer.transport.abort()
    return False
