"""Terms of policies that other standards define: each that does not exist, or does not fit, is told by file and key."""

from __future__ import annotations

import zoneinfo

import pytest

from consent.core.policies.parse import parse_policies
from consent.core.profiles.profile import Codec
from consent.policy_files import read_policy_files
from gateway.check.terms import code_faults, faults_in, notes_in, path_fault
from tests.support.checkout import ROOT

CITY, METER, STATION, STREET = "city.toml", "devices/meter.toml", "devices/air-station.toml", "devices/air-quality.toml"
SHIPPED = read_policy_files(ROOT / "policies")

ANOTHER_ZERO = "has another zero than the property's `Cel`, which no `scale` moves: leave `scale` out, or give `offset` as well"


def changed(path: str, old: str, new: str) -> dict[str, bytes]:
    """Return the shipped policies with one text changed where it first stands."""
    text = SHIPPED[path].decode()
    assert old in text
    return SHIPPED | {path: text.replace(old, new, 1).encode()}


def faults(files: dict[str, bytes]) -> list[str]:
    """Return the faults of policies, as lines."""
    return [str(fault) for fault in faults_in(parse_policies(files))]


def notes(files: dict[str, bytes]) -> list[str]:
    """Return what is odd about their units, as lines."""
    return [str(note) for note in notes_in(parse_policies(files))]


def test_shipped_policies_hold_no_term_that_is_none() -> None:
    """And nothing odd."""
    assert (faults(SHIPPED), notes(SHIPPED)) == ([], [])


@pytest.mark.parametrize(("zone", "meant"), [("Europe/Madird", "Europe/Madrid"), ("Europe/Lisboa", "Europe/Lisbon")])
def test_time_zone_that_does_not_exist_is_told_with_one_that_does(zone: str, meant: str) -> None:
    """By the database of the IANA."""
    assert faults(changed(CITY, "Europe/Madrid", zone)) == [
        f"`city.toml`: `city.timezone`: `{zone}` is no time zone of the IANA database: is `{meant}` meant?"
    ]


