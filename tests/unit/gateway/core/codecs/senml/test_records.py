"""SenML records: which a profile reads, what their values, units and times mean, and whose they are behind a hub."""

from __future__ import annotations

import gc
import json
from dataclasses import replace
from decimal import Decimal
from types import CellType, FunctionType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.profile import AbsentSequence, Codec, Condition, Field, Match, SequenceField
from consent.errors import PolicyError
from gateway.core import model
from gateway.core.codecs.registry import compile_decoder
from gateway.core.model import HubPart, HubParts, Observation, Reading, Reject
from tests.support.profiles import decoder, make_profile

NOW_MS = 1_498_780_179_000

CLIMATE = make_profile(Codec.SENML, {"temperature": ("temperature", "Cel"), "relativeHumidity": ("humidity", "1")})
climate = decoder(CLIMATE)
meter = decoder(make_profile(Codec.SENML, {"consumption": ("energy", "kW.h")}, sequence=("seq", "boot")))


def pack(*records: dict[str, Any]) -> bytes:
    """Encode a pack."""
    return json.dumps(records).encode()


def test_senml_pack_gives_observations_by_the_last_part_of_names() -> None:
    """Each with its own time; of two devices in one pack, as in the RFC's example of a collection."""
    payload = pack(
        {"bn": "2001:db8::2/", "bt": 1_320_078_429, "n": "temperature", "v": 25.2, "u": "Cel"},
        {"n": "humidity", "t": 10.5, "v": 30, "u": "%RH"},
        {"n": "owner", "vs": "Ana"},
    )

    assert climate(payload, NOW_MS) == Reading(
        None,
        None,
        True,
        [Observation("temperature", 1_320_078_429_000, 25.2), Observation("relativeHumidity", 1_320_078_439_500, 0.3)],
    )


def test_senml_full_name_wins_over_the_last_part() -> None:
    """A profile may tell two sensors of one device apart."""
    decode = decoder(make_profile(Codec.SENML, {"indoor": ("in:temp", "Cel"), "outdoor": ("temp", "Cel")}))

    reading = decode(pack({"n": "in:temp", "v": 20}, {"n": "out:temp", "v": 5}), NOW_MS)

    assert reading == Reading(None, None, False, [Observation("indoor", NOW_MS, 20.0), Observation("outdoor", NOW_MS, 5.0)])


def test_senml_relative_times_count_from_arrival() -> None:
    """Below 2**28 seconds a time says how long ago; the device's own clock is then not involved."""
    reading = climate(pack({"n": "temperature", "v": 20, "t": -5.25}, {"n": "temperature", "v": 21}), NOW_MS + 1)

    values = [Observation("temperature", NOW_MS + 1 - 5250, 20.0), Observation("temperature", NOW_MS + 1, 21.0)]
    assert reading == Reading(None, None, False, values)


def test_senml_percent_is_a_ratio() -> None:
    """The trap: `%` is 0 to 1, `%RH` is 0 to 100."""
    as_percent = decoder(make_profile(Codec.SENML, {"humidity": ("h", "%")}))

    for unit, value in (("%", 0.54), ("/", 0.54), ("%RH", 54.0)):
        reading = as_percent(pack({"n": "h", "v": value, "u": unit}), NOW_MS)
        assert reading == Reading(None, None, False, [Observation("humidity", NOW_MS, 54.0)])


def test_senml_sequence_and_boot_are_records() -> None:
    """They are named like any other record, and must be there."""
    numbers = ({"n": "seq", "v": 12}, {"n": "boot", "vs": "b-7"})
    expected = Reading("b-7", 12, False, [Observation("consumption", NOW_MS, 1.5)])

    assert meter(pack({"bn": "urn:dev:x:", "n": "energy", "v": 1500, "u": "Wh"}, *numbers), NOW_MS) == expected
    assert meter(pack({"n": "energy", "v": 1.5}, numbers[0]), NOW_MS) is model.NO_SEQUENCE
    assert meter(pack({"n": "energy", "v": 1.5}, {"n": "seq", "v": 1.5}, numbers[1]), NOW_MS) is model.WRONG_TYPE
    assert meter(pack({"n": "energy", "v": 1.5}, numbers[0], {"n": "boot", "vs": "x" * 65}), NOW_MS) is model.WRONG_TYPE
    assert meter(pack({"n": "energy", "v": 1.5}, numbers[0], {"n": "boot", "vb": True}), NOW_MS) is model.WRONG_TYPE


