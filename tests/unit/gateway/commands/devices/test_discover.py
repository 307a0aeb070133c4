"""What the terminal shows of publishers that nobody registered, and the list that it writes."""

from __future__ import annotations

import argparse
import io
from typing import cast

import pytest

from consent.control import ControlClient
from consent.device_messages import Discover, Discovered, ProfileFit, PublisherFound, ValueRead
from gateway.commands.devices import discover

FIT = ProfileFit(profile="meter", in_force=True, readings=2, values=[ValueRead(property="consumption", value=0.131, unit="kW.h")])
HUB = ProfileFit(profile="radio", in_force=False, readings=0, refused="bad_time", values=[])
METER = PublisherFound(topic="homes/a", id="", messages=3, first_ms=0, last_ms=60_000, per_h=120.0, fits=[FIT])
SENSOR = PublisherFound(topic="r", id="x\x1b[2J", messages=1, first_ms=0, last_ms=0, per_h=None, fits=[HUB])
OTHER = PublisherFound(topic="p", id="", messages=2, first_ms=0, last_ms=5, per_h=2.0, fits=[])


@pytest.mark.parametrize(("text", "time_s"), [("60s", 60), ("60", 60), ("10min", 600), ("1h", 3600), ("3600", 3600)])
def test_times_are_read_as_policies_write_them(text: str, time_s: int) -> None:
    """A number alone is in seconds."""
    assert discover.seconds(text) == time_s


@pytest.mark.parametrize("text", ["", "0s", "-1s", "2h", "1d", "ten", "1.5min", "999999s"])
def test_time_that_is_none_or_too_long_is_refused(text: str) -> None:
    """Whoever forgets to stop it stops all the same."""
    with pytest.raises(argparse.ArgumentTypeError, match="should be a time such as `60s` or `10min`, of one hour at most"):
        discover.seconds(text)


def test_each_publisher_is_told_with_its_rate_and_what_reads_it() -> None:
    """A shipped profile says what to do; what nobody reads is told too, and so is what had no room."""
    found = Discovered(messages=9, left_off=3, found=3, publishers=[METER, SENSOR, OTHER])
    assert list(discover._lines(found)) == [
        "homes/a  3 messages, 120 an hour",
        "  meter: consumption 0.131 kW.h",
        "r  id x\x1b[2J  1 message",
        "  radio (shipped): refused: bad_time",
        "p  2 messages, 2 an hour",
        "  no profile reads it",
        "(shipped): comes with the program; name it in `[use]` of city.toml",
        "3 publishers that nobody registered, 9 messages",
        "3 messages of others, which had no room here: register some of these first",
    ]


def test_list_to_complete_names_the_profile_that_fits_best() -> None:
    """Zone, owner and subject only people know."""
    assert [discover._row(each) for each in (METER, SENSOR, OTHER)] == [
        ("homes/a", "", "meter", "", "", ""),
        ("r", "x\x1b[2J", "radio", "", "", ""),
        ("p", "", "", "", "", ""),
    ]


class _Terminal(io.StringIO):
    """Standard error, on a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


class _Asked:
    """A connection on which it is told how far a discovery has come; then somebody types Ctrl-C."""

    def __init__(self) -> None:
        self.times = 0

    def ask(self, method: str, params: Discover, kind: type[Discovered]) -> Discovered:
        """Answer once."""
        self.times += 1
        if self.times > 1:
            raise KeyboardInterrupt
        return Discovered(messages=7, left_off=0, found=2)


def test_progress_is_drawn_on_a_terminal_and_ctrl_c_ends_it_without_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found until then is asked for all the same; the line is wiped."""
    terminal, client = _Terminal(), _Asked()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(discover, "POLL_S", 0.0)
    discover._listen(cast("ControlClient", client), 600)
    assert "2 publishers, 7 messages, 600 s left; Ctrl-C ends" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_what_the_city_does_not_define_is_named_and_all_of_it_fits_80_columns() -> None:
    """A crew learns that a profile fits before the city has a word for what it reads; rates are plain numbers."""
    many = ["activePower", "co2", "pm10", "pm25", "pressure", "relativeHumidity", "temperature"]
    fit = ProfileFit(profile="milesight-am319-chirpstack-4", in_force=False, readings=2, values=[], undefined=many)
    topic = "application/4f1c/device/24e124136b502217-in-the-loft/event/up"
    node = PublisherFound(topic=topic, id="", messages=2000, first_ms=0, last_ms=9, per_h=1112.4, fits=[fit])
    lines = list(discover._lines(Discovered(messages=9, left_off=0, found=1, publishers=[node])))
    assert lines[:2] == [topic, "  2000 messages, 1112 an hour"]
    assert lines[2:4] == [
        "  milesight-am319-chirpstack-4 (shipped): undefined: activePower, co2, pm10,",
        "    pm25, pressure, relativeHumidity, temperature",
    ]
    assert "undefined: a property that city.toml does not define" in lines
    assert max(len(line) for line in lines) <= 80


def test_where_nothing_is_heard_the_filters_are_told() -> None:
    """The commonest reason is that devices publish elsewhere; once anything came it is none."""
    nothing = Discovered(messages=0, left_off=0, found=0)
    said = ["`broker.filters` lets through `homes/#`, `streets/#`, and of others nothing is", "heard"]
    assert list(discover._unheard(nothing, ["homes/#", "streets/#"])) == said
    assert list(discover._unheard(Discovered(messages=1, left_off=0, found=1), ["homes/#"])) == []
