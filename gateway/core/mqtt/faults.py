"""Faults of a broker: what it sent that MQTT does not allow, with the counter and the reason code that answer it.

Raised by whatever reads a packet; the session ends the connection with it.
"""

from __future__ import annotations

from mqtt5 import DisconnectReasonCode


class BrokerFaultError(Exception):
    """The broker violated the protocol; the connection has to end.

    Attributes:
        kind: The counter that it is counted under: ``malformed``, ``protocol_error`` or ``oversized``.
        code: The reason code of the DISCONNECT that answers it.
    """

    def __init__(self, kind: str, code: DisconnectReasonCode, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code


def protocol_error(message: str, code: DisconnectReasonCode = DisconnectReasonCode.PROTOCOL_ERROR) -> BrokerFaultError:
    """Return the fault for a well-formed packet that is not allowed here."""
    return BrokerFaultError("protocol_error", code, message)


def identifier_0() -> BrokerFaultError:
    """Return the fault for a message of QoS 1 that could not be acknowledged."""
    return protocol_error("a message with packet identifier 0")


def malformed(message: str) -> BrokerFaultError:
    """Return the fault for bytes that are no packet."""
    return BrokerFaultError("malformed", DisconnectReasonCode.MALFORMED_PACKET, message)


def oversized(length: int) -> BrokerFaultError:
    """Return the fault for a packet other than a message that is larger than any such packet."""
    return BrokerFaultError("oversized", DisconnectReasonCode.PACKET_TOO_LARGE, f"a packet of {length} bytes")
