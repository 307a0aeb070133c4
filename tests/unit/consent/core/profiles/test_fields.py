"""`[fields]`: conversions by the table of units, what values mean, and every contradiction in one line with its key."""

from __future__ import annotations

from decimal import Decimal

import pytest

from consent.core.profiles.profile import Counter, Field, Restart
from tests.support.profiles import parsed_profile, profile_fault


def field(text: str, name: str = "temperature") -> Field:
    """Return a field of a profile with this one alone."""
    return parsed_profile("", fields=f"[fields.{name}]\n{text}").fields[name]


def fault(text: str, name: str = "temperature") -> str:
    """Return why it is refused."""
    return profile_fault("", fields=f"[fields.{name}]\n{text}")


def test_unit_of_the_table_needs_no_scale() -> None:
    """Fahrenheit and kelvin too, whose zeros differ."""
    fahrenheit = field('path = "t"\nunit = "[degF]"')

    assert fahrenheit.scale * 59 + fahrenheit.offset == pytest.approx(Decimal(15))
    assert field('path = "t"\nunit = "K"').offset == Decimal("-273.15")
    assert field('path = "e"\nunit = "W.h"', "totalConsumption").scale == Decimal("0.001")


def test_stated_scale_and_offset_go_before_the_table() -> None:
    """Either of them alone leaves the other as if nothing were to be done."""
    assert field('path = "t"\nunit = "[degF]"\noffset = -40').scale == 1
    assert field('path = "t"\nunit = "Cel"\nscale = 0.1\noffset = -40') == Field(("t",), "Cel", Decimal("0.1"), Decimal(-40))


def test_everything_that_a_value_can_mean_is_read() -> None:
    """Each key into its record."""
    text = """
    path = ["a.t", "b.t", "c.t"]
    topic = "+/energy"
    unit = "kW.h"
    decimal_mark = ","
    words = { OFF = 0, true = 1 }
    none = ["n/a", 4294967295, -127.5]
    plausible = [0, 100.5]
    counter = { most_per_h = 25, bits = 32, restarts = "daily" }
    """
    assert field(text, "totalConsumption") == Field(
        ("a.t", "b.t", "c.t"),
        "kW.h",
        topic="+/energy",
        decimal_mark=",",
        words={"OFF": Decimal(0), "true": Decimal(1)},
        none=("n/a", Decimal(4294967295), Decimal("-127.5")),
        plausible=(Decimal(0), Decimal("100.5")),
        counter=Counter(Decimal(25), 32, Restart.DAILY, "Europe/Madrid"),
    )