def test_senml_record_cannot_be_value_and_sequence() -> None:
    """Such a profile could never yield a value."""
    with pytest.raises(PolicyError, match=r"`sequence\.path`: `seq` is taken by a field"):
        decoder(make_profile(Codec.SENML, {"a": "seq"}, sequence=("seq", None)))


@pytest.mark.parametrize(
    ("payload", "reject"),
    [
        (pack({"n": "temperature", "vs": "20"}), model.WRONG_TYPE),
        (pack({"n": "temperature", "vb": True}), model.WRONG_TYPE),
        (pack({"n": "temperature", "v": 293, "u": "K"}), model.WRONG_UNIT),
        (pack({"n": "temperature", "v": 20, "bt": 1e300}), model.BAD_TIME),
        (pack({"n": "temperature", "v": 20, "t": -1e300}), model.BAD_TIME),
        (pack({"n": "temperature", "v": 20, "t": -1.7e308, "bt": -1.7e308}), model.BAD_TIME),
        (pack({"n": "temperature", "v": 1.7e308, "bv": 1.7e308}), model.NOT_FINITE),
        (pack({"n": "temperature", "s": 20}), model.NO_READING),
        (pack({"n": "other", "v": 20}), model.NO_READING),
        (pack({"bn": "temperature"}), model.NO_READING),
        (pack(), model.NO_READING),
        (pack({"n": "temperature", "v": float("nan")}), model.NO_READING),
        (b"", model.MALFORMED),
        (b'[{"n":"\xff","v":1}]', model.MALFORMED),
        (b'[{"x":"\xff"}]', model.MALFORMED),
        (b'[{"x":' + b"[" * 10_000, model.MALFORMED),
        (b'[{"n":"temperature","v":1e999}]', model.WRONG_TYPE),
        (b"{}", model.WRONG_TYPE),
        (b"[1]", model.WRONG_TYPE),
        (b"[null]", model.WRONG_TYPE),
    ],
)
def test_senml_bad_pack_is_refused_with_its_reason(payload: bytes, reject: Reject) -> None:
    """Where nothing else is in it, the reason of the first bad record is that of the frame."""
    assert climate(payload, NOW_MS) is reject


def test_senml_bad_value_costs_its_record() -> None:
    """The others are read; what breaks the rules of packs costs the pack, since bases hold across records."""
    good = {"n": "humidity", "v": 40, "u": "%RH"}
    observation = Observation("relativeHumidity", NOW_MS, 0.4)
    for bad, reason in (
        ({"n": "temperature", "vs": "error"}, model.WRONG_TYPE),
        ({"n": "temperature", "v": "20"}, model.WRONG_TYPE),
        ({"n": "temperature", "v": 20, "u": "K"}, model.WRONG_UNIT),
        ({"n": "temperature", "v": 20, "t": -1e300}, model.BAD_TIME),
    ):
        assert climate(pack(bad, good), NOW_MS) == Reading(None, None, False, [observation], (reason,))
    assert climate(pack({"n": "temperature", "v": None}, good), NOW_MS) == Reading(None, None, False, [observation])
    assert climate(pack({"n": "temperature", "v": 20, "t": "now"}, good), NOW_MS) is model.WRONG_TYPE
    assert climate(pack({"n": "a b", "v": 20}, good), NOW_MS) is model.MALFORMED


