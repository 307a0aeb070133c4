"""Comparisons of policies: nothing that rises is missed, nobody is singled out, and what is the same is quiet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.core.consents.book import Book
from consent.core.consents.records import Consent, Status
from consent.core.decide import decide
from consent.core.disclosure import Disclosure, Identity, Time
from consent.core.outcome import reason_besides
from consent.core.policies.fingerprint import fingerprint
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.core.review.diff import Difference, Side, diff
from consent.core.review.population import DeviceGroup, grouped
from consent.core.review.reach import ALL_AXES, Direction
from consent.core.review.rows import Change, Count, Whose
from consent.core.review.rules import Rule
from tests.support.checkout import ROOT
from tests.support.consent_samples import ANN, BEN, METER, NOW_MS, OLD, agreed, limits_of, points, small_city
from tests.support.policy_folder import load_policies

SOUND = METER.replace("fields.consumption", "fields.LAeq").replace("kwh", "db").replace("kW.h", "dB").replace("Meter", "Ear")
SOUND_FILE = {"devices/sound.toml": SOUND.encode()}
SHIPPED = load_policies(ROOT / "policies")
RISES, FALLS, DIFFERS = Direction

HOURLY = 'ask = { identity = "aggregate", time = "1h", space = "district", precision = { consumption = 0.1 }, group = 15'
DAILY = 'ask = { identity = "per-epoch", time = "day", space = "district", retention = 30 }'


def city(*changes: tuple[str, str], files: dict[str, str] | None = None) -> PolicySet:
    """Return the small city with a class that measures noise, and with changes."""
    return parse_policies(
        small_city(*changes, files={**SOUND_FILE, **{name: text.encode() for name, text in (files or {}).items()}})
    )


CITY = city()


def compare(old: PolicySet, new: PolicySet, population: Sequence[DeviceGroup] | None = None) -> Difference:
    """Compare two sets of policies whose keys nobody knows."""
    return diff(Side(old, {}), Side(new, {}), population)


class Town:
    """A registry and a book."""

    def __init__(self) -> None:
        self.book = Book()
        self.devices: list[tuple[str, str, bytes, bytes | None]] = []
        self._ids = count(1)

    def id(self) -> bytes:
        """Return 16 bytes that nobody else has."""
        return next(self._ids).to_bytes(16, "big")

    def home(self, *consents: Consent, zone: str = "mill", profile: str = "meter", residents: int = 1) -> bytes:
        """Register a household with one device; each consent is that of the resident whom it names."""
        subject = self.id()
        self.book.add_subject(subject, [ANN, BEN][:residents])
        for consent in consents:
            self.book.apply(replace(consent, subject=subject, time_ms=next(self._ids)), next(self._ids))
        self.devices.append((profile, zone, self.id(), subject))
        return subject

    def homes(self, number: int, *consents: Consent, zone: str = "mill", profile: str = "meter") -> None:
        """Register households that are alike."""
        for _ in range(number):
            self.home(*consents, zone=zone, profile=profile)

    def population(self, now_ms: int = NOW_MS) -> list[DeviceGroup]:
        """Return the groups."""
        return grouped(self.devices, self.book, now_ms)


def rows(difference: Difference, **wanted: object) -> list[Change]:
    """Return the changes that have some values."""
    return [row for row in difference.changes if all(getattr(row, name) == value for name, value in wanted.items())]


# nothing changes


@pytest.mark.parametrize("policies", [CITY, SHIPPED], ids=["small", "shipped"])
def test_diff_of_policies_with_themselves_is_empty(policies: PolicySet) -> None:
    """Whoever lives there."""
    town = Town()
    town.homes(3, *[agreed(policies, flow) for flow in policies.flows])
    assert compare(policies, policies, town.population()) == compare(policies, policies) == Difference((), ())


@settings(deadline=None)
@given(points(), points(), points(), st.sampled_from(list(Status)))
def test_diff_of_any_policies_with_themselves_is_empty(
    ceiling: Disclosure, community: Disclosure, limits: Disclosure, status: Status
) -> None:
    """Also where ceilings close everything, and whatever residents say."""
    policies = replace(CITY, ceiling=ceiling, neighbourhoods={"old": community})
    town = Town()
    town.home(replace(agreed(policies, "hourly", limits), status=status), zone="chapel")
    assert compare(policies, policies, town.population()) == Difference((), ())


@settings(max_examples=25, deadline=None)
@given(st.permutations(sorted({**small_city(), **SOUND_FILE})), st.permutations(sorted({**small_city(), **SOUND_FILE})))
def test_diff_does_not_depend_on_the_order_of_files(first: list[str], second: list[str]) -> None:
    """The same files read in any order are the same policies."""
    changed = {**small_city((HOURLY, HOURLY.replace("1h", "15min"))), **SOUND_FILE}
    old = parse_policies({name: {**small_city(), **SOUND_FILE}[name] for name in first})
    new = parse_policies({name: changed[name] for name in second})
    assert compare(old, new) == compare(CITY, parse_policies(changed))


# decisions


@pytest.mark.parametrize(
    ("change", "flow", "axis", "levels", "direction"),
    [
        ((HOURLY, HOURLY.replace("1h", "15min")), "hourly", "time", ("1h", "15min"), RISES),
        ((HOURLY, HOURLY.replace("1h", "day")), "hourly", "time", ("1h", "day"), FALLS),
        ((HOURLY, HOURLY.replace("district", "city")), "hourly", "space", ("district", "city"), FALLS),
        ((HOURLY, HOURLY.replace("0.1", "0.01")), "hourly", "precision.consumption", ("0.1 kW.h", "0.01 kW.h"), RISES),
        ((HOURLY, HOURLY.replace("15", "12")), "hourly", "group", ("15", "12"), RISES),
        ((DAILY, DAILY.replace("30", "31")), "daily", "retention", ("30 days", "31 days"), RISES),
        ((DAILY, DAILY.replace("per-epoch", "per-record")), "daily", "identity", ("per-epoch", "per-record"), FALLS),
        (('space = "block"\ngroup', 'space = "city"\ngroup'), "noise", "space", ("block", "city"), FALLS),
        (("ladder = [0.1, 0.5, 1, 5]", "ladder = [0.5, 1, 5]"), "noise", "precision.LAeq", ("0.1 dB", "0.5 dB"), FALLS),
    ],
)
def test_diff_of_a_change_on_one_axis_names_it(
    change: tuple[str, str], flow: str, axis: str, levels: tuple[str, str], direction: Direction
) -> None:
    """Flow, axis, both levels, and whether it rises."""
    difference = compare(CITY, city(change))
    found = rows(difference, flow=flow, axis=axis, direction=direction)
    assert (found[0].old, found[0].new) == levels
    assert difference.rises is (direction is RISES)


def test_diff_of_a_neighbourhoods_ceiling_is_told_for_its_zones_only() -> None:
    """The rest of the city is not concerned."""
    (row,) = rows(compare(CITY, city(files={"neighbourhoods/old.toml": OLD.replace("4h", "1h")})), flow="hourly")
    assert (row.zones, row.everywhere, row.axis, row.old, row.new) == (("chapel",), False, "time", "4h", "1h")


def test_diff_of_a_class_that_now_tells_something_else_is_one_row() -> None:
    """From nothing to something, all axes in one."""
    both = METER + '[fields.LAeq]\npath = "db"\nunit = "dB"\n'
    difference = compare(CITY, city(files={"devices/meter.toml": both}))
    (row,) = rows(difference, whose=Whose.PUBLIC, zones=("mill",))
    assert (row.direction, row.flow, row.profile, row.axis, row.old) == (
        RISES,
        "noise",
        "meter",
        ALL_AXES,
        "nothing",
    )
    assert row.new == "per-record, exact, block, LAeq 0.1 dB, retention 365 days"
    assert Rule(RISES, "devices/meter.toml: fields.LAeq", "nothing", "db in dB") in difference.rules


@pytest.mark.parametrize("what", ["flow", "class", "zone"])
def test_diff_of_something_added_or_taken_away_rises_or_falls_as_a_whole(what: str) -> None:
    """A flow, a device profile, a zone."""
    smaller = {
        "flow": lambda: replace(CITY, flows={name: flow for name, flow in CITY.flows.items() if name != "daily"}),
        "class": lambda: replace(CITY, profiles={"sound": CITY.profiles["sound"]}),
        "zone": lambda: replace(CITY, zones={"mill": CITY.zones["mill"]}),
    }[what]()
    for old, new, direction in ((smaller, CITY, RISES), (CITY, smaller, FALLS)):
        difference = compare(old, new)
        assert {row.direction for row in difference.changes} == {direction}
        assert {row.axis for row in difference.changes} == {ALL_AXES}
        assert difference.rises is (direction is RISES)


def test_diff_of_a_change_from_consent_to_public_task_opens_devices_and_closes_households() -> None:
    """Neither kind is ever read under the other."""
    purpose = 'dpv = "CombatClimateChange"\nlegal_basis = "consent"'
    difference = compare(CITY, city((purpose, purpose.replace('"consent"', '"public-task"')), ('noise = "none"\n', "")))
    assert {row.direction for row in rows(difference, flow="hourly", whose=Whose.AGREEING)} == {FALLS}
    assert {row.direction for row in rows(difference, flow="hourly", whose=Whose.PUBLIC)} == {RISES}
    assert Rule(DIFFERS, "purpose.energy.legal_basis", "consent", "public-task") in difference.rules


def test_diff_sees_what_a_lower_floor_opens_for_those_who_live_under_it() -> None:
    """A neighbourhood that demands more than a flow asks keeps its homes out; who agrees there begins to leave."""
    before, after = [city(files={"neighbourhoods/old.toml": OLD.replace('"4h"', f'"4h"\ngroup = {n}')}) for n in (16, 15)]
    (row,) = rows(compare(before, after), flow="hourly", whose=Whose.AGREEING)
    assert (row.direction, row.axis, row.old, row.zones) == (RISES, ALL_AXES, "nothing (group)", ("chapel",))


# what is not a decision


EXTRA = (
    '[purpose.heat]\ntitle = { en = "Heat", pt = "Calor" }\ndpv = "CombatClimateChange"\nlegal_basis = "consent"\n'
    '[recipient.firm]\ntitle = { en = "Firm", pt = "Firma" }\npublic_key_file = "keys/firm.pub"\nsink = "city"\n'
    "[flow.hourly]"
)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('purpose = "energy"', 'purpose = "heat"', Rule(RISES, "flow.hourly.purpose", "energy", "heat")),
        ('recipient = "office"', 'recipient = "firm"', Rule(RISES, "flow.hourly.recipient", "office", "firm")),
        ('"sum" }', '"max" }', Rule(RISES, "flow.hourly.statistic.consumption", "sum", "max")),
        (
            "keys/office.pub",
            "keys/other.pub",
            Rule(RISES, "recipient.office.public_key_file", "keys/office.pub", "keys/other.pub"),
        ),
        ('pub"\nsink = "city"', 'pub"\nsink = "far"', Rule(DIFFERS, "recipient.office.sink", "city", "far")),
        ("exact_group = 1", "exact_group = 50", Rule(FALLS, "limits.exact_group", "1", "50")),
        ("exact_group = 1", "exact_group = 1\nmu_day = 2", Rule(FALLS, "limits.mu_day", "nothing", "2")),
        (
            "exact_group = 1",
            "exact_group = 1\nmu_rungs = [0.5, 1.5, 2]",
            Rule(RISES, "limits.mu_rungs", "0.5, 1, 2", "0.5, 1.5, 2"),
        ),
        ("exact_group = 1", "exact_group = 1\nmu_rungs = [0.5, 2]", Rule(FALLS, "limits.mu_rungs", "0.5, 1, 2", "0.5, 2")),
        ("clip = 10", "clip = 8", Rule(DIFFERS, "quantity.electricity.clip", "10", "8")),
        ("presence = 2", "presence = 1", Rule(DIFFERS, "quantity.electricity.presence", "2", "1")),
        ('cell = "15min"', 'cell = "1h"', Rule(DIFFERS, "quantity.electricity.cell", "15min", "1h")),
        ("clamp = [0, 100]", "clamp = [0, 200]", Rule(RISES, "property.consumption.clamp", "0, 100", "0, 200")),
        ("clamp = [0, 100]", "clamp = [0, 50]", Rule(FALLS, "property.consumption.clamp", "0, 100", "0, 50")),
        (
            "clamp = [0, 100]",
            "clamp = { 1h = [0, 5], day = [0, 100] }",
            Rule(FALLS, "property.consumption.clamp", "0, 100", "1h: 0, 5; day: 0, 100"),
        ),
        (
            "clamp = [0, 100]",
            "clamp = { 1h = [0, 5], day = [0, 101] }",
            Rule(RISES, "property.consumption.clamp", "0, 100", "1h: 0, 5; day: 0, 101"),
        ),
        ("clamp = [0, 100]\n", "", Rule(RISES, "property.consumption.clamp", "0, 100", "nothing")),
        ("[0.1, 0.5, 1, 5]", "[0.05, 0.5, 1, 5]", Rule(RISES, "property.LAeq.ladder", "0.1, 0.5, 1, 5", "0.05, 0.5, 1, 5")),
        ("[0.1, 0.5, 1, 5]", "[0.1, 0.5, 5]", Rule(DIFFERS, "property.LAeq.ladder", "0.1, 0.5, 1, 5", "0.1, 0.5, 5")),
        (
            "CombatClimateChange",
            "PublicPolicyMaking",
            Rule(DIFFERS, "purpose.energy.dpv", "CombatClimateChange", "PublicPolicyMaking"),
        ),
        ("Town hall", "A cloud", Rule(DIFFERS, "city.storage_place", "Town hall", "A cloud")),
        (
            '[zone.mill]\ndistrict = "north"',
            '[district.south]\ntitle = { en = "S", pt = "S" }\n[zone.mill]\ndistrict = "south"',
            Rule(RISES, "zone.mill.district", "north of 2 zones", "south of 1 zones"),
        ),
    ],
)
def test_diff_of_a_rule_that_no_decision_shows_names_it(old: str, new: str, rule: Rule) -> None:
    """Who gets it, why, how figures are made; what cannot be ordered and tells somebody something new counts as rising."""
    before, after = city(("[flow.hourly]", EXTRA)), city(("[flow.hourly]", EXTRA), (old, new))
    difference = compare(before, after)
    assert rule in difference.rules
    if rule.direction is RISES:
        assert difference.rises


NOISY = (
    ("exact_group = 1", "exact_group = 1\nmu_day = 2.1\nmu_rungs = [0.5, 1, 2]"),
    ('retention = 365 }\nnoise = "none"', "retention = 365, budget = 1 }"),
)


def test_diff_of_figures_that_lose_their_noise_rises_and_says_for_whom() -> None:
    """In what is decided, with the households that stand in them, and as a rule."""
    town = Town()
    town.homes(12, agreed(city(*NOISY), "hourly"))
    difference = compare(city(*NOISY), city(NOISY[0]), town.population())
    (row,) = rows(difference, flow="hourly", axis="budget", whose=Whose.AGREEING)
    assert (row.direction, row.old, row.new, row.count) == (RISES, "μ 1 a day", "no noise", Count(10, 19))
    assert Rule(RISES, "flow.hourly.noise", "drawn", "none") in difference.rules
    back = compare(city(NOISY[0]), city(*NOISY))
    assert not back.rises
    assert Rule(FALLS, "flow.hourly.noise", "none", "drawn") in back.rules


def test_diff_of_a_greater_mu_rises() -> None:
    """And a smaller one falls; either is no rule, since every decision shows it."""
    more = compare(city(*NOISY), city(*NOISY, ("budget = 1 }", "budget = 1.5 }")))
    assert {(row.direction, row.axis, row.old, row.new) for row in more.changes} == {
        (RISES, "budget", "μ 1 a day", "μ 1.5 a day"),
    }
    assert more.rules == ()
    assert not compare(city(*NOISY), city(*NOISY, ("budget = 1 }", "budget = 0.5 }"))).rises


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ('publish = "window"', Rule(DIFFERS, "flow.hourly.publish", "day", "window")),
        ("clip = 8", Rule(DIFFERS, "flow.hourly.clip", "nothing", "8")),
    ],
)
def test_diff_of_how_noise_is_drawn_tells_no_more_at_the_same_mu(said: str, rule: Rule) -> None:
    """Whatever else, the odds are what they were."""
    difference = compare(city(*NOISY), city(*NOISY, ("retention = 365, budget = 1 }", f"retention = 365, budget = 1 }}\n{said}")))
    assert difference.rules == (rule,)
    assert not difference.rises


def test_diff_of_a_week_that_becomes_a_day_rises() -> None:
    """The same μ once a day is more than once a week."""
    week = (('statistic = { consumption = "sum" }', 'period = "week"\nstatistic = { consumption = "typical-day" }'),)
    before, after = city(*NOISY, *week), city(*NOISY)
    assert Rule(RISES, "flow.hourly.period", "week", "day") in compare(before, after).rules
    assert Rule(FALLS, "flow.hourly.period", "day", "week") in compare(after, before).rules


def test_diff_of_two_properties_that_no_longer_count_together_rises() -> None:
    """What is one secret of a household would be bounded twice; to count together what was apart tells no more."""
    again = ("[flow.hourly]", '[property.heat]\nunit = "kW.h"\nladder = [0.001]\n[flow.hourly]')
    joint = ('properties = ["consumption"]\ncell', 'properties = ["consumption", "heat"]\ncell')
    heat = (
        "[quantity.electricity]",
        '[quantity.heat]\nproperties = ["heat"]\ncell = "1h"\nclip = 10\npresence = 2\n[quantity.electricity]',
    )
    together, apart = city(again, joint), city(again, heat)
    assert Rule(RISES, "property.heat, counted in", "electricity", "heat") in compare(together, apart).rules
    assert not compare(apart, together).rises


def test_diff_of_a_key_that_lies_in_the_same_file_sees_who_can_read_it_now() -> None:
    """Another key under the old name is another reader."""
    rule = diff(Side(CITY, {"office": b"a" * 32}), Side(CITY, {"office": b"b" * 32})).rules
    assert rule == (Rule(RISES, "recipient.office public key", fingerprint(b"a" * 32), fingerprint(b"b" * 32)),)
    assert diff(Side(CITY, {}), Side(CITY, {"office": b"b" * 32})) == Difference((), ())


def test_diff_of_a_second_key_of_one_recipient_rises_and_of_one_less_falls() -> None:
    """Whoever has the second key reads what the first one's holder does: told, and never a change of what was agreed."""
    one, other = b"a" * 32, b"b" * 32
    both = f"{fingerprint(one)} + {fingerprint(other)}"
    (added,) = diff(Side(CITY, {"office": one}), Side(CITY, {"office": one + other})).rules
    assert added == Rule(RISES, "recipient.office public key", fingerprint(one), both)
    (gone,) = diff(Side(CITY, {"office": one + other}), Side(CITY, {"office": other})).rules
    assert gone == Rule(FALLS, "recipient.office public key", both, fingerprint(other))
    more = city(('public_key_file = "keys/office.pub"', 'public_key_files = ["keys/office.pub", "keys/next.pub"]'))
    assert [(each.direction, each.new) for each in compare(CITY, more).rules] == [(RISES, "keys/office.pub, keys/next.pub")]
    assert [each.direction for each in compare(more, CITY).rules] == [FALLS]
    assert more.terms == CITY.terms, "no material change: it is the same recipient"


