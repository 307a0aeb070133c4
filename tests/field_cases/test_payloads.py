"""Printed messages of every format through decoders of every format: readings, ignored, or a counted reason; never a crash."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import isfinite

import pytest

from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.core.profiles.profile import Codec
from consent.shipped_profiles import shipped_names, shipped_text
from gateway.core.codecs.registry import compile_decoder
from gateway.core.model import IGNORE, Decoded, HubParts, Observation, Reading, Reject
from tests.field_cases.cases import town_files
from tests.field_cases.payloads import NAMED, Payload, payloads
from tests.support.full_city import full_city

pytestmark = pytest.mark.outside_data

RECEIVED_MS = 1_800_000_000_000
TITLE = 'title = { en = "A sensor" }\n'
FIELDS = '[fields.temperature]\npath = "temperature"\nunit = "Cel"\n[fields.humidity]\npath = "humidity"\nunit = "%"\n'
PROFILES = {codec.value: f'{TITLE}codec = "{codec.value}"\n{FIELDS}' for codec in Codec}
PROFILES["value"] = f'{TITLE}codec = "value"\n[fields.temperature]\npath = ""\nunit = "Cel"\n'
DECODER_OF = {
    "chirpstack4-json": "chirpstack-4",
    "tts3-json": "things-stack-3",
    "senml-json": "senml",
    "senml-cbor": "senml-cbor",
}
OUTCOMES = {
    # of ChirpStack, in the order of its documentation: an uplink whose bytes nobody decoded, and events
    "chirpstack4:1": "no_reading",
    **{f"chirpstack4:{n}": "ignored" for n in range(2, 9)},
    # of The Things Stack: the uplink lacks a comma as printed; the last uplink was decoded by nobody
    **{f"thethingsstack3:{n}": "ignored" for n in (1, 3, 4, 5, 6, 8, 9, 10)},
    "thethingsstack3:2": "malformed",
    "thethingsstack3:7": "no_reading",
}
"""What must come out, where the documentation's words leave no doubt about what the message is."""


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    """A city with one device profile of each format."""
    files = town_files() | {f"devices/{name}.toml": text for name, text in PROFILES.items()}
    return parse_policies({name: text.encode() for name, text in files.items()})


def decoded(policies: PolicySet, profile: str, payload: Payload) -> Decoded:
    """Decode a message by the profile of a format."""
    return compile_decoder(policies.profiles[profile])(payload.topic, payload.data, RECEIVED_MS)


def observations(outcome: Decoded) -> list[Observation]:
    """Return what a message has given."""
    if isinstance(outcome, HubParts):
        return [each for part in outcome.parts for each in observations(part.outcome)]
    return outcome.observations if isinstance(outcome, Reading) else []


def told(outcome: Decoded) -> str:
    """Return what became of a message, in a word."""
    if isinstance(outcome, Reject):
        return outcome.reason
    return "ignored" if outcome is IGNORE else "read"


def test_printed_messages_of_a_named_format_are_what_their_documentation_says(policies: PolicySet) -> None:
    """Each gives declared properties alone, is ignored, or is refused for a reason."""
    found = {each.name: decoded(policies, DECODER_OF[each.format], each) for each in payloads() if each.format in NAMED}
    assert {name: told(outcome) for name, outcome in found.items() if name in OUTCOMES} == OUTCOMES
    read = [each for outcome in found.values() for each in observations(outcome)]
    assert {each.observed_property for each in read} <= {"temperature", "humidity"}


def test_senml_reads_the_same_from_text_and_from_bytes(policies: PolicySet) -> None:
    """RFC 8428 prints two packs in both serialisations; every property of the profile holds the same values."""
    by_name = {each.name: each for each in payloads()}
    for name in ("ex3", "ex5"):
        text = decoded(policies, "senml", by_name[f"{name}.json"])
        binary = decoded(policies, "senml-cbor", by_name[f"{name}.gen.cbor"])
        assert observations(text) == observations(binary)
        assert told(text) == told(binary)


def test_senml_of_the_rfc_gives_its_resolved_values(policies: PolicySet) -> None:
    """What the profile names is read with the value that the RFC resolves it to."""
    by_name = {each.name: each for each in payloads()}
    resolved = {"ex6.json": [25.2, 30.0, 12.3, 67.0], "ex8.json": [27.2, 80.0]}
    for name, values in resolved.items():
        assert [each.result for each in observations(decoded(policies, "senml", by_name[name]))] == values


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_no_decoder_falls_over_anything_printed_anywhere(profile: str, policies: PolicySet) -> None:
    """Every message of every format, whatever the profile: an outcome, and of what was read a declared property alone."""
    decode = compile_decoder(policies.profiles[profile])
    counted: Counter[str] = Counter()
    for each in payloads():
        outcome = decode(each.topic, each.data, RECEIVED_MS)
        assert isinstance(outcome, Decoded), each.name
        assert {one.observed_property for one in observations(outcome)} <= {"temperature", "humidity"}, each.name
        counted[told(outcome)] += 1
    assert counted.total() == len(payloads())


def test_no_shipped_profile_falls_over_anything_printed_anywhere() -> None:
    """Each of them over every message: what it reads are its own properties, and finite."""
    texts = {f"devices/{name}.toml": shipped_text(name) for name in shipped_names()}
    shipped = parse_policies({"city.toml": full_city(shipped_names()), **texts}).profiles
    decoders = [(profile, compile_decoder(profile)) for profile in shipped.values()]
    for (profile, decode), payload in product(decoders, payloads()):
        read = observations(decode(payload.topic, payload.data, RECEIVED_MS))
        assert {one.observed_property for one in read} <= profile.fields.keys(), (profile.id, payload.name)
        assert all(isfinite(one.result) for one in read)


def test_cut_and_doubled_messages_cost_nothing_but_themselves(policies: PolicySet) -> None:
    """Every printed message cut at each of 30 places, with the pieces before and behind it, by its own format."""
    decoders = {format_: compile_decoder(policies.profiles[profile]) for format_, profile in DECODER_OF.items()}
    for each, step in product([one for one in payloads() if one.format in NAMED], range(30)):
        decode = decoders[each.format]
        cut = each.data[: len(each.data) * step // 30]
        for data in (cut, each.data + cut, cut + each.data):
            assert decode(each.topic, data, RECEIVED_MS) is not None, (each.name, step)
