"""The verdict on examples: what differs is told by the key that says otherwise, and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from consent.core.policies.parse import parse_policies
from consent.core.toml.file import TomlFile
from consent.policy_files import read_policy_files
from gateway.core.examples.compare import try_example
from gateway.core.examples.example import read_examples
from tests.support.checkout import ROOT

SHIPPED = read_policy_files(ROOT / "policies")
CLASSES = [path for path in SHIPPED if path.startswith("devices/")]


def differences(path: str, files: Mapping[str, bytes] = SHIPPED) -> list[str]:
    """Return how the examples of a class came out otherwise."""
    policies = parse_policies(files)
    profile = policies.profiles[path.removeprefix("devices/").removesuffix(".toml")]
    found = [try_example(one, profile, policies.properties) for one in read_examples(TomlFile(path, files[path]), profile)]
    assert found
    assert all(each.passed == (not each.differences) for each in found)
    return [f"`{each.key}`: {each.message}" for result in found for each in result.differences]


def changed(path: str, old: str, new: str) -> list[str]:
    """Return the differences after one text of a shipped class is another."""
    text = SHIPPED[path].decode()
    assert old in text
    return differences(path, SHIPPED | {path: text.replace(old, new, 1).encode()})


@pytest.mark.parametrize("path", CLASSES)
def test_shipped_examples_hold_and_show_a_reading_and_a_refusal_each(path: str) -> None:
    """Of every shipped class."""
    assert differences(path) == []
    assert b"readings = [" in SHIPPED[path]
    assert b"\nreject = " in SHIPPED[path]


METER = "devices/meter.toml"


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("value = 0.131, unit", "value = 0.132, unit", "`example.0.readings.0.value`: expected `0.132`, got `0.131`"),
        (
            "time = 2026-03-20T23:00:00Z",
            "time = 2026-03-20T23:00:00.5Z",
            "`example.0.readings.0.time`: expected `2026-03-20T23:00:00.500Z`, got `2026-03-20T23:00:00Z`",
        ),
        ('unit = "kW.h", time', 'unit = "W.h", time', "`example.0.readings.0.unit`: expected `W.h`, got `kW.h`, the property's"),
        ("sequence = 98558", "sequence = 98559", "`example.0.sequence`: expected `98559`, got `98558`"),
        ("boot = 1", 'boot = "1"', '`example.0.boot`: expected `"1"`, got `1`'),
        ('"kwh":0.131}\'', '"kwh":null}\'', "`example.0`: expected readings, got a refusal as `no_reading`"),
        (
            'reject = "replayed"',
            "ignored = true",
            "`example.2.messages.1`: expected nothing, for it is ignored, got a refusal as `replayed`",
        ),
        (
            'reject = "replayed"',
            'reject = "wrong_type"',
            "`example.2.messages.1`: expected a refusal as `wrong_type`, got a refusal as `replayed`",
        ),
        (
            'refused = "clock_behind"',
            "value = 0.002",
            "`example.4.readings.0.value`: expected `0.002`, got a refusal as `clock_behind`",
        ),
        (
            "received = 2026-03-20T23:00:05Z\n",
            "",
            "`example.4.readings.0.refused`: expected a refusal as `clock_behind`, got `0.002`",
        ),
    ],
)
def test_difference_is_told_by_the_key_that_says_otherwise(old: str, new: str, difference: str) -> None:
    """Value, unit, time, number, run, refusal: what was expected and what came."""
    assert changed(METER, old, new) == [difference]


def test_reading_that_is_missing_or_comes_too_is_told() -> None:
    """Every reading of a message is expected, and no other."""
    station = "devices/air-station.toml"
    line = '  { property = "no2", value = 31.5, unit = "ug/m3", time = 2026-03-20T23:00:00Z },\n'
    assert changed(station, line, "") == ["`example.0.readings`: `no2` came too, `31.5 ug/m3`"]
    assert changed(station, line, line + line) == ["`example.0.readings.3`: expected `no2`, and no such reading came"]


def test_readings_of_one_property_are_compared_in_the_order_of_the_message() -> None:
    """A pack of several minutes has several of each."""
    street = "devices/air-quality.toml"
    first, second = "value = 12.4, unit", "value = 12.9, unit"
    text = SHIPPED[street].decode()
    swapped = text.replace(first, "value = 0, unit", 1).replace(second, first, 1).replace("value = 0, unit", second, 1)
    assert differences(street, SHIPPED | {street: swapped.encode()}) == [
        "`example.0.readings.0.value`: expected `12.9`, got `12.4`",
        "`example.0.readings.1.value`: expected `12.4`, got `12.9`",
    ]


def test_time_that_rests_on_the_arrival_needs_one() -> None:
    """Otherwise nothing could be compared."""
    street = "devices/air-quality.toml"
    assert changed(street, "received = 2026-03-20T23:00:00Z\n", "") == [
        "`example.1.readings.0.time`: the time rests on the arrival: say in `received` when that is"
    ]


def test_change_of_a_class_is_shown_by_its_examples() -> None:
    """A path that leads elsewhere, a scale that is wrong: the examples say so before a citizen's figures do."""
    assert changed(METER, 'path = "kwh"', 'path = "volts"')[0] == "`example.0`: expected readings, got a refusal as `no_reading`"
    assert "`example.0.readings.0.value`: expected `0.131`, got `131`" in changed(
        METER, 'unit = "kW.h"', 'unit = "MW.h"\nscale = 1000'
    )