def test_message_may_name_any_unit_of_the_quantity() -> None:
    """In UCUM or as devices write it, and nothing else."""
    scales = field('path = "t"\nunit = "Cel"\nunit_path = "u"').unit_scales

    assert scales["°C"] == scales["Cel"] == scales["C"] == (Decimal(1), Decimal(0))
    assert scales["K"] == (Decimal(1), Decimal("-273.15"))
    assert "°F" in scales
    assert "kWh" not in scales


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('unit = "Cel"', "`fields.temperature.path`: is missing"),
        ('path = "t"\nunit = "F"', "`fields.temperature.unit`: `F` is not the property's `Cel`: the UCUM code is `[degF]`"),
        ('path = "t"\nunit = "V"', "`fields.temperature.unit`: `V` is not the property's `Cel`: `scale` should say how many"),
        ('path = "t"\nunit = "Cel"\nscale = -1', "`fields.temperature.scale`: `-1` should be a number from"),
        ('path = "t"\nunit = "Cel"\noffset = 1e30', "`fields.temperature.offset`: `1E+30` should be a number from"),
        ('path = []\nunit = "Cel"', "`fields.temperature.path`: should be a path, or a list"),
        ('path = ["t", "t"]\nunit = "Cel"', "`fields.temperature.path`: should be a path, or a list"),
        ('path = "a\\"b"\nunit = "Cel"', '`fields.temperature.path`: `a"b` holds `"`, which means nothing there'),
        (
            'path = "^t"\nunit = "Cel"',
            "`fields.temperature.path`: `^t` begins with `^`, which means the whole message inside `each`",
        ),
        ('path = "t"\nunit = "Cel"\ndecimal_mark = ";"', "`fields.temperature.decimal_mark`: `;` should be `.` or `,`"),
        ('path = "t"\nunit = "Cel"\nwords = { ON = "1" }', "`fields.temperature.words.ON`: should be a number"),
        ('path = "t"\nunit = "Cel"\nwords = { ON = true }', "`fields.temperature.words.ON`: should be a number"),
        ('path = "t"\nunit = "Cel"\nwords = {}', "`fields.temperature.words`: should be 1 to 64 words"),
        (
            'path = "t"\nunit = "Cel"\nwords = { ON = 1 }\nnone = ["ON"]',
            "`fields.temperature.words.ON`: stands in `none` as well",
        ),
        (
            'path = "t"\nunit = "Cel"\nwords = { ON = 85 }\nnone = [85.0]',
            "`fields.temperature.words.ON`: means `85`, which `none` says",
        ),
        (
            'path = "t"\nunit = "Cel"\nwords = { ON = 9 }\nplausible = [0, 1]',
            "`fields.temperature.words.ON`: means `9`, which is not",
        ),
        ('path = "t"\nunit = "Cel"\nnone = []', "`fields.temperature.none`: should be a list of 1 to 64"),
        ('path = "t"\nunit = "Cel"\nnone = [true]', "`fields.temperature.none`: should hold texts and numbers only"),
        ('path = "t"\nunit = "Cel"\nnone = "n/a"', "`fields.temperature.none`: should be a list"),
        (
            'path = "t"\nunit = "Cel"\nplausible = [5, -5]',
            "`fields.temperature.plausible`: begins at `5`, which should be less than",
        ),
        ('path = "t"\nunit = "Cel"\nplausible = [5]', "`fields.temperature.plausible`: should be the least and the greatest"),
        (
            'path = "t"\nunit = "Cel"\nplausible = ["a", 5]',
            "`fields.temperature.plausible`: should be the least and the greatest",
        ),
        (
            'path = "t"\nunit = "Cel"\nunit_path = "u"\nscale = 2',
            "`fields.temperature.scale`: should be left out: with `unit_path`",
        ),
        ('path = "t"\nunit = "Cel"\nunit_path = "t.u"', "`fields.temperature.unit_path`: `t.u` cannot match: a value is read by"),
        (
            'path = "t"\nunit = "Cel"\ncounter = { bits = 12 }',
            "`fields.temperature.counter.bits`: `12` is none of 16, 24, 32, 64",
        ),
        ('path = "t"\nunit = "Cel"\ncounter = {}', "`fields.temperature.counter`: should say at least one of"),
        (
            'path = "t"\nunit = "Cel"\ncounter = { bits = 16, zone = "UTC" }',
            "`fields.temperature.counter.zone`: should be left out",
        ),
        (
            'path = "t"\nunit = "Cel"\ncounter = { restarts = "weekly" }',
            "`fields.temperature.counter.restarts`: `weekly` is none of never",
        ),
        (
            'path = "t"\nunit = "Cel"\ncounter = { most_per_h = 0 }',
            "`fields.temperature.counter.most_per_h`: `0` should be a number",
        ),
        ('path = "t"\nunit = "Cel"\ntopic = "a/#"', "`fields.temperature.topic`: `a/#` should be the last levels of a topic"),
        ('path = "t"\nunit = "Cel"\ntopic = "a+/b"', "`fields.temperature.topic`: `a+/b` has a `+` inside a level"),
    ],
)
def test_field_with_a_fault_is_one_line_with_its_key(text: str, line: str) -> None:
    """And says what should stand there."""
    said = fault(text)
    assert said.startswith(line)
    assert "\n" not in said
