"""Helium: which messages of the console are readings, and of when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from consent.core.profiles.presets import OWN_HUB_ID, with_presets
from consent.core.profiles.profile import Codec
from gateway.core import model
from gateway.core.codecs.registry import compile_decoder
from gateway.core.model import HubPart, HubParts, Observation, Reading
from tests.support.formats import Document, as_json, helium
from tests.support.profiles import make_profile

NOW_MS = 1_778_036_400_000
EUI = "1C29FBD1D2084E21"


def read(document: Document, **changes: Any) -> Any:
    """Return what a message says of the decoded field `level`."""
    profile = with_presets(replace(make_profile(Codec.HELIUM, {"fill": "level"}), **changes))
    return compile_decoder(profile)("helium/1/rx", as_json(document), NOW_MS)


def test_uplink_has_the_console_s_time_number_and_address() -> None:
    """And the DevEUI tells devices behind a hub apart."""
    expected = Reading("B5A44869", 19, True, [Observation("fill", NOW_MS - 900, 0.4)])
    assert read(helium(EUI, {"level": 0.4}, NOW_MS - 900, 19)) == expected
    assert read(helium(EUI, {"level": 0.4}, NOW_MS - 900, 19), hub=OWN_HUB_ID) == HubParts([HubPart(EUI, expected)])


def test_uplink_of_an_older_console_names_no_type() -> None:
    """It is one all the same; another type is not."""
    document = helium(EUI, {"level": 0.4}, NOW_MS, 19)
    assert read(document | {"type": "join"}) is model.IGNORE
    del document["type"]
    assert isinstance(read(document), Reading)


def test_uplink_without_a_decoder_function_is_refused_and_a_message_of_nothing_ignored() -> None:
    """Bytes alone say nothing here."""
    document = helium(EUI, {"level": 0.4}, NOW_MS, 19)
    del document["decoded"]
    assert read(document) is model.NO_READING
    assert read({"dev_eui": EUI, "fcnt": 3}) is model.IGNORE
