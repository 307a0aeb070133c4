"""Links to brokers, before there is one."""

from __future__ import annotations

import pytest

from gateway.core.mqtt.settings import SessionSettings
from gateway.edge.link import LinkSettings


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (TimeoutError(), "no answer in time"),
        (OSError("Multiple exceptions:\nand more"), "Multiple exceptions:"),
        (OSError(), "OSError"),
    ],
    ids=repr,
)
def test_broker_that_cannot_be_reached_is_named_in_one_line_with_the_reason(error: OSError, words: str) -> None:
    """It stands in the log and in what `sluice check` prints."""
    settings = LinkSettings(host="broker.example", port=1883, session=SessionSettings(client_id="gw"))
    assert settings.unreachable(error) == f"cannot reach `broker.example:1883`: {words}"