def test_diff_of_open_data_that_gets_a_key_falls_and_of_a_key_that_goes_rises() -> None:
    """Without a key everybody may read it."""
    keyed = replace(CITY.recipients["public"], public_key_file="keys/public.pub")
    closed = replace(CITY, recipients={**CITY.recipients, "public": keyed})
    assert compare(CITY, closed).rules[0].direction is FALLS
    assert compare(closed, CITY).rules[0].direction is RISES


def test_diff_of_a_path_in_a_message_rises_where_a_flow_asks_for_it() -> None:
    """What stands elsewhere in a message is something else; nobody has agreed to it."""
    (rule,) = compare(CITY, city(files={"devices/meter.toml": METER.replace('"kwh"', '"presence"')})).rules
    assert rule == Rule(RISES, "devices/meter.toml: fields.consumption", "kwh in kW.h", "presence in kW.h")
    unused = replace(CITY, flows={"noise": CITY.flows["noise"]})
    other = replace(unused, profiles={**city(files={"devices/meter.toml": METER.replace('"kwh"', '"wh"')}).profiles})
    assert [rule.direction for rule in compare(unused, other).rules] == [DIFFERS]


@pytest.mark.parametrize(
    "wording", ['why = { en = "To plan"', 'title = { en = "Energy"', 'title = { en = "North"', 'name = "Town"']
)
def test_diff_of_wording_reveals_nothing(wording: str) -> None:
    """Only the controller's name is worth a line, and it rises nothing."""
    difference = compare(CITY, city((wording, wording[:-1] + ' indeed"')))
    assert not difference.changes
    assert [rule.key for rule in difference.rules] == (["city.name"] if "name" in wording else [])
    assert not difference.rises


