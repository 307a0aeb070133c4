"""What is heard of a device is told apart: that it sends, and that what it sends is any good."""

from __future__ import annotations

from gateway.core.ingest.heard import NEVER_HEARD_MS, Heard


def test_a_device_that_was_never_heard_has_no_time() -> None:
    """Neither of a message nor of a reading."""
    assert (Heard().last_ms, Heard().reading_ms, Heard().readings) == (NEVER_HEARD_MS, NEVER_HEARD_MS, 0)


def test_a_device_whose_messages_are_refused_is_heard_and_gives_no_reading() -> None:
    """So a broken device is told from a silent one."""
    heard = Heard()
    heard.add(1_000)
    heard.reject("bad_mac", 2_000)
    heard.reject("bad_mac", 3_000)
    assert heard == Heard(last_ms=3_000, reading_ms=1_000, readings=1, rejected={"bad_mac": 2})


def test_devices_share_nothing() -> None:
    """What is counted of one is not counted of another."""
    one, other = Heard(), Heard()
    one.reject("replayed", 1)
    assert other.rejected == {}