def test_time_zones_are_known_on_a_machine_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small image has none; the package `tzdata` is there for it."""
    monkeypatch.setattr(zoneinfo, "TZPATH", ())
    zoneinfo.reset_tzpath(())
    try:
        zoneinfo.ZoneInfo.clear_cache()
        assert faults(SHIPPED) == []
        assert len(faults(changed(CITY, "Europe/Madrid", "Europe/Madird"))) == 1
    finally:
        monkeypatch.undo()
        zoneinfo.reset_tzpath()


def test_unit_that_is_no_ucum_code_is_told_where_it_stands() -> None:
    """Of a property, and of a field of a class, whether or not the two agree."""
    files = changed(CITY, 'unit = "kW.h"', 'unit = "kWh"')
    assert [str(fault) for fault in code_faults(files)] == [
        "`city.toml`: `property.consumption.unit`: `kWh` is no UCUM code: write `kW.h`"
    ]
    files = changed(METER, 'unit = "kW.h"', 'unit = "banana"\nscale = 2')
    assert [line for line in faults(files) if "meter" in line] == [
        "`devices/meter.toml`: `fields.consumption.unit`: `banana` is no UCUM code, such as `kW.h`, `Cel` or `ug/m3`"
    ]


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        (
            "[degF]",
            (
                "`[degF]` has another zero than the property's `Cel`, which no `scale` moves: "
                "leave `scale` out, or give `offset` as well"
            ),
        ),
        (
            "K",
            "`K` has another zero than the property's `Cel`, which no `scale` moves: leave `scale` out, or give `offset` as well",
        ),
        ("kW.h", "`kW.h` measures something else than the property's `Cel`"),
        ("mmol/l", "`mmol/l` measures something else than the property's `Cel`"),
    ],
)
def test_unit_that_does_not_convert_to_the_propertys_is_a_fault(unit: str, message: str) -> None:
    """Whatever the scale says."""
    files = changed(STATION, 'unit = "Cel"', f'unit = "{unit}"\nscale = 0.5556')
    assert faults(files) == [f"`devices/air-station.toml`: `fields.temperature.unit`: {message}"]


def test_unit_that_converts_is_well_with_its_factor_and_warned_of_with_another() -> None:
    """A thousand times too much leaves as a wrong figure without a word."""
    assert notes(changed(METER, 'unit = "kW.h"', 'unit = "W.h"\nscale = 0.001')) == []
    files = changed(METER, 'unit = "kW.h"', 'unit = "W.h"\nscale = 1000')
    assert faults(files) == []
    (warning,) = notes(files)
    assert warning.startswith("warning: `devices/meter.toml`: `fields.consumption.scale`: ")
    assert warning.endswith(
        "a `W.h` is `0.001` of the property's `kW.h`, and `scale` says `1000`: is `unit` what the device sends?"
    )


def test_unit_that_senml_cannot_say_is_noted() -> None:
    """A record that states its unit would be refused, always."""
    files = changed(STREET, 'unit = "ug/m3"', 'unit = "ng/m3"\nscale = 0.001')
    (note,) = [line for line in notes(files) if "SenML" in line]
    assert note.startswith("note: `devices/air-quality.toml`: `fields.pm25.unit`: ")
    assert note.endswith("SenML has no name for `ng/m3`: a record that states its unit is refused as `wrong_unit`")


@pytest.mark.parametrize("key", ["fields.consumption.path", "time.path", "sequence.path", "sequence.boot"])
def test_path_that_no_decoder_can_follow_is_told_by_its_key(key: str) -> None:
    """Wherever a path may stand."""
    old = {"fields.consumption.path": "kwh", "time.path": "t", "sequence.path": "seq", "sequence.boot": "boot"}[key]
    word = "boot" if key.endswith("boot") else "path"
    files = changed(METER, f'{word} = "{old}"', f'{word} = "messages.0.value"')
    said = "`messages.0.value`: write `[0]` for a position in a list, and `'0'` for a field of that name"
    assert faults(files) == [f"`devices/meter.toml`: `{key}`: {said}"]


@pytest.mark.parametrize("path", ["*.a", "$.a", "/a/b", "@", "`a`", "$", "0", "a.17", "a.١"])
def test_path_of_another_language_is_refused(path: str) -> None:
    """JMESPath, JSONPath, JSON pointers, positions in lists without brackets."""
    assert path_fault(path, Codec.JSON) is not None
    assert path_fault(path, Codec.CBOR) is not None


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "air.pm25",
        "switch:0.apower",
        "a[0].b[-1]",
        "a[b=c].d",
        "a['0'='*'].d",
        "'*'.\"0\"",
        "$topic[2]",
        "^a.b",
        "",
        "rssi@1m",
        "LAeq dB",
        "BME280-76.Temperature",
        "total (kWh)",
        "ñ",
        "a1.2b",
        "$id",
        "Ana's",
    ],
)
def test_names_that_devices_use_are_no_fault(path: str) -> None:
    """Most signs are just signs of a name."""
    assert path_fault(path, Codec.JSON) is None


@pytest.mark.parametrize(
    ("path", "fits"), [("pm25", True), ("urn:dev:ow:1/x", True), ("a.b", True), ("0", True), ("-a", False), ("a b", False)]
)
def test_path_of_senml_is_the_name_of_a_record(path: str, fits: bool) -> None:
    """By the grammar of RFC 8428, section 4.5.1."""
    assert (path_fault(path, Codec.SENML) is None) == fits


def test_expressions_are_warned_of_by_their_cost() -> None:
    """Whoever could do without them should."""
    files = changed(METER, 'codec = "json"', 'codec = "json"\njmespath = true')
    assert faults(files) == []
    (warning,) = notes(files)
    assert warning.startswith(
        "warning: `devices/meter.toml`: `jmespath`: JMESPath expressions take about ten times as long as paths"
    )


def test_code_that_says_something_else_than_is_meant_is_warned_of() -> None:
    """A property and a field in `C` agree with each other, and neither is about warmth."""
    files = changed(CITY, 'unit = "Cel"', 'unit = "C"') | {STATION: changed(STATION, 'unit = "Cel"', 'unit = "C"')[STATION]}
    assert faults(files) == []
    assert notes(files) == ["warning: `city.toml`: `property.temperature.unit`: `C` is the coulomb in UCUM: is `Cel` meant?"]