# who lives there


def test_diff_where_new_terms_end_consents_says_so_and_what_a_new_yes_would_reveal() -> None:
    """Standing consents fall to nothing; the rise is that of whoever agrees again."""
    town = Town()
    town.homes(12, agreed(CITY, "hourly"))
    difference = compare(CITY, city((HOURLY, HOURLY.replace("1h", "15min"))), town.population())
    (standing,) = rows(difference, whose=Whose.STANDING)
    assert (standing.direction, standing.axis, standing.new) == (FALLS, ALL_AXES, "nothing (invalidated)")
    assert standing.old == "aggregate, 1h, district, consumption 0.1 kW.h, group 15, retention 365 days"
    (agreeing,) = rows(difference, whose=Whose.AGREEING)
    assert (agreeing.direction, agreeing.axis, agreeing.old, agreeing.new) == (RISES, "time", "1h", "15min")
    assert standing.count == agreeing.count == Count(10, 19)
    assert difference.rises


def test_diff_where_a_ceiling_is_lifted_tells_what_standing_consents_reveal_at_once() -> None:
    """Nobody is asked again when a ceiling rises, and a resident's own limit still holds."""
    town = Town()
    town.homes(10, agreed(CITY, "hourly"), zone="chapel")
    town.homes(10, agreed(CITY, "hourly", limits_of(time=Time.DAY)), zone="chapel")
    lifted = compare(CITY, city(files={"neighbourhoods/old.toml": OLD.replace("4h", "1h")}), town.population())
    (row,) = rows(lifted, whose=Whose.STANDING)
    assert (row.old, row.new, row.count, row.zones) == ("4h", "1h", Count(10, 19), ("chapel",))


