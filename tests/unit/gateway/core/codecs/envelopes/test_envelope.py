"""Envelopes in general: fields stand in the decoded object, all else in the document, of which nothing more is parsed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.presets import OWN_HUB_ID, with_presets
from consent.core.profiles.profile import Codec, Condition, Field, Match, Profile, TimeField, TimeFormat, TimeOrigin
from consent.errors import PolicyError
from gateway.core import model
from gateway.core.codecs.envelopes.envelope import compile_parse, plain_profile
from gateway.core.codecs.registry import compile_decoder
from gateway.core.model import Decoded, HubParts, Ignore, Observation, Reading, Reject
from tests.support.formats import as_json, chirpstack_3, chirpstack_4, helium, things_stack_3
from tests.support.profiles import make_profile

NOW_MS = 1_778_036_400_000
TIME_MS = NOW_MS - 5_500
EUI = "a84041ffff1e2d3c"
NETWORKS = (Codec.CHIRPSTACK_3, Codec.CHIRPSTACK_4, Codec.THINGS_STACK_3, Codec.HELIUM)


def profile_of(codec: Codec = Codec.CHIRPSTACK_4, **changes: Any) -> Profile:
    """Return a profile that reads `t` of the decoded object, changed, with what its format knows."""
    return with_presets(replace(make_profile(codec, {"temperature": ("t", "Cel")}), **changes))


def read(profile: Profile, document: Any) -> Any:
    """Return what a document says."""
    return compile_decoder(profile)("application/1/device/x/event/up", as_json(document), NOW_MS)


def uplink(codec: Codec, values: dict[str, Any], number: int = 7) -> dict[str, Any]:
    """Return an uplink of a network."""
    match codec:
        case Codec.CHIRPSTACK_3:
            return chirpstack_3(EUI, values, number)
        case Codec.CHIRPSTACK_4:
            return chirpstack_4(EUI, values, TIME_MS, number)
        case Codec.THINGS_STACK_3:
            return things_stack_3(EUI, values, TIME_MS, number)
        case _:
            return helium(EUI, values, TIME_MS, number)


@pytest.mark.parametrize("codec", NETWORKS)
def test_uplink_is_a_reading_with_the_network_s_time_and_number(codec: Codec) -> None:
    """By the names that the device's codec gives, with nothing else stated; behind a hub by the network's own id."""
    document = uplink(codec, {"t": 21.5, "battery": 3.1})
    plain, hub = read(profile_of(codec), document), read(profile_of(codec, hub=OWN_HUB_ID), document)
    time_ms = NOW_MS if codec is Codec.CHIRPSTACK_3 else TIME_MS  # its documents of before 3.17 name none
    assert (plain.sequence, plain.has_time) == (7, codec is not Codec.CHIRPSTACK_3)
    assert plain.boot is not None
    assert plain.observations == [Observation("temperature", time_ms, 21.5)]
    assert isinstance(hub, HubParts)
    assert [(part.hub_id, part.outcome) for part in hub.parts] == [(EUI, plain)]


@pytest.mark.parametrize("codec", NETWORKS)
def test_uplink_without_a_decoded_value_is_refused_and_not_guessed(codec: Codec) -> None:
    """Bytes are not read; a value of a wrong type costs itself; a document that is no object is none."""
    assert read(profile_of(codec), uplink(codec, {"other": 1})) is model.NO_READING
    assert read(profile_of(codec), uplink(codec, {"t": "warm"})) is model.WRONG_TYPE
    assert read(profile_of(codec), uplink(codec, {"t": None})) is model.NO_READING
    assert read(profile_of(codec), [uplink(codec, {"t": 1})]) is model.WRONG_TYPE
    assert compile_decoder(profile_of(codec))("t", b"{", NOW_MS) is model.MALFORMED
    assert compile_decoder(profile_of(codec))("t", b"{}", NOW_MS) is model.IGNORE


def test_profile_s_own_paths_begin_in_the_document() -> None:
    """Conditions, time and device; a field leads out of the decoded object with `^`, or to the topic."""
    fields = {"rssi": Field(("^rxInfo[0].rssi",), "1"), "level": Field(("$topic[1]",), "1", decimal_mark=".")}
    profile = profile_of(
        fields=fields,
        match=Match(conditions=(Condition("fPort", ("2",)),)),
        time=TimeField("object.at", TimeFormat.UNIX_S, TimeOrigin.DEVICE),
        hub=("deviceInfo.deviceName",),
    )
    parts = read(profile, chirpstack_4(EUI, {"at": 1_778_036_000}, TIME_MS, 7))
    assert isinstance(parts, HubParts)
    (part,) = parts.parts
    assert part.hub_id == "Roof of Ana"
    assert isinstance(part.outcome, Reading)
    expected = [Observation("rssi", 1_778_036_000_000, -97.0), Observation("level", 1_778_036_000_000, 1.0)]
    assert part.outcome.observations == expected
    assert (
        read(replace(profile, match=Match(conditions=(Condition("fPort", ("3",)),))), chirpstack_4(EUI, {}, 0, 1)) is model.IGNORE
    )


def test_history_in_the_decoded_object_is_read_by_element() -> None:
    """Each with a time of its own; number and device stay those of the document."""
    time = TimeField("at", TimeFormat.UNIX_S, TimeOrigin.DEVICE)
    profile = profile_of(each="history", time=time, hub=OWN_HUB_ID)
    history = [{"at": 1_778_036_000 + 60 * number, "t": number} for number in range(3)]
    parts = read(profile, chirpstack_4(EUI, {"history": history}, TIME_MS, 7))
    assert isinstance(parts, HubParts)
    readings = [part.outcome for part in parts.parts if isinstance(part.outcome, Reading) and part.hub_id == EUI]
    assert [(one.sequence, one.observations[0].result) for one in readings] == [(7, 0.0), (7, 1.0), (7, 2.0)]
    alone = read(profile_of(each="history", time=time), chirpstack_4(EUI, {"history": history}, TIME_MS, 7))
    assert (alone.sequence, [one.result for one in alone.observations]) == (7, [0.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("path", "moved"),
    [
        ("a.b", "object.a.b"),
        ("[0].a", "object[0].a"),
        ("", "object"),
        ("^a", "^a"),
        ("$topic[1]", "$topic[1]"),
        ('"a.b"', 'object."a.b"'),
    ],
)
def test_paths_of_fields_are_moved_into_the_decoded_object(path: str, moved: str) -> None:
    """That of the unit too; of JMESPath the decoded object is piped into the expression."""
    profile = make_profile(Codec.CHIRPSTACK_4, {"a": path})
    assert plain_profile(profile, "object").fields["a"].paths == (moved,)
    unit = replace(profile, fields={"a": Field((path,), "1", unit_path=path or "u")})
    assert plain_profile(unit, "object").fields["a"].unit_path == (moved if path else "object.u")
    expressions = plain_profile(replace(profile, jmespath=True), "object").fields["a"].paths
    assert expressions == (moved if path.startswith(("^", "$")) else f"object | {path}",)


def test_path_that_is_none_is_refused_with_its_key() -> None:
    """As in every other format."""
    with pytest.raises(PolicyError, match=r"fields\.a\.path"):
        compile_decoder(with_presets(make_profile(Codec.CHIRPSTACK_4, {"a": "a[x"})))


def test_nothing_of_a_document_is_parsed_but_what_paths_begin_with() -> None:
    """Where gateways stand and how they heard never exists as a value."""
    parse = compile_parse(frozenset({"object", "fCnt", "absent"}))
    assert parse(as_json(chirpstack_4(EUI, {"t": 1}, TIME_MS, 7))) == {"object": {"t": 1}, "fCnt": 7}
    assert parse(b"[]") is parse(b"null") is model.WRONG_TYPE
    assert parse(b'{"object":') is model.MALFORMED
    assert compile_parse(None)(b'{"a":[1]}') == {"a": [1]}
    assert compile_parse(None)(b"[]") is model.WRONG_TYPE


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
_DECODERS = [
    compile_decoder(profile_of(codec, **changes)) for codec in NETWORKS for changes in ({}, {"hub": OWN_HUB_ID}, {"each": "a"})
]
_KEYS = {key for codec in NETWORKS for key in uplink(codec, {})} | {"objectJSON", "publishedAt", "integrationName"}


@given(st.sampled_from(NETWORKS), st.dictionaries(st.sampled_from(sorted(_KEYS)), _json, max_size=4), st.data())
def test_documents_with_anything_in_any_place_give_an_outcome(codec: Codec, wrong: dict[str, Any], data: st.DataObject) -> None:
    """Never an exception, whichever of their fields hold something else."""
    document = uplink(codec, {"t": 1}) | wrong
    inner = data.draw(
        st.sampled_from([document, document.get("uplink_message"), document.get("deviceInfo"), document.get("decoded")])
    )
    if isinstance(inner, dict):
        inner[data.draw(st.sampled_from(["decoded_payload", "devEui", "payload", "f_cnt", "session_key_id"]))] = data.draw(_json)
    payload = json.dumps(document).encode()
    for decode in _DECODERS:
        assert isinstance(decode("a/event/up", payload, NOW_MS), Decoded)


@given(st.binary(max_size=60))
def test_any_bytes_as_a_document_give_an_outcome(payload: bytes) -> None:
    """Never an exception."""
    for decode in _DECODERS:
        assert isinstance(decode("a/event/up", payload, NOW_MS), Reject | Ignore)
