"""On what terms a broker serves us: whether it binds client ids to accounts, and whether it keeps retained messages.

A broker that lets every client choose its id gives our session to whoever connects under our id with another account. It does not
say so; hence a second connection, under another id and our own account, that asks for a session to be continued. Where the broker
continues one, it goes by the account. Nothing is acknowledged on that connection, so nothing that waits is lost; but it ends a
connection of ours where ids are bound, so ``gateway.edge.mqtt`` asks before it connects.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import mqtt5
from mqtt5 import ConnAckReasonCode

from gateway.core.mqtt.events import InboundQueue
from gateway.core.mqtt.faults import BrokerFaultError
from gateway.core.mqtt.inbound import Inbound
from gateway.core.mqtt.session import words
from gateway.core.mqtt.settings import SessionSettings

_ANSWER_S = 2.0
_KEEP_ALIVE_S = 60
_NEVER_EXPIRES_S = 0xFFFF_FFFF
_LONGEST_ANSWER_BYTES = 1 << 16
_ID_REFUSED = int(ConnAckReasonCode.CLIENT_ID_NOT_VALID)


@dataclass(frozen=True, slots=True)
class BrokerTerms:
    """What a broker was found to do.

    Attributes:
        ids_bound: Whether a client id belongs to an account; None where that could not be found out.
        retains: Whether the broker keeps retained messages; None likewise.
        refused: Why the broker accepts no connection of this account; empty where it does, or that is not known.
        unanswered: Whether it gives no answer in MQTT at all.
    """

    ids_bound: bool | None = None
    retains: bool | None = None
    refused: str = ""
    unanswered: bool = False


async def ask_terms(host: str, port: int, tls: ssl.SSLContext | None, session: SessionSettings) -> BrokerTerms:
    """Find out a broker's terms, by at most two short connections under the session's own account.

    Raises: OSError: the broker cannot be reached.
    """
    async with _Guest.connected(host, port, tls, session) as first:
        if first.answer is None:
            return BrokerTerms(unanswered=True)
        retains = first.answer.retain_available
        if code := int(first.answer.reason_code):
            # Only the refusal of the id itself tells that none may be chosen.
            return BrokerTerms(ids_bound=True) if code == _ID_REFUSED else BrokerTerms(refused=words(first.answer.reason_code))
        if first.answer.session_present:
            first.leaves_session = True  # it is the gateway's own
            return BrokerTerms(ids_bound=True, retains=retains)
        async with _Guest.connected(host, port, tls, session) as second:
            if second.answer is None or int(second.answer.reason_code):
                return BrokerTerms(retains=retains)
            return BrokerTerms(ids_bound=second.answer.session_present, retains=retains)


class _Guest:
    """A connection under an id that nobody has.

    Attributes:
        answer: What the broker answered, None if nothing that can be used.
        leaves_session: Whether the session outlives the connection.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.answer: mqtt5.ConnAckPacket | None = None
        self.leaves_session = False
        self._reader = reader
        self._writer = writer

    @classmethod
    @asynccontextmanager
    async def connected(cls, host: str, port: int, tls: ssl.SSLContext | None, session: SessionSettings) -> AsyncIterator[_Guest]:
        """Connect for the length of the context."""
        guest = cls(*await asyncio.open_connection(host, port, ssl=tls, limit=_LONGEST_ANSWER_BYTES))
        try:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_ANSWER_S):
                    await guest._ask(session)
            yield guest
        finally:
            try:
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(_ANSWER_S):
                        await guest._leave()
            finally:  # also where it is cancelled while it leaves
                guest._writer.transport.abort()

    async def _ask(self, session: SessionSettings) -> None:
        """Ask for the session to be continued, and read the answer; what comes behind it is not looked at."""
        connect = mqtt5.ConnectPacket(
            f"{session.client_id}-{secrets.token_hex(8)}",
            username=session.user,
            password=session.password,
            clean_start=False,
            keep_alive=_KEEP_ALIVE_S,
            session_expiry_interval=_NEVER_EXPIRES_S,  # it may be the gateway's own session that is continued
            receive_max=1,
        )
        self._writer.write(connect.write())
        packets: list[mqtt5.Packet] = []
        inbound = Inbound(InboundQueue(), 0, subscribes=False, marker_topic=None, largest_packet_bytes=_LONGEST_ANSWER_BYTES)
        while not packets and (data := await self._reader.read(_LONGEST_ANSWER_BYTES)):
            with contextlib.suppress(BrokerFaultError):
                inbound.feed(data, packets.append)
                continue
            break
        if packets and isinstance(packets[0], mqtt5.ConnAckPacket):
            self.answer = packets[0]

    async def _leave(self) -> None:
        """Disconnect, and wait until the broker has taken that in, which it shows by closing the connection."""
        if self.answer is not None and not int(self.answer.reason_code):
            expiry_s = None if self.leaves_session else 0
            self._writer.write(mqtt5.DisconnectPacket(session_expiry_interval=expiry_s).write())
            while await self._reader.read(_LONGEST_ANSWER_BYTES):
                pass