def test_diff_of_few_households_tells_neither_class_nor_zone_nor_level() -> None:
    """A row about what nine households have said would be about them; the flow, the axis and the direction are not."""
    town = Town()
    town.homes(4, agreed(CITY, "hourly"), zone="chapel")
    town.homes(5, agreed(CITY, "hourly", limits_of(time=Time.HOUR_1)), zone="mill")
    (row,) = rows(compare(CITY, city((HOURLY, HOURLY.replace("1h", "day"))), town.population()), whose=Whose.STANDING)
    assert (row.flow, row.axis, row.direction) == ("hourly", "time", FALLS)
    assert (row.profile, row.zones, row.old, row.new) == ("", (), "", "")
    assert row.count == Count(1, 9)


def test_diff_names_only_zones_in_which_enough_households_have_said_the_same() -> None:
    """One household more in another zone is counted, and its zone not named."""
    town = Town()
    town.homes(10, agreed(CITY, "hourly", limits_of(time=Time.HOUR_4)), zone="mill")
    town.home(agreed(CITY, "hourly", limits_of(time=Time.HOUR_4)), zone="chapel")
    (row,) = rows(compare(CITY, city((HOURLY, HOURLY.replace("1h", "day"))), town.population()), whose=Whose.STANDING)
    assert (row.zones, row.everywhere, row.count) == (("mill",), False, Count(10, 19))


