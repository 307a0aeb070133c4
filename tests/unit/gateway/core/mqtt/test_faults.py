"""The faults of a broker: each with its counter and the reason code that MQTT 5 has for it."""

from __future__ import annotations

import pytest

from gateway.core.mqtt.faults import BrokerFaultError, identifier_0, malformed, oversized, protocol_error


@pytest.mark.parametrize(
    ("fault", "kind", "code", "text"),
    [
        (malformed("invalid text"), "malformed", 0x81, "invalid text"),
        (protocol_error("no place"), "protocol_error", 0x82, "no place"),
        (identifier_0(), "protocol_error", 0x82, "a message with packet identifier 0"),
        (oversized(7), "oversized", 0x95, "a packet of 7 bytes"),
    ],
)
def test_fault_has_its_counter_and_its_code(fault: BrokerFaultError, kind: str, code: int, text: str) -> None:
    """Section 2.4 of the standard has the codes."""
    assert (fault.kind, int(fault.code), str(fault)) == (kind, code, text)
