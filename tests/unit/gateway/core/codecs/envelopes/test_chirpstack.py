"""ChirpStack: which events are readings, and the two ways in which version 3 writes them."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from consent.core.profiles.presets import OWN_HUB_ID, with_presets
from consent.core.profiles.profile import Codec
from gateway.core import model
from gateway.core.codecs.registry import compile_decoder
from gateway.core.model import HubPart, HubParts, Observation, Reading
from tests.support.formats import Document, as_json, chirpstack_3, chirpstack_4, iso8601
from tests.support.profiles import make_profile

NOW_MS = 1_778_036_400_000
EUI = "a84041ffff1e2d3c"
UP = f"application/17c82e96/device/{EUI}/event/up"


def read(document: Document, topic: str = UP, codec: Codec = Codec.CHIRPSTACK_4, **changes: Any) -> Any:
    """Return what an event says of the decoded field `t`."""
    profile = with_presets(replace(make_profile(codec, {"temperature": "t"}), **changes))
    return compile_decoder(profile)(topic, as_json(document), NOW_MS)


def event(**content: Any) -> Document:
    """Return what every event of version 4 has, and some more."""
    return {"time": iso8601(NOW_MS), "deviceInfo": {"devEui": EUI, "deviceName": "Roof"}, **content}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("join", {"devAddr": "00189440"}),
        ("status", {"margin": 10, "batteryLevel": 88.3}),
        ("ack", {"queueItemId": "1", "acknowledged": True, "fCntDown": 3}),
        ("txack", {"queueItemId": "1", "fCntDown": 2, "gatewayId": "g", "txInfo": {}}),
        ("log", {"level": "ERROR", "code": "UPLINK_MIC", "context": {}}),
        ("location", {"location": {"latitude": 37.3, "longitude": -8.8}}),
        ("integration", {"integrationName": "loracloud", "eventType": "x", "object": {"t": 1}}),
    ],
)
@pytest.mark.parametrize("codec", [Codec.CHIRPSTACK_3, Codec.CHIRPSTACK_4])
def test_event_that_is_no_uplink_is_ignored(codec: Codec, name: str, content: Document) -> None:
    """By its topic, and by its content where a bridge has renamed the topic."""
    assert read(event(**content), UP.replace("up", name), codec) is model.IGNORE
    assert read(event(**content), "bridged/chirpstack", codec) is model.IGNORE


def test_uplink_is_read_under_any_topic_but_that_of_another_event() -> None:
    """Bridges rename; version 3 has published under `rx` too."""
    uplink = chirpstack_4(EUI, {"t": 20}, NOW_MS, 3)
    for topic in (UP, "bridged", "application/1/device/2/rx", "application/rx", "event/up"):
        assert read(uplink, topic) == Reading("00189440", 3, True, [Observation("temperature", NOW_MS, 20.0)])
    assert read(uplink, UP.replace("up", "status")) is model.IGNORE


def test_first_uplink_of_a_session_has_no_number_and_is_number_zero() -> None:
    """A join gives another address, so that the numbers may begin anew."""
    first = read(chirpstack_4(EUI, {"t": 20}, NOW_MS, 0, address="01a2b3c4"))
    assert (first.boot, first.sequence) == ("01a2b3c4", 0)


def test_uplink_without_application_data_is_ignored_and_one_without_a_codec_is_refused() -> None:
    """The first answers the network alone; of the second, what the bytes mean is known to nobody here."""
    bare = chirpstack_4(EUI, None, NOW_MS, 3)
    assert read(bare) is model.NO_READING
    del bare["data"], bare["fPort"]
    assert read(bare) is model.IGNORE


def test_version_3_is_read_in_both_ways_of_writing_it() -> None:
    """The object as it is, or as text with the bytes in base64; behind a hub the DevEUI is the same."""
    hexadecimal = chirpstack_3(EUI, {"t": 20}, 3)
    as_text = chirpstack_3(b64encode(bytes.fromhex(EUI)).decode(), {"t": 20}, 3, as_text=True)
    expected = Reading("", 3, False, [Observation("temperature", NOW_MS, 20.0)])
    for document in (hexadecimal, as_text):
        assert read(document, codec=Codec.CHIRPSTACK_3) == expected
        assert read(document, codec=Codec.CHIRPSTACK_3, hub=OWN_HUB_ID) == HubParts([HubPart(EUI, expected)])
    for strange in ("short", "not base64!!", "AAAAAAAAAAA", "ABCDEFGHIJKL"):
        parts = read(hexadecimal | {"devEUI": strange}, codec=Codec.CHIRPSTACK_3, hub=OWN_HUB_ID)
        assert [part.hub_id for part in parts.parts] == [strange]


def test_version_3_since_3_17_tells_time_and_address() -> None:
    """Then they count."""
    document = chirpstack_3(EUI, {"t": 20}, 3) | {"publishedAt": iso8601(NOW_MS - 700), "devAddr": "AYmUQA=="}
    assert read(document, codec=Codec.CHIRPSTACK_3) == Reading(
        "AYmUQA==", 3, True, [Observation("temperature", NOW_MS - 700, 20.0)]
    )


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("{", model.MALFORMED),
        ("[", model.MALFORMED),
        ("[1]", model.WRONG_TYPE),
        ("", model.NO_READING),
        ("null", model.NO_READING),
    ],
)
def test_version_3_object_that_is_no_json_is_refused(text: str, outcome: object) -> None:
    """One that is empty holds nothing; a number with a bare `nan` beside it is read."""
    document = chirpstack_3(EUI, {}, 3, as_text=True)
    assert read(document | {"objectJSON": text}, codec=Codec.CHIRPSTACK_3) is outcome
    mended = read(document | {"objectJSON": '{"t": 20, "x": nan}'}, codec=Codec.CHIRPSTACK_3)
    assert mended.observations == [Observation("temperature", NOW_MS, 20.0)]