def test_senml_values_mean_what_the_profile_says() -> None:
    """Sentinels as the device writes them, plausible values in the property's unit, words, numbers as text, an offset."""
    fields = {
        "temperature": Field(("t",), "Cel", offset=Decimal(-40), none=(Decimal(85),), plausible=(Decimal(-40), Decimal(60))),
        "open": Field(("door",), "1", words={"open": Decimal(1), "true": Decimal(1), "false": Decimal(0)}),
        "level": Field(("l",), "%", decimal_mark=","),
    }
    decode = decoder(replace(CLIMATE, fields=fields))
    for record, value in (
        ({"n": "t", "v": 50}, 10.0),
        ({"n": "t", "v": 85}, model.NO_VALUE),
        ({"n": "t", "v": 101}, model.IMPLAUSIBLE),
        ({"n": "door", "vs": "open"}, 1.0),
        ({"n": "door", "vb": False}, 0.0),
        ({"n": "door", "vs": "ajar"}, model.WRONG_TYPE),
        ({"n": "l", "vs": "12,5"}, 12.5),
        ({"n": "l", "v": 0.125, "u": "/"}, 12.5),
    ):
        reading = decode(pack(record), NOW_MS)
        assert (reading.observations[0].result if isinstance(reading, Reading) else reading) == value


def test_senml_pack_of_a_hub_is_a_part_for_each_device() -> None:
    """By base name, by what stands before a name's last part, or by a level of the topic; each has its own times and numbers."""
    payload = pack(
        {"bn": "2001:db8::2/", "bt": 1_320_078_429, "n": "temperature", "v": 25.2},
        {"n": "humidity", "v": 30, "u": "%RH"},
        {"bn": "2001:db8::1/", "n": "temperature", "v": 12.3},
        {"bn": "", "n": "temperature", "v": 1},
        {"bn": "2001:db8::2/", "n": "temperature", "v": 26, "t": 60},
    )
    time_ms = 1_320_078_429_000
    first = [
        Observation("temperature", time_ms, 25.2),
        Observation("relativeHumidity", time_ms, 0.3),
        Observation("temperature", time_ms + 60_000, 26.0),
    ]
    expected = [
        HubPart("2001:db8::2", Reading(None, None, True, first)),
        HubPart("2001:db8::1", Reading(None, None, True, [Observation("temperature", time_ms, 12.3)])),
        HubPart("", model.NO_VALUE),
    ]
    for hub in (("bn",), ("n",)):
        assert decoder(replace(CLIMATE, hub=hub))(payload, NOW_MS) == HubParts(expected)
    of_topic = decoder(replace(CLIMATE, hub=("$topic[1]",)))(payload, NOW_MS)
    assert isinstance(of_topic, HubParts)
    assert [part.hub_id for part in of_topic.parts] == ["probe"]
    assert decoder(replace(CLIMATE, hub=("bn",)))(b"[]", NOW_MS) is model.NO_READING


def test_senml_pack_beyond_all_use_is_too_large() -> None:
    """None of its records is read."""
    assert climate(b"[" + b",".join([b'{"n":"temperature","v":1}'] * 4097) + b"]", NOW_MS) is model.TOO_LARGE


def test_senml_numbers_behind_a_hub_are_each_device_s_own() -> None:
    """One that lacks its number is refused, and costs the other nothing."""
    decode = decoder(replace(make_profile(Codec.SENML, {"consumption": ("energy", "kW.h")}, sequence=("seq", None)), hub=("bn",)))
    payload = pack({"bn": "a:", "n": "energy", "v": 1}, {"n": "seq", "v": 7}, {"bn": "b:", "n": "energy", "v": 2})
    reading = Reading(None, 7, False, [Observation("consumption", NOW_MS, 1.0)])
    assert decode(payload, NOW_MS) == HubParts([HubPart("a", reading), HubPart("b", model.NO_SEQUENCE)])