HUB = """
title = { en = "Hub", es = "Hub", pt = "Hub" }
codec = "json"
unknown_properties = "skip"

[hub]
id = "id"

[fields.temperature]
path = "t"
unit = "Cel"

[fields.co2]
path = "co2"
unit = "[ppm]"
"""


def of_hub(example: str) -> list[str]:
    """Return how an example of a hub's profile, in Ribera, which defines no carbon dioxide, comes out otherwise."""
    files = {**SHIPPED, "devices/hub.toml": (HUB + "\n[[example]]\n" + example).encode()}
    files["city.toml"] = files["city.toml"].replace(b'devices = ["meter"', b'devices = ["hub", "meter"')
    return differences("devices/hub.toml", files)


SENT = """payload = '{"id":"a","t":21.5,"co2":600}'\n"""
READS = '{ device = "a", property = "temperature", value = 21.5, unit = "Cel" }'


def test_examples_of_a_hub_say_whose_each_reading_is() -> None:
    """That of another device is not the one that came."""
    assert of_hub(f"{SENT}readings = [{READS}]") == []
    other = READS.replace('"a"', '"b"')
    assert of_hub(f"{SENT}readings = [{other}]") == [
        "`example.0.readings.0`: expected `temperature` of `b`, and no such reading came",
        "`example.0.readings`: `temperature` of `a` came too, `21.5 Cel`",
    ]


def test_values_in_another_unit_are_compared_where_a_file_is_for_many_cities() -> None:
    """And where it is not, the unit is the property's."""
    assert of_hub(f"{SENT}readings = [{READS.replace('21.5', '70.7').replace('Cel', '[degF]')}]") == []
    assert of_hub(f"{SENT}readings = [{READS.replace('21.5', '71.6').replace('Cel', '[degF]')}]")[0].startswith(
        "`example.0.readings.0.value`: expected `22.0"
    )


def test_what_the_city_does_not_read_is_passed_over() -> None:
    """What a message would give of other properties, and the whole outcome of one that is about nothing else."""
    also = '{ device = "a", property = "co2", value = 600, unit = "[ppm]" }'
    assert of_hub(f"{SENT}readings = [{READS}, {also}]") == []
    assert of_hub('payload = \'{"id":"a","co2":600}\'\nreadings = [' + also + "]") == []
    assert of_hub('payload = \'{"id":"a","co2":null}\'\nreject = "wrong_type"') == []


def test_value_that_is_refused_beside_others_has_to_be_said() -> None:
    """By its reason; of a value that is no observation the decoder tells no more."""
    bad = """payload = '{"t":1774047600,"seq":1,"boot":1,"kwh":0.1}'"""
    assert of_hub('payload = \'{"id":"a","t":"warm"}\'\nreadings = [' + READS + "]") == [
        "`example.0`: expected readings, got a refusal as `wrong_type`"
    ]
    secure = SHIPPED["devices/secure-meter.toml"].partition(b"# --- Examples")[0].decode()
    message = bad.replace('"kwh":0.1', '"kwh":0.1,"total_kwh":"?"')
    text = f'{secure}\n[[example]]\npartial_iv = 1\n{message}\nreadings = [{{ property = "consumption", value = 0.1 }}%s]'
    path = "devices/secure-meter.toml"
    said = ', { property = "totalConsumption", refused = "wrong_type" }'
    assert differences(path, {**SHIPPED, path: (text % said).encode()}) == []
    assert differences(path, {**SHIPPED, path: (text % "").encode()}) == [
        "`example.0.readings`: a value was refused as `wrong_type`, and no reading says so"
    ]
