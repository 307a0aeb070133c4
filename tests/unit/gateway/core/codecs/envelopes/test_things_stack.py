"""The Things Stack: which messages are readings, and what an absent number means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consent.core.profiles.presets import OWN_HUB_ID, with_presets
from consent.core.profiles.profile import Codec
from gateway.core import model
from gateway.core.codecs.registry import compile_decoder
from gateway.core.model import HubPart, HubParts, Observation, Reading
from tests.support.formats import Document, as_json, things_stack_3
from tests.support.profiles import make_profile

NOW_MS = 1_778_036_400_000
TOPIC = "v3/air@city/devices/roof-7/up"


def read(document: Document, **changes: Any) -> Any:
    """Return what a message says of the decoded field `t`."""
    profile = with_presets(replace(make_profile(Codec.THINGS_STACK_3, {"temperature": "t"}), **changes))
    return compile_decoder(profile)(TOPIC, as_json(document), NOW_MS)


def test_uplink_counts_from_the_network_server_s_time_and_number() -> None:
    """An absent number is zero, of its session; the device behind a hub is the network's device id."""
    expected = Reading("c2Vzc2lvbg==", 0, True, [Observation("temperature", NOW_MS, 20.0)])
    assert read(things_stack_3("roof-7", {"t": 20}, NOW_MS, 0)) == expected
    assert read(things_stack_3("roof-7", {"t": 20}, NOW_MS, 0), hub=OWN_HUB_ID) == HubParts([HubPart("roof-7", expected)])


def test_uplink_of_a_server_that_tells_no_time_is_of_its_arrival() -> None:
    """As the first versions did."""
    document = things_stack_3("roof-7", {"t": 20}, NOW_MS - 5000, 4)
    del document["received_at"], document["uplink_message"]["received_at"]
    assert read(document) == Reading("c2Vzc2lvbg==", 4, False, [Observation("temperature", NOW_MS, 20.0)])


@pytest.mark.parametrize(
    "content",
    [
        {"join_accept": {"session_key_id": "x"}},
        {"downlink_ack": {"f_port": 15, "f_cnt": 1, "frm_payload": "vu8="}},
        {"downlink_failed": {"downlink": {}, "error": {}}},
        {"downlinks": [{"f_port": 15, "decoded_payload": {"t": 1}}]},
        {"location_solved": {"location": {"latitude": 1}}},
        {"service_data": {"service": "x", "data": {"t": 1}}},
        {"uplink_normalized": {"normalized_payload": {"air": {"temperature": 20}}}},
        {"uplink_message": {"session_key_id": "x", "f_cnt": 4, "rx_metadata": []}},
        {"uplink_message": None},
        {"uplink_message": []},
        {"uplink_message": {"f_port": 1, "decoded_payload": {"t": 20}}, "simulated": True},
    ],
)
def test_message_that_is_no_uplink_of_the_device_is_ignored(content: Document) -> None:
    """Joins, downlinks, services, uplinks for the network alone, and those that somebody simulates in the console."""
    assert read({"end_device_ids": {"device_id": "roof-7"}, **content}) is model.IGNORE


def test_uplink_whose_formatter_decoded_nothing_is_refused() -> None:
    """Bytes alone say nothing here."""
    assert read(things_stack_3("roof-7", None, NOW_MS, 4)) is model.NO_READING
