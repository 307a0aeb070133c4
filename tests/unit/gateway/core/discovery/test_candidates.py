"""What a profile reads in the message of a device that nobody has registered."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.profile import Authentication, Codec, Scheme
from gateway.core.codecs.registry import compile_decoder
from gateway.core.discovery.candidates import Candidate, readings_of
from gateway.core.ingest.mac0 import mac0
from gateway.core.model import NO_VALUE, HubPart, HubParts, Observation, Reading
from tests.support.profiles import make_profile

PLAIN = make_profile(Codec.JSON, {"temperature": "t", "LAeq": "db"})


def test_profile_that_fits_tells_the_value_of_each_property() -> None:
    """In the property's unit; one that does not fit tells nothing."""
    candidate = Candidate.of(PLAIN, compile_decoder(PLAIN), in_force=True)
    (read,) = readings_of(candidate, "a/b", b'{"t": 21.5, "db": 40}', 0)
    assert (read.candidate.profile, read.hub_id, read.values) == ("probe", "", {"temperature": 21.5, "LAeq": 40.0})
    assert list(readings_of(candidate, "a/b", b'{"x": 1}', 0)) == []


def test_of_a_property_that_the_city_does_not_define_only_the_name_is_told() -> None:
    """What nobody has defined is shown to nobody; which profile fits is told all the same."""
    candidate = Candidate.of(PLAIN, compile_decoder(PLAIN), in_force=False, undefined=frozenset({"LAeq", "pm25"}))
    (read,) = readings_of(candidate, "a/b", b'{"t": 21.5, "db": 40}', 0)
    assert (dict(read.values), set(read.undefined)) == ({"temperature": 21.5}, {"LAeq"})


def test_devices_behind_a_hub_are_told_apart_and_one_without_a_value_is_told_too() -> None:
    """Each by its id; without an id there is nothing to register."""
    good = Reading(None, None, False, [Observation("temperature", 5, 20.0)])
    parts = HubParts([HubPart("a", good), HubPart("b", NO_VALUE), HubPart("", good)])
    candidate = Candidate("hub", True, lambda topic, payload, now_ms: parts)
    assert [(read.hub_id, read.values) for read in readings_of(candidate, "t", b"", 0)] == [
        ("a", {"temperature": 20.0}),
        ("b", {}),
    ]


def test_message_with_an_authentication_code_is_looked_into_without_its_key() -> None:
    """Nobody knows the key of a device that is not registered."""
    profile = replace(PLAIN, authentication=Authentication(Scheme.MAC0))
    candidate = Candidate.of(profile, compile_decoder(profile), in_force=False)
    (read,) = readings_of(candidate, "t", mac0(bytes(32), b'{"t": 3}', 7), 0)
    assert read.values == {"temperature": 3.0}
    assert list(readings_of(candidate, "t", b'{"t": 3}', 0)) == []


@given(st.binary(max_size=80))
def test_no_bytes_end_the_look(payload: bytes) -> None:
    """Whatever is published."""
    profile = replace(PLAIN, authentication=Authentication(Scheme.MAC0))
    for each in (PLAIN, profile):
        list(readings_of(Candidate.of(each, compile_decoder(each), in_force=True), "t", payload, 0))
