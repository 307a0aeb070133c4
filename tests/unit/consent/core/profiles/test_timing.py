"""`[time]`, `[sequence]` and `[repeat]`: how they are read, and every contradiction in one line with its key."""

from __future__ import annotations

import pytest

from consent.core.profiles.profile import AbsentSequence, Repeat, SequenceField, TimeField, TimeFormat, TimeOrigin
from tests.support.profiles import parsed_profile, profile_fault


def test_everything_about_the_time_is_read() -> None:
    """Zone of the city, pattern, and a clock window of the profile's own."""
    text = """
    [time]
    path = "d"
    format = "pattern"
    pattern = "%d.%m.%Y %H:%M:%S"
    zone = "city"
    most_ahead = "10min"
    most_behind = "3d"
    """
    assert parsed_profile(text).time == TimeField(
        "d", TimeFormat.PATTERN, TimeOrigin.DEVICE, "%d.%m.%Y %H:%M:%S", "Europe/Madrid", 600_000, 259_200_000
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('format = "pattern"', "`time.pattern`: is missing"),
        ('format = "iso8601"\npattern = "%Y"', '`time.pattern`: should be left out, or `format` be `"pattern"`'),
        ('format = "pattern"\nzone = "city"\npattern = "%H:%M"', "`time.pattern`: `%H:%M` names no day"),
        ('format = "pattern"\nzone = "city"\npattern = "%m-%d %H:%M"', "`time.pattern`: `%m-%d %H:%M` names no day"),
        ('format = "pattern"\nzone = "city"\npattern = "%Y-%m-%d"', "`time.pattern`: `%Y-%m-%d` names no hour"),
        ('format = "pattern"\nzone = "city"\npattern = "%Y-%j %I"', "`time.pattern`: `%Y-%j %I` counts hours to 12"),
        ('format = "pattern"\nzone = "city"\npattern = "%c %H"', "`time.pattern`: `%c %H` holds `%c`, which is none of"),
        ('format = "pattern"\nzone = "city"\npattern = "%Y%j%H%"', "`time.pattern`: `%Y%j%H%` holds `%`, which is none of"),
        ('format = "pattern"\nzone = "city"\npattern = "%Y%Y%j%H"', "`time.pattern`: `%Y%Y%j%H` holds `%Y` twice"),
        ('format = "pattern"\npattern = "%Y-%m-%d %H"', "`time.zone`: is missing: the pattern has no offset"),
        ('format = "unix-s"\nzone = "city"', "`time.zone`: should be left out: with `unix-s`"),
        (
            'format = "iso8601"\nzone = "Europe/Madird"',
            "`time.zone`: `Europe/Madird` is no time zone of the IANA database: is `Europe/Madrid`",
        ),
        ('format = "iso8601"\nzone = "Europe"', "`time.zone`: `Europe` is no time zone"),
        ('format = "iso8601"\nzone = "../x"', "`time.zone`: `../x` is no time zone"),
        ('format = "iso8601"\nmost_ahead = "10 min"', "`time.most_ahead`: `10 min` is no length of time such as `30s`"),
        ('format = "iso8601"\nmost_behind = "0s"', "`time.most_behind`: `0s` should be from 1s to 3660d"),
    ],
)
def test_time_with_a_fault_is_one_line_with_its_key(text: str, line: str) -> None:
    """And says what should stand there."""
    assert profile_fault(f'[time]\npath = "d"\n{text}').startswith(line)


def test_everything_about_the_number_is_read() -> None:
    """What an absent one means, and whether devices begin again without telling."""
    text = '[sequence]\npath = "n"\nboot = "b"\nabsent = "none"\nrestarts = true\n[time]\npath = "at"\nformat = "unix-s"'
    assert parsed_profile(text).sequence == SequenceField("n", "b", AbsentSequence.NONE, restarts=True)


def test_number_of_a_network_is_absent_where_it_is_zero() -> None:
    """Its encoders omit zeros; the place is the format's."""
    sequence = parsed_profile("[sequence]\nrestarts = true", head='codec = "chirpstack-4"\n').sequence
    assert sequence == SequenceField("fCnt", "devAddr", AbsentSequence.ZERO, restarts=True)
    assert profile_fault('[sequence]\npath = "n"\nrestarts = true').startswith("`sequence.restarts`: needs a `[time]`")
    assert profile_fault("[sequence]\nrestarts = true", head='codec = "fiware-json"\n').startswith("`sequence.path`: is missing")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[sequence]", "`sequence.path`: is missing"),
        ('[sequence]\npath = "n"\nabsent = "one"', "`sequence.absent`: `one` is none of refused, zero, none"),
        ('[authentication]\nscheme = "mac0"\n[sequence]\nabsent = "zero"', "`sequence.absent`: should be left out: with `mac0`"),
        ('each = "data"\n[sequence]\npath = "n"', "`sequence.path`: `n` should begin with `^`"),
        ('[sequence]\npath = "t.n"', "`sequence.path`: `t.n` cannot match: a value is read by `fields.temperature.path`"),
        ("[repeat]", "`repeat`: should say `least_interval` or `equal_within`"),
        ('[repeat]\nequal_within = "2d"', "`repeat.equal_within`: `2d` should be from 1ms to 1d"),
        ('[sequence]\npath = "n"\n[repeat]\nequal_within = "60s"', "`repeat`: should be left out: by `sequence`"),
    ],
)
def test_number_or_repeat_with_a_fault_is_one_line_with_its_key(text: str, line: str) -> None:
    """And says what should stand there."""
    assert profile_fault(text).startswith(line)


def test_repeats_are_told_by_interval_or_by_content() -> None:
    """Each alone or both."""
    assert parsed_profile('[repeat]\nleast_interval = "30s"\nequal_within = "60s"').repeat == Repeat(30_000, 60_000)
    assert parsed_profile('[repeat]\nequal_within = "60s"').repeat == Repeat(0, 60_000)