def test_diff_counts_a_household_with_several_devices_once() -> None:
    """Subjects are counted, not devices; the city's own devices are counted as they are."""
    town = Town()
    subject = town.home(agreed(CITY, "hourly"))
    town.devices += [("meter", zone, town.id(), subject) for zone in ("mill", "chapel") for _ in range(6)]
    town.devices += [("sound", "mill", town.id(), None) for _ in range(3)]
    new = city((HOURLY, HOURLY.replace("365", "300").replace("1h", "day")), ('space = "block"\ngroup', 'space = "city"\ngroup'))
    difference = compare(CITY, new, town.population())
    assert {row.count for row in rows(difference, flow="hourly")} == {Count(1, 9)}
    assert {row.count for row in rows(difference, whose=Whose.PUBLIC, profile="sound")} == {Count(3, 3)}


def test_count_is_told_in_steps_of_the_floor() -> None:
    """So that the difference of two counts tells nothing about one household; that there is nobody may be told."""
    assert [Count.of(n, 10) for n in (0, 1, 9, 10, 19, 20)] == [
        *(Count(0, 0), Count(1, 9), Count(1, 9)),
        *(Count(10, 19), Count(10, 19), Count(20, 29)),
    ]


def test_diff_where_the_city_has_no_floor_still_counts_no_finer_than_five() -> None:
    """A floor of one would count single households."""
    town = Town()
    town.homes(4, agreed(CITY, "hourly"))
    old, new = city(("group = 10\n", "")), city(("group = 10\n", ""), (HOURLY, HOURLY.replace("1h", "day")))
    (row,) = rows(compare(old, new, town.population()), whose=Whose.STANDING)
    assert row.count == Count(1, 4)


