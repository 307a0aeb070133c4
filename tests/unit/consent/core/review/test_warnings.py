"""What is odd about valid policies is told, with file and key, and nothing is told that is not odd."""

from __future__ import annotations

import pytest

from consent.core.policies.parse import parse_policies
from consent.core.review.warnings import Weight, notes_on
from tests.support.checkout import ROOT
from tests.support.consent_samples import METER, OLD, small_city
from tests.support.policy_folder import load_policies

STATION = """title = { en = "Station", pt = "Estação" }
codec = "json"
[fields.LAeq]
path = "level"
unit = "dB"
"""
WELL = {"devices/station.toml": STATION.encode()}
LEFT_OUT = [
    "note: `city.toml`: `recipient.public`: has no `public_key_file`: what it gets is sent in clear, as open data",
    "note: `city.toml`: `flow.daily.ask.precision.consumption`: is left out, so the finest step is asked, `0.001 kW.h`",
    "note: `city.toml`: `flow.raw.ask.precision.consumption`: is left out, so the finest step is asked, `0.001 kW.h`",
]
"""What the small city leaves out, and is meant to."""
SHIPPED = ROOT / "policies"
TIGHT = (
    *(("clamp = [0, 100]", "clamp = [0, 15]"), ("clamp = [20, 140]", "clamp = [30, 90]")),
    ("exact_group = 1", "exact_group = 50"),
)


def lines(*changes: tuple[str, str], files: dict[str, bytes] | None = None) -> list[str]:
    """Return the notes on the small city with a station for its noise flow, changed, but for what it leaves out by itself."""
    return [line for line in all_lines(*changes, files=files) if line not in LEFT_OUT]


def all_lines(*changes: tuple[str, str], files: dict[str, bytes] | None = None) -> list[str]:
    """Return every one of them."""
    return [str(note) for note in notes_on(parse_policies(small_city(*TIGHT, *changes, files={**WELL, **(files or {})})))]


def test_city_with_nothing_odd_has_no_notes() -> None:
    """Silence is the rule."""
    assert lines() == []


def test_key_whose_absence_reveals_more_is_noted() -> None:
    """A recipient without a key reads in clear, and a consent is asked for the finest step: perhaps somebody forgot it."""
    assert all_lines() == LEFT_OUT
    stepped = ('space = "block", retention = 7 }', 'space = "block", precision = { consumption = 0.1 }, retention = 7 }')
    assert all_lines(stepped) == LEFT_OUT[:2], "a step that is named is not noted; nor is a public task's"
    single = ("ladder = [0.001, 0.01, 0.1, 1]", "ladder = [0.1]")
    assert all_lines(single) == LEFT_OUT[:1], "nor is the only step that there is"


def test_shipped_city_tells_of_the_one_property_that_goes_nowhere_and_of_open_data() -> None:
    """The meter with a key sends its register too, and no flow mentions it; there is no warning."""
    assert [(note.weight, note.file, note.key) for note in notes_on(load_policies(SHIPPED))] == [
        (Weight.NOTE, "devices/secure-meter.toml", "fields.totalConsumption"),
        (Weight.NOTE, "city.toml", "recipient.open-data"),
    ]


def test_property_that_a_class_sends_and_no_flow_mentions_is_noted() -> None:
    """By class and field."""
    both = METER + '[fields.LAeq]\npath = "l"\nunit = "dB"\n'
    without = ('properties = ["LAeq"]', 'properties = ["consumption"]')
    assert lines(without, files={"devices/meter.toml": both.encode()}) == [
        "note: `devices/meter.toml`: `fields.LAeq`: no flow asks for `LAeq`, so it goes nowhere",
        "note: `devices/station.toml`: `fields.LAeq`: no flow asks for `LAeq`, so it goes nowhere",
    ]


def test_flow_for_a_property_that_no_class_sends_is_warned_of() -> None:
    """Citizens would be asked for what nothing measures."""
    (line,) = [str(note) for note in notes_on(parse_policies(small_city(*TIGHT))) if str(note) not in LEFT_OUT]
    assert line == "warning: `city.toml`: `flow.noise.properties`: no device profile sends `LAeq`"


