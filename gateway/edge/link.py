"""A link to a broker: how it is made, and what the gateway's loop asks of the one to the sensors' broker.

``gateway.edge.mqtt`` keeps such links; ``connections`` makes them as configured.
"""

from __future__ import annotations

import os
import re
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.core.mqtt.events import Frame, LinkEvent
from gateway.core.mqtt.settings import SessionSettings
from gateway.edge.broker_terms import BrokerTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """Where the broker is and how to connect to it.

    Attributes:
        host: Name or address.
        port: TCP port.
        session: What to ask of the broker.
        tls: The context to use, None for plain TCP; see ``gateway.edge.tls``.
        connect_timeout_s: How long TCP and TLS may take.
        first_delay_s: Upper bound of the first back-off.
        most_delay_s: Upper bound of every back-off.
        stable_s: A connection that lasted this long makes the next back-off short again.
        asks_terms: Find out the broker's terms before each connection that follows an accepted one, and before the first.
    """

    host: str
    port: int
    session: SessionSettings
    tls: ssl.SSLContext | None = None
    connect_timeout_s: float = 10.0
    first_delay_s: float = 1.0
    most_delay_s: float = 30.0
    stable_s: float = 30.0
    asks_terms: bool = False

    def unreachable(self, error: BaseException) -> str:
        """Return in one line that, and why, there is no connection."""
        hint = "; is it a port for tls? if not, set `tls = false`" if self.tls is not None and _is_no_tls(error) else ""
        return f"cannot reach `{self.host}:{self.port}`: {in_words(error)}{hint}"

    @property
    def unanswered(self) -> str:
        """What may be wrong where a broker is there, and ends the connection before it answers in MQTT."""
        hint = "" if self.tls is not None else "; is it a port for tls? then set `tls = true`"
        return f"`{self.host}:{self.port}` gives no answer in mqtt{hint}"


class BrokerLink(Protocol):
    """The connection to the sensors' broker, as the loop uses it; ``gateway.edge.mqtt.MqttLink`` is one."""

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the present connection."""

    @property
    def waiting(self) -> int:
        """How many frames can be taken."""

    @property
    def counters(self) -> Counter[str]:
        """How often each event happened."""

    @property
    def terms(self) -> BrokerTerms:
        """What the broker was found to do, when it was last asked."""

    @property
    def problem(self) -> str | None:
        """Why there is no connection; None where there is one, or none has been tried yet."""

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The filters that it subscribes to."""

    def unsubscribe(self, patterns: Sequence[str]) -> None:
        """Take filters out of the session at the next connection, unless they are subscribed to."""

    @property
    def silent_s(self) -> float:
        """For how long nothing has come from the broker."""

    def mark(self) -> None:
        """Find out anew whether the queue has run dry; the event follows."""

    def rest(self, seconds: float) -> None:
        """Leave the socket unread for so long, unless there is more in it than one read brings."""

    def take_frames(self, limit: int) -> list[Frame]:
        """Remove and return the oldest frames, all of one connection."""

    def acknowledge(self, packet_ids: Sequence[int], generation: int) -> None:
        """Acknowledge the oldest unacknowledged frames, in order of arrival."""

    async def run(self) -> None:
        """Stay connected until cancelled."""


Connect = Callable[[Callable[[LinkEvent], None], Callable[[], None]], BrokerLink]
"""Makes the link: ``connect(on_event, wake)``, where ``wake`` is called when there are frames to take."""


_ERRNO = re.compile(r"\[Errno (\d+)\]")
_NO_TLS_REASONS = frozenset({"WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})
_UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
"""What OpenSSL says of a certificate that leads to none that is trusted (X509_V_ERR_…)."""


def _is_no_tls(error: BaseException) -> bool:
    """Return whether an attempt at TLS may have ended so because the other side speaks something else."""
    if isinstance(error, ssl.SSLError):
        return isinstance(error, ssl.SSLEOFError) or error.reason in _NO_TLS_REASONS
    return isinstance(error, ConnectionResetError | ConnectionAbortedError | BrokenPipeError | TimeoutError)


def in_words(error: BaseException) -> str:
    """Return a socket's error in one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = "; name its authority's certificate at `ca_file`" if error.verify_code in _UNKNOWN_AUTHORITY else ""
        return f"its certificate is not accepted: {error.verify_message.lower()}{hint}"
    if isinstance(error, ssl.SSLError):
        return f"tls: {(error.reason or str(error)).lower().replace('_', ' ')}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        if (found := _ERRNO.findall(str(error))) and (number := int(found[-1])) > 0:
            return os.strerror(number).lower()  # asyncio puts the address into the text, and where there are several, all of them
        if error.strerror:
            return error.strerror.lower()
    return str(error).splitlines()[0] if str(error) else type(error).__name__