def test_diff_holds_no_id_of_anybody() -> None:
    """Not even where a group is of one."""
    town = Town()
    subject = town.home(agreed(CITY, "hourly"))
    data = repr(compare(CITY, city((HOURLY, HOURLY.replace("1h", "day"))), town.population()).as_data())
    assert subject.hex() not in data
    assert repr(subject) not in data


def test_rung_of_a_bound_that_the_ladder_lacks_is_the_next_coarser_multiple() -> None:
    """A consent may be older than the ladder; nothing is ever told more finely than it permits."""
    noise = replace(CITY.properties["LAeq"], ladder=(Decimal("0.2"), Decimal(1)))
    bounds = [None, Decimal("0.1"), Decimal("0.2"), Decimal("0.5"), Decimal("1.5"), Decimal(2)]
    assert [str(noise.rung(bound)) for bound in bounds] == ["0.2", "0.2", "0.2", "1", "2", "2"]


def test_grouped_puts_together_those_who_said_the_same_whenever_and_however() -> None:
    """Time, channel and signature make no difference; what has run out counts as such."""
    town = Town()
    consent = agreed(CITY, "hourly")
    town.home(consent)
    town.home(replace(consent, channel="portal", signature=b"s", since_ms=5, expiry_ms=NOW_MS + 1))
    town.home(replace(consent, expiry_ms=NOW_MS))
    assert sorted(len(group.members) for group in town.population()) == [1, 2]