def test_purpose_recipient_or_neighbourhood_that_nothing_names_is_warned_of() -> None:
    """Left over, or misspelt elsewhere."""
    extra = (
        '[purpose.art]\ntitle = { en = "Art", pt = "Arte" }\ndpv = "Personalisation"\nlegal_basis = "consent"\n'
        '[recipient.museum]\ntitle = { en = "Museum", pt = "Museu" }\nsink = "city"\n[flow.noise]'
    )
    assert lines(("[flow.noise]", extra), files={"neighbourhoods/new.toml": OLD.encode()}) == [
        "warning: `city.toml`: `purpose.art`: no flow serves it",
        "warning: `city.toml`: `recipient.museum`: no flow goes to it",
        "warning: `neighbourhoods/new.toml`: no zone names it, so it holds nowhere",
    ]


@pytest.mark.parametrize(
    ("ceiling", "line"),
    [
        ('identity = "per-record"', "`flow.daily.ask.identity`: asks `per-epoch`, beyond the city's ceiling of `per-record`"),
        ('space = "district"', "`flow.raw.ask.space`: asks `block`, beyond the city's ceiling of `district`"),
        ("retention = 364", "`flow.hourly.ask.retention`: asks `365`, beyond the city's ceiling of `364`"),
        ("group = 16", "`flow.hourly.ask.group`: asks `15`, beyond the city's ceiling of `16`"),
        ("budget = 0.5", "`flow.hourly.ask.budget`: asks `unbounded`, beyond the city's ceiling of `0.5`"),
        (
            "precision = { consumption = 1 }",
            "`flow.hourly.ask.precision.consumption`: asks `0.1`, beyond the city's ceiling of `1`",
        ),
        (
            "precision = { LAeq = 0.5 }",
            "`flow.noise.ask.precision.LAeq`: asks `0.1`, beyond the city's ceiling of `0.5`",
        ),
        ('time = "4h"', "`flow.hourly.ask.time`: asks `1h`, beyond the city's ceiling of `4h`"),
    ],
)
def test_ask_beyond_the_ceiling_is_warned_of_on_its_axis(ceiling: str, line: str) -> None:
    """A floor above the ask, a ceiling below it: on every axis."""
    found = lines(('identity = "per-epoch"\nspace = "block"\ngroup = 10', ceiling))
    assert f"warning: `city.toml`: {line}" in found
    assert all("ask." in each or "`flow.hourly`: nothing can ever leave" in each for each in found)


def test_floor_for_figures_is_no_matter_for_single_records() -> None:
    """Group and budget bind only figures."""
    found = lines(("group = 10", "group = 16\nbudget = 0.5"))
    assert [line.split("`")[3] for line in found] == ["flow.hourly", "flow.hourly.ask.group", "flow.hourly.ask.budget"]
    assert "`group` withholds everything" in found[0]


@pytest.mark.parametrize(
    ("ceiling", "reason"),
    [('time = "none"', "ceiling"), ('identity = "none"', "ceiling"), ('identity = "aggregate"', "not-aggregable")],
)
def test_flow_that_can_give_nothing_anywhere_is_warned_of(ceiling: str, reason: str) -> None:
    """The ceiling is below what any flow can use; or only figures are permitted, and the flow draws none."""
    found = lines(('identity = "per-epoch"\nspace = "block"\ngroup = 10', ceiling))
    line = f"warning: `city.toml`: `flow.noise`: nothing can ever leave by it: `{reason}` withholds everything, everywhere"
    assert line in found
    hopeless = [each for each in found if "nothing can ever" in each]
    assert len(hopeless) == (4 if reason == "ceiling" else 3)


def test_flow_that_every_class_caps_away_is_warned_of() -> None:
    """One class that lets something through is enough to say nothing."""
    capped = METER + '[cap]\nspace = "none"\n'
    found = lines(files={"devices/meter.toml": capped.encode()})
    assert [line.split("`")[3] for line in found] == ["flow.hourly", "flow.daily", "flow.raw"]
    assert all("`class-cap` withholds everything, everywhere" in line for line in found)
    assert lines(files={"devices/meter.toml": capped.encode(), "devices/other.toml": METER.encode()}) == []


def test_neighbourhood_that_lets_a_flow_through_nowhere_is_noted() -> None:
    """Its assembly may have meant it."""
    closed = OLD.replace('time = "4h"', 'space = "none"')
    assert lines(files={"neighbourhoods/old.toml": closed.encode()}) == [
        f"note: `neighbourhoods/old.toml`: `ceiling`: nothing of `{flow}` leaves here: `ceiling` withholds it"
        for flow in ("hourly", "daily", "raw", "noise")
    ]