@pytest.mark.parametrize(
    ("absent", "outcome"),
    [(AbsentSequence.ZERO, (None, 0)), (AbsentSequence.NONE, (None, None)), (AbsentSequence.REFUSED, model.NO_SEQUENCE)],
)
def test_senml_number_that_is_absent_means_what_the_profile_says(absent: AbsentSequence, outcome: object) -> None:
    """Zero, nothing, or a refusal."""
    profile = replace(CLIMATE, sequence=SequenceField("seq", None, absent))
    reading = decoder(profile)(pack({"n": "temperature", "v": 1}), NOW_MS)
    assert ((reading.boot, reading.sequence) if isinstance(reading, Reading) else reading) == outcome


def test_senml_packs_that_do_not_match_are_ignored() -> None:
    """By the topic, or by what a record says; a field may be of some topics only."""
    payload = pack({"n": "temperature", "v": 1}, {"bn": "urn:dev:x:", "n": "model", "vs": "A-1"})
    wanted = Condition("model", ("A-1",))
    for match, read in (
        (Match("t/+"), True),
        (Match("other"), False),
        (Match(conditions=(wanted,)), True),
        (Match(conditions=(Condition("urn:dev:x:model", ("A-1",)),)), True),
        (Match(conditions=(Condition("model", ("B",)),)), False),
        (Match(conditions=(Condition("alarm", present=False),)), True),
    ):
        outcome = decoder(replace(CLIMATE, match=match))(payload, NOW_MS)
        assert isinstance(outcome, Reading) if read else outcome is model.IGNORE
    elsewhere = {"temperature": replace(CLIMATE.fields["temperature"], topic="other")}
    assert decoder(replace(CLIMATE, fields=elsewhere))(payload, NOW_MS) is model.NO_READING


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"each": "data"}, "each"),
        ({"jmespath": True}, "jmespath"),
        ({"fields": {"a": Field(("x", "y"), "1")}}, "fields.a.path"),
        ({"fields": {"a": Field(("x",), "1", unit_path="u")}}, "fields.a.unit_path"),
        ({"hub": ("serial",)}, "hub.id"),
    ],
)
def test_senml_profile_that_asks_for_what_packs_lack_is_refused(changes: Any, key: str) -> None:
    """With its key; nothing is left unread in silence."""
    with pytest.raises(PolicyError) as caught:
        decoder(replace(CLIMATE, **changes))
    assert caught.value.key == key


labels = st.sampled_from(["bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "vs", "vb", "vd", "s", "t", "ut", "x", "x_"])
texts = st.sampled_from(["temperature", "humidity", "a:", "Cel", "/"]) | st.text()
values = st.none() | st.booleans() | st.integers() | st.floats() | texts
packs = st.lists(st.dictionaries(labels, values, max_size=6), max_size=6)


@given(st.binary(max_size=200) | packs.map(lambda records: json.dumps(records).encode()))
def test_senml_any_bytes_give_a_reading_or_a_rejection(payload: bytes) -> None:
    """Never an exception, never an undeclared property."""
    for decode in (climate, meter):
        result = decode(payload, NOW_MS)
        if isinstance(result, Reading):
            assert {seen.observed_property for seen in result.observations} <= {"consumption", *CLIMATE.fields}
        else:
            assert isinstance(result, Reject)


def test_decoder_keeps_no_id_of_a_pack_that_it_has_read() -> None:
    """Nothing that a message said outlives it: an erased device's id would, in a look-up that is kept for the next one."""
    decode = compile_decoder(replace(CLIMATE, hub=("bn",)))
    decode("t/hub", b'[{"bn":"anas-bedroom:","n":"temp","v":21}]', NOW_MS)
    held: list[Any] = [decode]
    seen: set[int] = set()
    while held:
        each = held.pop()
        assert each != "anas-bedroom"
        if id(each) not in seen and isinstance(each, FunctionType | CellType | dict | tuple | list):
            seen.add(id(each))
            held += gc.get_referents(each) if not isinstance(each, FunctionType) else [*(each.__closure__ or ())]