# it misses nothing


DEMANDS = ("group", "budget", "retention", "no-noise")
"""Why somebody stands in no figure by an own demand."""


@st.composite
def policy_sets(draw: st.DrawFn) -> PolicySet:
    """Draw the small city with other asks, ceilings and caps."""
    meter = replace(CITY.profiles["meter"], cap=draw(points()))
    asks = {name: replace(CITY.flows[name], ask=draw(points())) for name in ("hourly", "daily")}
    if draw(st.booleans()):
        asks["daily"] = replace(asks["daily"], statistic={})
    ladder = draw(st.sampled_from([("0.001", "0.1"), ("0.1", "1")]))
    consumption = replace(CITY.properties["consumption"], ladder=tuple(map(Decimal, ladder)))
    return replace(
        CITY,
        ceiling=draw(points()),
        neighbourhoods={"old": draw(points())},
        profiles={"meter": meter},
        flows=asks,
        properties={**CITY.properties, "consumption": consumption},
    )


def rising(
    old: PolicySet, new: PolicySet, zone: str, before: list[Consent], after: list[Consent], but: Collection[str] = ()
) -> Iterator[tuple[str, str]]:
    """Go through (flow, axis) of all that rises for a household, found without the code under test; `but` are reasons to skip."""
    for flow in ("hourly", "daily"):
        was, now = [
            decide(p, flow, [c for c in those if c.scope == flow], zone, p.profiles["meter"].cap, NOW_MS)
            for p, those in ((old, before), (new, after))
        ]
        kept, told = [each.reason or reason_besides(p, flow, "meter", each) for p, each in ((old, was), (new, now))]
        if told:
            continue
        a, b = was.disclosure, now.disclosure
        if kept:
            if kept not in but:
                yield flow, ALL_AXES
            continue
        for axis in ("identity", "time", "space"):
            if getattr(b, axis) > getattr(a, axis):
                yield flow, axis
        if b.retention_days > a.retention_days:
            yield flow, "retention"
        coarse, fine = [p.properties["consumption"].rung(each.step("consumption")) for p, each in ((old, a), (new, b))]
        if fine < coarse:
            yield flow, "precision.consumption"
        if a.identity is b.identity is Identity.AGGREGATE:
            if b.group < a.group:
                yield flow, "group"
            if b.budget > a.budget:
                yield flow, "budget"