@pytest.mark.parametrize(("group", "warned"), [(1, True), (49, True), (50, False), (80, False)])
def test_exact_figures_of_few_homes_are_warned_of(group: int, warned: bool) -> None:
    """Where there are none, no group is too small for them."""
    few = ("exact_group = 50", f"exact_group = {group}\nmu_day = 2.1")
    said = (
        f"warning: `city.toml`: `limits.exact_group`: `{group}` homes are few for figures without noise (`hourly`): among fewer "
    )
    told = f"{said}than `50`, one whose habits somebody knows is often found out"
    assert lines(few) == ([told] if warned else [])
    assert lines(few, ('retention = 365 }\nnoise = "none"', "retention = 365, budget = 2 }")) == []


def test_neighbourhood_that_demands_a_larger_group_than_a_flow_is_warned_of_since_its_homes_are_left_out() -> None:
    """It was meant to protect them, and keeps them out of every figure."""
    said = "`16` is more than `hourly` asks: homes here stand in none of its figures"
    assert lines(files={"neighbourhoods/old.toml": OLD.replace('time = "4h"', "group = 16").encode()}) == [
        f"warning: `neighbourhoods/old.toml`: `ceiling.group`: {said}"
    ]
    assert lines(files={"neighbourhoods/old.toml": OLD.replace('time = "4h"', "group = 15").encode()}) == []


@pytest.mark.parametrize("key", ["share = 0.15", "p = 15"])
def test_limit_of_an_earlier_version_is_warned_of(key: str) -> None:
    """It is read, and binds nothing."""
    (line,) = lines(("exact_group = 50", f"exact_group = 50\n{key}"))
    assert line.startswith(f"warning: `city.toml`: `limits.{key.partition(' ')[0]}`: binds nothing any more")


def test_file_cut_short_in_its_last_line_is_warned_of() -> None:
    """`group = 25` cut to `group = 2` is valid, and opens the gate: the missing line end gives it away."""
    whole = OLD.replace("retention = 90", "group = 25")
    cut = whole.rstrip()[:-1]
    assert cut.endswith("group = 2")
    assert lines(files={"neighbourhoods/old.toml": cut.encode()}) == [
        "warning: `neighbourhoods/old.toml`: its last line has no line end: it may have been cut short"
    ]


@pytest.mark.parametrize(
    ("clamp", "clamped", "time", "plausible"),
    [
        ("clamp = [0, 200]", "[0, 200]", "1h", "[0, 15]"),
        ("clamp = [-1, 15]", "[-1, 15]", "1h", "[0, 15]"),
        ("clamp = { day = [0, 121] }", "[0, 121]", "1h", "[0, 15]"),
        ("clamp = { 1h = [0, 15], day = [0, 121] }", "[0, 121]", "day", "[0, 120]"),
    ],
)
def test_clamp_wider_than_plausible_is_warned_of(clamp: str, clamped: str, time: str, plausible: str) -> None:
    """One meter at its clamp silences a district, by its share of the figure."""
    wider = f"`{clamped}` in a window of `{time}` is more than one home or sensor can plausibly measure, `{plausible}`"
    (line,) = lines(("clamp = [0, 15]", clamp))
    assert (
        line
        == f"warning: `city.toml`: `property.consumption.clamp`: {wider}: a single value at the edge would outweigh all others"
    )


def test_clamp_for_each_length_of_window_is_compared_with_what_is_plausible_of_it() -> None:
    """A day's use is no hour's."""
    assert lines(("clamp = [0, 15]", "clamp = { 1h = [0, 15], day = [0, 120] }")) == []


def test_clamp_of_a_level_is_compared_whatever_asks_for_it() -> None:
    """One sensor at 140 dB moves 45 dB to 127."""
    (line,) = lines(("clamp = [30, 90]", "clamp = [20, 140]"))
    assert "`property.LAeq.clamp`: `[20, 140]` in a window of" in line


def test_figure_over_households_without_a_clamp_is_warned_of() -> None:
    """No bounds are the widest; counts need none."""
    (line,) = lines(("clamp = [0, 15]\n", ""))
    assert line.endswith(
        "`property.consumption.clamp`: is missing: one household's value, however large, decides the figures of `hourly`"
    )
    assert (
        lines(("clamp = [0, 15]\n", ""), ('statistic = { consumption = "sum" }', 'statistic = { consumption = "count" }')) == []
    )


def test_warnings_come_before_notes() -> None:
    """What is hardly meant first."""
    extra = '[recipient.museum]\ntitle = { en = "Museum", pt = "Museu" }\nsink = "city"\n[flow.noise]'
    found = lines(("[flow.noise]", extra), files={"neighbourhoods/old.toml": OLD.replace('"4h"', '"none"').encode()})
    assert [line.split(":")[0] for line in found] == ["warning", *["note"] * 4]
