"""Device profiles as a whole: keys of the file itself, what a profile made for many cities leaves open, and mutilated files."""

from __future__ import annotations

import tomllib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.parse import read_profile
from consent.core.profiles.profile import Compression
from consent.core.toml.file import TomlFile
from consent.errors import PolicyError
from gateway.core.codecs.registry import COMPILERS, compile_decoder
from gateway.core.model import Decoded
from tests.support.mutated_toml import mutants
from tests.support.profiles import CITY_TERMS, parsed_profile, profile_fault

EVERYTHING = """
title = { en = "Probe" }
codec = "json"
compression = "gzip"
expect_every = "10min"
each = "data"
unknown_properties = "skip"

[match]
"$topic" = "+/SENSOR"
"^model" = ["Acme-Out1", 5, true]
"data.temp" = { present = true }

[hub]
id = ["^model", "id"]

[fields.temperature]
path = ["temp_f", "l[k=v].x", "'a.b'[-1]"]
topic = "emeter/+/SENSOR"
unit = "[degF]"
decimal_mark = ","
words = { ON = 1, OFF = 0, true = 1 }
none = ["n/a", 85, -127.0, 6553.5, 4294967295]
plausible = [-40, 60]
counter = { most_per_h = 25, bits = 32, restarts = "daily" }

[fields.humidity]
path = "h"
unit = "%"
unit_path = "u"

[time]
path = "Time"
format = "pattern"
pattern = "%d.%m.%Y %H:%M:%S"
zone = "city"
most_ahead = "10min"
most_behind = "3d"

[sequence]
path = "f_cnt"
boot = "session_key_id"
absent = "zero"
restarts = true
"""


def test_every_key_can_be_said_at_once() -> None:
    """And is compiled."""
    profile = read_profile(TomlFile("devices/probe.toml", EVERYTHING.encode()), "probe", CITY_TERMS)

    assert profile.compression is Compression.GZIP
    assert profile.expect_every_ms == 600_000
    compile_decoder(profile)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('compression = "zip"', "`compression`: `zip` is none of none, gzip"),
        ('expect_every = "often"', "`expect_every`: `often` is no length of time such as `30s`, `10min`, `2h` or `3d`"),
        ('unknown_properties = "maybe"', "`unknown_properties`: `maybe` is none of refused, skip"),
        ("jmespath = 1", "`jmespath`: should be true or false"),
        ('[match]\nx = 1\n[hub]\nid = "i"\nname = "x"', "`hub.name`: is not a known key"),
    ],
)
def test_key_with_a_fault_is_one_line(text: str, line: str) -> None:
    """Of the file itself."""
    assert profile_fault(text).startswith(line)


def test_profile_for_many_cities_reads_what_this_city_knows() -> None:
    """Properties that the city does not define are passed over, titles taken in its languages; by itself both are errors."""
    fields = '[fields.temperature]\npath = "t"\nunit = "Cel"\n[fields.radon]\npath = "r"\nunit = "Bq/m3"\n'

    assert list(parsed_profile('unknown_properties = "skip"', fields=fields).fields) == ["temperature"]
    assert profile_fault("", fields=fields) == "`fields.radon`: there is no property `radon`"
    only = '[fields.radon]\npath = "r"\nunit = "Bq/m3"\n'
    assert profile_fault('unknown_properties = "skip"', fields=only).startswith("`fields`: names none of the city's properties")


def test_expressions_are_for_formats_that_have_something_to_express() -> None:
    """One value is found without one."""
    assert profile_fault("jmespath = true", head='codec = "value"\n').startswith("`jmespath`: should be left out")


@given(mutants(tomllib.loads(EVERYTHING, parse_float=Decimal)), st.binary(max_size=60))
def test_any_profile_is_compiled_or_refused_with_a_line(text: str, payload: bytes) -> None:
    """Whatever is written in it; and what is compiled never raises."""
    try:
        profile = read_profile(TomlFile("devices/probe.toml", text.encode()), "probe", CITY_TERMS)
        decode = compile_decoder(profile) if profile.codec in COMPILERS else None
    except PolicyError as error:
        refused = str(error)
    else:
        refused = ""
    assert "\n" not in refused
    if refused or decode is None:
        return
    for each in (payload, b'{"model":5,"data":[{"Time":"01.02.2026 03:04:05","h":4,"id":"a"}]}'):
        assert isinstance(decode("a/b/SENSOR", each, 0), Decoded)