def is_listed(difference: Difference, flow: str, axis: str, zone: str, whose: set[Whose]) -> bool:
    """Say whether a row tells of a rise."""
    return any(
        row.direction is RISES
        and row.whose in whose
        and row.flow == flow
        and row.axis in (axis, ALL_AXES)
        and (zone in row.zones or (row.whose is Whose.STANDING and row.count is not None))
        for row in difference.changes
    )


@settings(deadline=None, max_examples=40)
@given(policy_sets(), policy_sets(), points(), st.sampled_from(["mill", "chapel"]))
def test_diff_lists_every_rise_of_whoever_agrees_up_to_any_limits(
    old: PolicySet, new: PolicySet, limits: Disclosure, zone: str
) -> None:
    """Soundness without a registry: whatever limits somebody sets, what rises for them is listed.

    But for one whom an own demand kept out of figures, and a change of these lets in: only a registry knows of such.
    """
    before, after = ([agreed(p, flow, limits) for flow in ("hourly", "daily")] for p in (old, new))
    difference = compare(old, new)
    for flow, axis in rising(old, new, zone, before, after, DEMANDS):
        assert is_listed(difference, flow, axis, zone, {Whose.AGREEING, Whose.FIGURES})


@settings(deadline=None, max_examples=40)
@given(policy_sets(), policy_sets(), points(), points(), st.sampled_from(["mill", "chapel"]), st.integers(1, 12))
def test_diff_lists_every_rise_of_consents_that_stand(
    old: PolicySet, new: PolicySet, first: Disclosure, second: Disclosure, zone: str, homes: int
) -> None:
    """Soundness with a registry: for households of two residents, with what they said under the old policies."""
    town = Town()
    said = [
        replace(agreed(old, flow, limits, resident), scope=flow)
        for flow in ("hourly", "daily")
        for limits, resident in ((first, ANN), (second, BEN))
    ]
    for _ in range(homes):
        town.home(*said, zone=zone, residents=2)
    difference = compare(old, new, town.population())
    for flow, axis in rising(old, new, zone, said, said):
        assert is_listed(difference, flow, axis, zone, {Whose.STANDING})


@settings(deadline=None, max_examples=40)
@given(policy_sets(), policy_sets())
def test_diff_the_other_way_round_falls_where_it_rose(old: PolicySet, new: PolicySet) -> None:
    """What one way opens, the other closes."""
    turned = {RISES: FALLS, FALLS: RISES}
    there = {(turned[row.direction], row.whose, row.flow, row.axis, row.new, row.old) for row in compare(old, new).changes}
    assert there == {(row.direction, row.whose, row.flow, row.axis, row.old, row.new) for row in compare(new, old).changes}


# what is only said


def test_what_citizens_are_only_told_lets_nobody_have_more() -> None:
    """Whom to ask, what follows a no, and signs: shown, and no rise that anyone would have to accept."""
    sign = '[sign.M1]\nzone = "mill"\nprofile = "sound"\ntext = { en = "Here", pt = "Aqui" }\n[ceiling]'
    office, basis = '"keys/office.pub"\n', 'legal_basis = "consent"\n'
    said = city(
        ("[ceiling]", sign),
        (office, f'{office}contact = "office@town.example"\ntelephone = "+34 555 010 010"\n'),
        (basis, basis + 'if_no = { en = "Nothing", pt = "Nada" }\n'),
    )
    found = compare(CITY, said)
    assert not found.rises
    assert found.changes == ()
    assert set(found.rules) == {
        Rule(DIFFERS, "recipient.office.contact", "nothing", "office@town.example"),
        Rule(DIFFERS, "recipient.office.telephone", "nothing", "+34 555 010 010"),
        Rule(DIFFERS, "purpose.energy.if_no.en", "nothing", "Nothing"),
        Rule(DIFFERS, "purpose.energy.if_no.pt", "nothing", "Nada"),
        Rule(DIFFERS, "sign.M1", "nothing", "sound in mill"),
    }
    assert set(compare(said, CITY).rules) == {replace(rule, old=rule.new, new=rule.old) for rule in found.rules}
    moved = city(("[ceiling]", sign.replace('"mill"', '"chapel"').replace("Here", "There")))
    unmoved = city(("[ceiling]", sign))
    assert set(compare(unmoved, moved).rules) == {
        Rule(DIFFERS, "sign.M1", "sound in mill", "sound in chapel"),
        Rule(DIFFERS, "sign.M1.text.en", "Here", "There"),
    }
