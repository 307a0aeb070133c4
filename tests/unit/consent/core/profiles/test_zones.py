"""Time zones: the city's own by its word, any of the IANA database by its name, and nothing else."""

from __future__ import annotations

import pytest

from consent.core.profiles.zones import read_zone
from consent.core.toml.file import TomlFile
from consent.errors import PolicyError

FILE = TomlFile("devices/probe.toml", b"")


def test_zone_is_the_citys_or_one_of_the_database() -> None:
    """By name."""
    assert read_zone(FILE, "city", "Europe/Madrid", "time.zone") == "Europe/Madrid"
    assert read_zone(FILE, "UTC", "Europe/Madrid", "time.zone") == "UTC"


@pytest.mark.parametrize("name", ["", "Europe/Madird", "Europe", "/etc/passwd", "../UTC", "\0", "x" * 300])
def test_what_is_no_zone_is_refused_with_its_key(name: str) -> None:
    """Whatever the database makes of the name."""
    with pytest.raises(PolicyError, match=r"`devices/probe.toml`: `time.zone`: .* is no time zone of the IANA database"):
        read_zone(FILE, name, "Europe/Madrid", "time.zone")
