"""What a profile reads more, less or otherwise: each key with its direction, and nothing rises of what goes nowhere."""

from __future__ import annotations

import pytest

from consent.core.review.reach import Direction
from consent.core.review.readings import ReadingChange, profile_changes
from tests.support.profiles import parsed_profile

RISES, FALLS, DIFFERS = Direction.RISES, Direction.FALLS, Direction.DIFFERS
FIELD = '[fields.temperature]\npath = "t"\nunit = "Cel"\n'


def changes(old: str, new: str, asked: frozenset[str] = frozenset({"temperature"})) -> list[tuple[Direction, str]]:
    """Return the direction and the part of each difference between two files."""
    return [(each.direction, each.part) for each in profile_changes(parsed_profile(old), parsed_profile(new), asked)]


@pytest.mark.parametrize(
    ("tight", "loose", "part"),
    [
        ("[match]\nmodel = 1", "", "match"),
        ("[match]\nmodel = 1", "[match]\nmodel = [1, 2]", "match"),
        ("[match]\nmodel = 1", "[match]\nmodel = { present = true }", "match"),
        ('[match]\n"$topic" = "a/b"', '[match]\n"$topic" = "b"', "match"),
        ("", 'compression = "gzip"', "compression"),
        ('[repeat]\nleast_interval = "30s"', "", "repeat.least_interval"),
        ('[repeat]\nequal_within = "30s"', '[repeat]\nequal_within = "10s"', "repeat.equal_within"),
        (
            '[time]\npath = "at"\nformat = "unix-s"\nmost_ahead = "10s"',
            '[time]\npath = "at"\nformat = "unix-s"\nmost_ahead = "1h"',
            "time.most_ahead",
        ),
        (
            '[time]\npath = "at"\nformat = "unix-s"\nmost_behind = "10s"',
            '[time]\npath = "at"\nformat = "unix-s"',
            "time.most_behind",
        ),
        ('[sequence]\npath = "n"', '[sequence]\npath = "n"\nabsent = "zero"', "sequence.absent"),
        ('[sequence]\npath = "n"', '[sequence]\npath = "n"\nrestarts = true', "sequence.restarts"),
        *(
            (f"{FIELD}{tight}", f"{FIELD}{loose}", f"fields.temperature.{part}")
            for tight, loose, part in (
                ('topic = "a/b"', "", "topic"),
                ('topic = "a/b"', 'topic = "b"', "topic"),
                ("", 'decimal_mark = ","', "decimal_mark"),
                ("", "words = { ON = 1 }", "words"),
                ("words = { ON = 1 }", "words = { ON = 1, OFF = 0 }", "words"),
                ('none = [85, "n/a"]', "none = [85]", "none"),
                ("plausible = [0, 5]", "plausible = [0, 6]", "plausible"),
                ("plausible = [0, 5]", "", "plausible"),
                ("counter = { most_per_h = 5 }", "counter = { most_per_h = 6 }", "counter.most_per_h"),
                ("counter = { most_per_h = 5 }", "", "counter.most_per_h"),
            )
        ),
    ],
)
def test_looser_opens_and_tighter_closes(tight: str, loose: str, part: str) -> None:
    """Both ways round; of what no flow asks for it merely differs."""
    tight, loose = (text if "[fields" in text else f"{text}\n{FIELD}" for text in (tight, loose))

    def between(old: str, new: str, *asked: str) -> list[ReadingChange]:
        return list(profile_changes(parsed_profile(old, fields=""), parsed_profile(new, fields=""), asked))

    assert [(each.direction, each.part) for each in between(tight, loose, "temperature")] == [(RISES, part)]
    assert [(each.direction, each.part) for each in between(loose, tight, "temperature")] == [(FALLS, part)]
    assert [(each.direction, each.part) for each in between(tight, loose)] == [(DIFFERS, part)]
    assert not between(tight, tight, "temperature")


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("", 'each = "rows"', "each"),
        ('each = "rows"', 'each = ""', "each"),
        ('[hub]\nid = "id"', '[hub]\nid = ["id", "x"]', "hub.id"),
        ("", "jmespath = true", "jmespath"),
        ("[match]\na = 1", "[match]\nb = 1", "match"),
        ("[match]\na = 1", "[match]\na = 2", "match"),
    ],
)
def test_another_way_of_reading_opens_both_ways_round(old: str, new: str, part: str) -> None:
    """Nobody has agreed to either."""
    assert changes(old, new) == changes(new, old) == [(RISES, part)]


def test_another_scale_offset_word_or_unit_is_told_as_files_write_it() -> None:
    """In one line each."""
    old = parsed_profile("", fields=f"{FIELD}words = {{ ON = 1 }}\nplausible = [-40, 60]")
    new = parsed_profile("", fields='[fields.temperature]\npath = ["a", "b"]\nunit = "K"\nwords = { ON = 2 }\nunit_path = "u"')

    assert set(profile_changes(old, new, {"temperature"})) == {
        ReadingChange(RISES, "fields.temperature", "t in Cel", "a + b in K minus 273.15"),
        ReadingChange(RISES, "fields.temperature.words", "ON = 1", "ON = 2"),
        ReadingChange(RISES, "fields.temperature.plausible", "-40 to 60", "any"),
        ReadingChange(RISES, "fields.temperature.unit_path", "", "u"),
    }


def test_clock_and_format_of_times_merely_differ() -> None:
    """When a reading held reveals nothing more by being written otherwise."""
    old = '[time]\npath = "at"\nformat = "iso8601"'
    new = '[time]\npath = "at"\nformat = "pattern"\npattern = "%Y-%m-%d %H"\nzone = "city"'
    (change,) = profile_changes(parsed_profile(old), parsed_profile(new), {"temperature"})

    assert change == ReadingChange(
        DIFFERS, "time", "at as iso8601, device clock", "at as %Y-%m-%d %H in Europe/Madrid, device clock"
    )
