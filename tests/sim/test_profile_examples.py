"""The profiles that come with the program: each reads its own examples as it says, and says what in its messages is not read.

The examples are taken through the decoder and the admission of the gateway, by `sluice check` itself, in a town that defines
every property, and in towns that define few, in other units and languages.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.core.profiles.profile import Profile
from consent.core.toml.file import TomlFile
from consent.errors import PolicyError
from consent.policy_files import read_policy_files
from consent.shipped_profiles import shipped_names, shipped_text
from gateway.commands.check import check_folder
from gateway.commands.check_report import Checked
from gateway.core.examples.example import Example, read_examples
from tests.support.full_city import PROPERTIES, full_city

RIBERAS = {"air-quality", "air-station", "footfall", "meter", "noise", "secure-meter"}
"""Of the example city's own making; the others are of devices that can be bought or built."""
MADE = tuple(name for name in shipped_names() if name not in RIBERAS)
FEWEST = 20
_LIST = re.compile(r"^# Not read, because .*:\n(?P<items>(?:#   - .+\n)+)", re.MULTILINE)
_NAMED = re.compile(r"`([^`]+)`")


def check(folder: Path, city: bytes) -> Checked:
    """Check a policies folder that holds nothing but a `city.toml`."""
    folder.mkdir(exist_ok=True)
    (folder / "city.toml").write_bytes(city)
    return check_folder(folder, None)


@pytest.fixture(scope="module")
def town() -> PolicySet:
    """The town that uses them all."""
    texts = {f"devices/{name}.toml": shipped_text(name) for name in shipped_names()}
    return parse_policies({"city.toml": full_city(shipped_names()), **texts})


def examples_of(profile: Profile) -> tuple[Example, ...]:
    """Return a profile's examples."""
    return read_examples(TomlFile(f"devices/{profile.id}.toml", shipped_text(profile.id)), profile)


def not_read(name: str) -> list[str]:
    """Return the lines of what a file says is not read."""
    found = _LIST.search(shipped_text(name).decode())
    assert found is not None, f"devices/{name}.toml does not list what it does not read"
    return found["items"].splitlines()


def test_every_example_of_every_shipped_profile_comes_out_as_it_says(tmp_path: Path) -> None:
    """Through `sluice check`, in a folder that holds none of their files."""
    checked = check(tmp_path / "town", full_city(shipped_names()))
    assert (checked.faults, checked.failed_examples) == ((), ())
    assert checked.policies is not None
    assert checked.policies.profiles.keys() == set(shipped_names())
    assert len(MADE) >= FEWEST


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_profile_shows_readings_refusals_and_what_it_passes_over(town: PolicySet, name: str) -> None:
    """At least three examples, of which one gives every field, and one shows what goes wrong."""
    profile = town.profiles[name]
    messages = [message for example in examples_of(profile) for message in example.messages]
    given = {reading.observed_property for message in messages for reading in message.readings or () if reading.value is not None}
    assert given == profile.fields.keys()
    assert len(messages) >= 3
    assert any(message.reject or not message.readings or any(each.refused for each in message.readings) for message in messages)


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_profile_says_what_is_personal_in_its_messages_and_reads_none_of_it(town: PolicySet, name: str) -> None:
    """What it lists is no field; of real devices some of it stands in the examples, where nothing comes of it."""
    listed = {named for line in not_read(name) for named in _NAMED.findall(line)}
    profile = town.profiles[name]
    paths = {path for field in profile.fields.values() for path in field.paths}
    assert not listed & paths
    if name in MADE:
        sent = "\n".join(message.topic + message.payload.decode() for each in examples_of(profile) for message in each.messages)
        shown = {named for named in listed if named.rpartition(".")[2] in sent}
        assert len(shown) >= 2, f"{name}: its examples show none of {listed}"


@pytest.mark.parametrize("name", MADE)
def test_shipped_profile_of_a_real_device_suits_any_city(name: str) -> None:
    """A title in three languages, fields that a city may not know, and how long a silence is one."""
    tables = TomlFile(name, shipped_text(name)).tables
    assert set(tables["title"]) == {"en", "es", "pt"}
    assert tables["unknown_properties"] == "skip"
    assert "expect_every" in tables
    assert set(tables["fields"]) <= PROPERTIES.keys()


@pytest.mark.parametrize("name", MADE)
def test_shipped_profile_says_in_which_unit_its_values_and_bounds_are(town: PolicySet, name: str) -> None:
    """A city's own may be another, and then the gateway converts."""
    values = [reading for each in examples_of(town.profiles[name]) for one in each.messages for reading in one.readings or ()]
    assert all(reading.unit == PROPERTIES[reading.observed_property] for reading in values if reading.value is not None)
    for observed, field in TomlFile(name, shipped_text(name)).tables["fields"].items():
        bounded = "plausible" in field or "most_per_h" in field.get("counter", {})
        assert field.get("bounds_unit") == (PROPERTIES[observed] if bounded else None)


def test_city_that_defines_few_properties_in_other_units_reads_those_and_the_examples_hold(tmp_path: Path) -> None:
    """Of what it does not define nothing is read, and nothing is expected."""
    for few in (
        {"temperature": "K", "totalConsumption": "MW.h"},
        {"pm25": "mg/m3"},
        {"waterVolume": "L", "relativeHumidity": "1"},
    ):
        fit = [name for name in MADE if few.keys() & set(TomlFile(name, shipped_text(name)).tables["fields"])]
        checked = check(tmp_path / "few", full_city(fit, few, ("pt", "de")))
        assert (checked.faults, checked.failed_examples) == ((), ())
        assert checked.policies is not None
        assert {name for profile in checked.policies.profiles.values() for name in profile.fields} <= few.keys()


def test_city_that_defines_nothing_that_a_profile_reads_is_told(tmp_path: Path) -> None:
    """Such a profile would never give a reading."""
    (tmp_path / "city.toml").write_bytes(full_city(["airrohr"], {"waterVolume": "m3"}))
    with pytest.raises(PolicyError, match=r"^`devices/airrohr.toml`: `fields`: names none of the city's properties"):
        parse_policies(read_policy_files(tmp_path))
