"""Cases: what a `*.cases.toml` may say, that it is decided by the same rules as a real household, and how a failure is told."""

from __future__ import annotations

import re

import pytest

from consent.core.cases.cases import REASONS, Case, CaseResult, try_case
from consent.core.cases.parse import read_cases
from consent.core.cases.residents import MOST_RESIDENTS
from consent.core.decide import Decision
from consent.core.outcome import Outcome
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.errors import PolicyError
from tests.support.consent_samples import policies, small_city

FILE = "town.cases.toml"
YES = 'residents = [{ status = "Given" }]\n'
HOME = 'device = "meter"\nzone = "mill"\nflow = "hourly"\n'


def case(text: str, head: str = HOME, city: PolicySet | None = None) -> Case:
    """Return the case that a text says, about a household's meter at the mill and the hourly flow."""
    (found,) = read_cases(FILE, f"[case.one]\n{head}{text}".encode(), city or policies())
    return found


def outcome(text: str, head: str = HOME, city: PolicySet | None = None) -> CaseResult:
    """Return what becomes of a case."""
    city = city or policies()
    return try_case(city, case(text, head, city))


def fault(text: str, head: str = HOME) -> str:
    """Return the line that refuses a case."""
    with pytest.raises(PolicyError) as caught:
        case(text, head)
    line = str(caught.value)
    assert line.isprintable()
    assert line.startswith(f"`{FILE}`: ")
    return line.removeprefix(f"`{FILE}`: ")


# what residents say


@pytest.mark.parametrize(
    ("residents", "reason"),
    [
        ("[]", "no-consent"),
        ("[{}]", "no-consent"),
        ("[[]]", "no-consent"),
        ("[[{}]]", "no-consent"),
        ('[{ status = "Given" }, {}]', "no-consent"),
        ('[{ scope = "daily" }]', "no-consent"),
        ('[{ scope = "purpose:energy", told = false }]', "no-consent"),
        ('[{ status = "Requested" }]', "requested"),
        ('[{ status = "Refused" }]', "refused"),
        ('[{ status = "Withdrawn" }]', "withdrawn"),
        ('[{ status = "Expired" }]', "expired"),
        ('[{ status = "Invalidated" }]', "invalidated"),
        ('[{ status = "Revoked" }]', "revoked"),
        ('[[{ status = "Given" }, { status = "Paused" }]]', "paused"),
        ('[[{ scope = "purpose:energy" }, { status = "Withdrawn" }]]', "withdrawn"),
        ('[[{ status = "Given" }, { scope = "purpose:energy", status = "Withdrawn" }]]', "withdrawn"),
        ('[{ expiry = "-1s" }]', "expired"),
        ('[{ expiry = "+0s" }]', "expired"),
        ('[{ told = { ask = { time = "4h" } } }]', "invalidated"),
        ("[{ told = { ask = { group = 16 } } }]", "invalidated"),
        ("[{ told = { ask = { retention = 364 } } }]", "invalidated"),
        ("[{ told = { ask = { precision = { consumption = 1 } } } }]", "invalidated"),
        ('[{ told = { purpose = "heating" } }]', "invalidated"),
        ('[{ told = { recipient = "firm" } }]', "invalidated"),
        ('[{ told = { properties = ["heat"] } }]', "invalidated"),
        ('[{ told = { statistic = { consumption = "mean" } } }]', "invalidated"),
    ],
)
def test_case_of_residents_who_do_not_permit_is_withheld_with_the_reason(residents: str, reason: str) -> None:
    """Every way of not saying yes, and none of them passes for another."""
    written = f"residents = {residents}\n"
    assert outcome(f'{written}reason = "{reason}"').passed
    other = next(each for each in REASONS if each != reason)
    told = outcome(f'{written}reason = "{other}"')
    assert (told.expected, told.got) == (f"`{other}`", f"`{reason}`")


@pytest.mark.parametrize(
    "residents",
    [
        '[{ status = "Given" }]',
        '[{ status = "Renewed" }]',
        '[{ scope = "purpose:energy" }]',
        '[{ expiry = "+1s" }]',
        '[{ given = "-400d", expiry = "+15min" }]',
        '[[{ status = "Withdrawn" }, { status = "Given" }]]',
        '[[{ scope = "purpose:energy" }, { scope = "daily", status = "Withdrawn" }]]',
        '[{ told = { ask = { time = "1min", group = 2 } } }]',
        '[{ told = { properties = ["consumption", "heat"], statistic = { heat = "mean" } } }]',
        "[{ told = {} }]",
    ],
)
def test_case_of_residents_who_permit_reveals_what_the_flow_asks(residents: str) -> None:
    """Every way of saying yes."""
    assert outcome(f'residents = {residents}\ndisclosure = {{ time = "1h", group = 15 }}').passed


def test_case_with_dates_expires_at_its_own_moment() -> None:
    """Dates count from midnight UTC, offsets are honoured, and the clock of the machine plays no part."""
    when = "residents = [{ given = 2027-01-01, expiry = 2028-01-01T01:00:00+01:00 }]\nat = "
    assert outcome(f'{when}2027-12-31T23:59:59.999Z\ndisclosure = {{ time = "1h" }}').passed
    assert outcome(f'{when}2028-01-01\nreason = "expired"').passed


def test_case_without_residents_is_about_a_public_device() -> None:
    """No key, no subject; a key, even an empty one, is a household."""
    street = 'device = "station"\nzone = "mill"\nflow = "noise"\n'
    text = b'title = { en = "S", pt = "E" }\ncodec = "json"\n[fields.LAeq]\npath = "l"\nunit = "dB"\n'
    city = parse_policies(small_city(files={"devices/station.toml": text}))
    assert outcome('disclosure = { identity = "per-record", space = "block" }', street, city).passed
    assert outcome('residents = [{}]\nreason = "has-subject"', street, city).passed
    assert outcome('reason = "no-subject-consent"').passed


def test_case_may_state_whose_the_device_is() -> None:
    """A resident's own is read for no public task; where the case does not say, it is the city's, as before cases could."""
    street = 'device = "station"\nzone = "mill"\nflow = "noise"\n'
    text = b'title = { en = "S", pt = "E" }\ncodec = "json"\n[fields.LAeq]\npath = "l"\nunit = "dB"\n'
    city = parse_policies(small_city(files={"devices/station.toml": text}))
    assert outcome('owner = "resident"\nresidents = [{}]\nreason = "resident-owned"', street, city).passed
    assert outcome('owner = "city"\nresidents = [{}]\nreason = "has-subject"', street, city).passed
    assert outcome('owner = "city"\ndisclosure = { identity = "per-record" }', street, city).passed
    for wrong, fault in (
        ('owner = "nobody"\nreason = "refused"', ".owner`: `nobody` is none of city, resident"),
        ('owner = "resident"\nreason = "refused"', ".owner`: a resident's device has a subject: name its `residents`"),
    ):
        with pytest.raises(PolicyError) as error:
            outcome(wrong, street, city)
        assert fault in str(error.value)


# what is expected


def test_case_compares_only_the_axes_that_it_names_unless_exact() -> None:
    """A case that says little goes on holding when the rest changes."""
    assert outcome(f"{YES}disclosure = {{}}").passed
    assert outcome(f'{YES}disclosure = {{ space = "district" }}').passed
    whole = 'identity = "aggregate", time = "1h", space = "district", group = 15, retention = 365'
    assert outcome(f"{YES}exact = true\ndisclosure = {{ {whole}, precision = {{ consumption = 0.1 }} }}").passed
    told = outcome(f"{YES}exact = true\ndisclosure = {{ {whole} }}")
    assert (told.expected, told.got) == (
        "precision.consumption `unbound`",
        "precision.consumption `0.1` (held by `ask`)",
    )
    assert "`case.one.disclosure.retention`: is missing" in fault(
        f'{YES}exact = true\ndisclosure = {{ identity = "aggregate", time = "1h", space = "district" }}'
    )


@pytest.mark.parametrize(
    ("axis", "level", "got"),
    [
        ('identity = "per-record"', "identity `per-record`", "identity `aggregate` (held by `ask`)"),
        ('time = "4h"', "time `4h`", "time `1h` (held by `ask`)"),
        ('space = "city"', "space `city`", "space `district` (held by `ask`)"),
        ("precision = { consumption = 1 }", "precision.consumption `1`", "precision.consumption `0.1` (held by `ask`)"),
        ("group = 10", "group `10`", "group `15` (held by `ask`)"),
        ("retention = 30", "retention `30`", "retention `365` (held by `ask`)"),
        ("budget = 0.5", "budget `0.5`", "budget `unbound` (held by nobody)"),
    ],
)
def test_case_that_expects_another_level_fails_naming_axis_and_holder(axis: str, level: str, got: str) -> None:
    """On every axis; the line says what was expected, what came and who holds it there."""
    told = outcome(f"{YES}disclosure = {{ {axis} }}")
    assert (told.expected, told.got) == (level, got)
    assert str(told) == f"`{FILE}`: `case.one`: expected {level}, got {got}"


def test_case_that_expects_a_disclosure_and_gets_a_reason_says_both() -> None:
    """And the other way round, with all that would be revealed."""
    told = outcome('residents = [{}]\ndisclosure = { time = "1h" }')
    assert (told.expected, told.got) == ("time `1h`", "`no-consent`")
    assert outcome("residents = [{}]\ndisclosure = {}").expected == "that something is permitted"
    told = outcome(f'{YES}reason = "refused"')
    assert told.expected == "`refused`"
    assert told.got == (
        "identity `aggregate`, time `1h`, space `district`, precision.consumption `0.1`, group `15`, retention `365`"
    )


def test_case_with_bounds_holds_only_where_exactly_they_hold_the_axis() -> None:
    """In any order, each axis by itself, a reason's too."""
    chapel = HOME.replace("mill", "chapel")
    held = f'{YES}disclosure = {{}}\nbounds = {{ time = ["neighbourhood:old"], precision.consumption = ["ask"], budget = [] }}'
    assert outcome(held, chapel).passed
    told = outcome(held)
    assert told.expected == "time held by `neighbourhood:old`"
    both = 'residents = [{ limits = { time = "1h" } }]\ndisclosure = {}\nbounds = { time = ["consent:0", "ask"] }'
    assert outcome(both).passed
    told = outcome(f'{YES}disclosure = {{ time = "4h" }}\nbounds = {{ time = ["ceiling"] }}')
    assert (told.expected, told.got) == ("time `4h`", "time `1h` (held by `ask`)")
    told = outcome(f'{YES}disclosure = {{}}\nbounds = {{ time = ["ask", "class-cap"], budget = ["ask"] }}')
    assert told.expected == "time held by `ask` and `class-cap`, budget held by `ask`"
    assert told.got == "time held by `ask`, budget held by nobody"
    refused = 'residents = [{}, { status = "Refused" }]\nreason = "no-consent"\n'
    assert outcome(f'{refused}bounds = {{ identity = ["consent:0", "consent:1"] }}').passed


def test_reasons_of_cases_are_those_of_decisions() -> None:
    """All that a decision or its outcome can give, but for what no checked case refers to."""
    told = (Decision.__doc__ or "").partition("Empty where permitted, else one of")[2].partition("bounds:")[0]
    besides = (Outcome.__doc__ or "").partition("Those of ``Decision``, and")[2].partition("disclosure:")[0]
    unmet = {"unknown-flow", "unknown-zone", "unsupported", "no-noise"}
    assert set(REASONS) == set(re.findall(r"`([a-z-]+)`", told + besides)) - unmet


@pytest.mark.parametrize(
    ("limits", "reason"), [("group = 16", "group"), ("budget = 2", "budget"), ("retention = 89", "retention")]
)
def test_case_of_who_stands_in_no_figure_expects_why(limits: str, reason: str) -> None:
    """What keeps a household out of figures for the sake of others is known from the policies: a case shows it."""
    assert outcome(f'residents = [{{ limits = {{ {limits} }} }}]\nreason = "{reason}"').passed


# what is refused


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "`case.one`: should expect either a `reason` or a `disclosure`"),
        ('reason = "refused"\ndisclosure = {}', "`case.one`: should expect either a `reason` or a `disclosure`"),
        ('reason = "no-noise"', "`case.one.reason`: `no-noise` is none of no-consent, requested, refused, "),
        ('reason = ""', "`case.one.reason`: `` is none of"),
        ("reason = 5", "`case.one.reason`: should be text, not a whole number"),
        ('reason = "refused"\nexact = true', "`case.one.exact`: is for a `disclosure`"),
        ('reason = "refused"\nwhy = "x"', "`case.one.why`: is not a known key"),
        ('reason = "refused"\nsays = ""', "`case.one.says`: should be a text of 1 to 2000 characters"),
        ('disclosure = { time = "none" }', "`case.one.disclosure`: reveals nothing: expect a `reason` instead"),
        ('disclosure = { time = "2h" }', "`case.one.disclosure.time`: `2h` is none of none, day, 4h, 1h"),
        ("disclosure = { tiem = 1 }", "`case.one.disclosure.tiem`: is not a known key"),
        ("disclosure = { precision = { heat = 1 } }", "`case.one.disclosure.precision.heat`: there is no property `heat`"),
        ("disclosure = { precision = { consumption = 2 } }", "`case.one.disclosure.precision.consumption`: `2` is no step of"),
        ("disclosure = {}\nat = 5", "`case.one.at`: should be a date and time such as 2026-05-01T12:00:00Z, or a date"),
        ('disclosure = {}\nat = "-1d"', "`case.one.at`: should be a date and time"),
        ("disclosure = {}\nat = 2026-05-01T12:00:00", "`case.one.at`: `2026-05-01T12:00:00` should name its offset from utc"),
        ("disclosure = {}\nat = 1969-12-31", "`case.one.at`: `1969-12-31T00:00:00+00:00` is before 1970"),
        ("disclosure = {}\nbounds = { when = [] }", "`case.one.bounds.when`: is none of identity, time, space, group, retention"),
        ('disclosure = {}\nbounds = { time = "ask" }', "`case.one.bounds.time`: should be an array of texts"),
        ("disclosure = {}\nbounds = { time = [5] }", "`case.one.bounds.time`: should be an array of texts"),
        ('disclosure = {}\nbounds = { time = ["law"] }', "`case.one.bounds.time`: `law` is none of ask, ceiling, class-cap"),
        ('disclosure = {}\nbounds = { time = ["consent:0"] }', "`case.one.bounds.time`: `consent:0`: there is no such resident"),
        (
            'disclosure = {}\nbounds = { time = ["neighbourhood:new"] }',
            "`case.one.bounds.time`: there is no neighbourhood `new`",
        ),
        ('disclosure = {}\nbounds = { precision = ["ask"] }', "`case.one.bounds.precision`: should be a table, by property"),
        (
            'disclosure = {}\nbounds = { precision = { heat = ["ask"] } }',
            "`case.one.bounds.precision.heat`: there is no property `heat`",
        ),
    ],
)
def test_case_with_a_fault_names_the_key(text: str, line: str) -> None:
    """Unknown keys, unknown references and impossible values of a case."""
    assert fault(text).startswith(line)


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (HOME.replace("meter", "toaster"), "`case.one.device`: there is no device profile `toaster`"),
        (HOME.replace("mill", "moon"), "`case.one.zone`: there is no zone `moon`"),
        (HOME.replace("hourly", "yearly"), "`case.one.flow`: there is no flow `yearly`"),
        (HOME.replace("hourly", "noise"), "`case.one.device`: `meter` sends nothing that `noise` asks for"),
        (HOME.replace('zone = "mill"\n', ""), "`case.one.zone`: is missing"),
        (HOME.replace('"mill"', "5"), "`case.one.zone`: should be text, not a whole number"),
    ],
)
def test_case_about_what_there_is_not_names_it(head: str, line: str) -> None:
    """A zone or flow that is struck from the policies takes its cases with it, and says which."""
    assert fault('reason = "refused"', head).startswith(line)


@pytest.mark.parametrize(
    ("resident", "line"),
    [
        ("5", ": should be a table, or an array of tables"),
        ("[5]", "[0]: should be a table, not a whole number"),
        ("{ sope = 1 }", ".sope: is not a known key"),
        ('{ status = "Agreed" }', ".status: `Agreed` is none of Requested, Refused, Given"),
        ('{ scope = "weekly" }', ".scope: there is no flow `weekly`"),
        ('{ scope = "purpose:fun" }', ".scope: there is no purpose `fun`"),
        ('{ scope = "noise" }', ".scope: `noise` rests on a public task and takes no consent"),
        ('{ scope = "purpose:streets" }', ".scope: `purpose:streets` rests on a public task and takes no consent"),
        ('{ limits = { time = "none" } }', ".limits: permit nothing: a resident would refuse or withdraw instead"),
        ("{ limits = { group = 0 } }", ".limits.group: `0` should be from 1 to 1000000"),
        ('{ status = "Refused", limits = { group = 2 } }', ".limits: should be left out: `Refused` permits nothing"),
        ('{ status = "Paused", expiry = "+1d" }', ".expiry: should be left out: `Paused` permits nothing"),
        ('{ status = "Withdrawn", told = false }', ".told: should be left out: `Withdrawn` permits nothing"),
        ('{ given = "+1s" }', ".given: is later than the case"),
        ('{ given = "-1d", expiry = "-2d" }', ".expiry: is no later than `given`: the consent would end before it begins"),
        ('{ expiry = "soon" }', ".expiry: `soon` should be a date, or relative to the case, such as `-30d`, `+4h` or `+15min`"),
        ('{ expiry = "30d" }', ".expiry: `30d` should be a date, or relative to the case"),
        ("{ expiry = 30 }", ".expiry: should be a date and time such as"),
        ("{ expiry = 2028-01-01 }", ".expiry: is a date, so the case has to name its own with `at`"),
        ('{ given = "-999999d" }', ".given: `-999999d` is before 1970"),
        ("{ told = 5 }", ".told: should be a table, not a whole number"),
        ("{ told = false }", ".told: a consent to the flow itself cannot have been given without being told of it"),
        ('{ scope = "daily", told = {} }', ".told: should be left out: `daily` is not about `hourly`"),
        ("{ told = { hours = 1 } }", ".told.hours: is not a known key"),
        ('{ told = { recipient = "The Firm" } }', ".told.recipient: `The Firm` is no name of lower-case letters"),
        ('{ told = { properties = ["a b"] } }', ".told.properties: `a b` is no name of letters, digits and underscores"),
        ('{ told = { statistic = { heat = "sum" } } }', ".told.statistic.heat: is none of the properties that were told"),
        ('{ told = { statistic = { consumption = "median" } } }', ".told.statistic.consumption: `median` is none of count"),
        ('{ told = { ask = { time = "2h" } } }', ".told.ask.time: `2h` is none of none, day"),
    ],
)
def test_case_of_a_resident_who_could_not_have_said_that_names_the_key(resident: str, line: str) -> None:
    """What no grant would have accepted is no example of anything."""
    key, _, rest = line.partition(":")
    assert fault(f'residents = [{resident}]\nreason = "refused"').startswith(f"`case.one.residents[0]{key}`:{rest}")


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "`case`: is missing"),
        (b"case = 5", "`case`: should be a table, not a whole number"),
        (b"[case]\none = 5", "`case.one`: should be a table, not a whole number"),
        (b"[case.One]\n", "`case.One`: `One` is no name of lower-case letters"),
        (b"[cases.one]\n", "`cases`: is not a known key"),
        (b"[case.one]\n[case.one]\n", "is not toml: `case.one` stands there twice, the second time in line 2"),
        ("[case.one]\nsays = 'ñ'".encode("latin-1"), "is not utf-8 at byte 19, in line 2"),
        ("[case.one]".encode("utf-16"), "is not utf-8, but looks like utf-16: save it as utf-8"),
    ],
)
def test_file_of_cases_with_a_fault_names_it(data: bytes, line: str) -> None:
    """The same lines as for a policy file."""
    with pytest.raises(PolicyError) as caught:
        read_cases(FILE, data, policies())
    assert str(caught.value).startswith(f"`{FILE}`: {line}")


def test_case_with_a_crowd_of_residents_is_refused() -> None:
    """A household is no town."""
    assert "should be at most" in fault(f"residents = [{'{}, ' * (MOST_RESIDENTS + 1)}]\nreason = 'refused'")


def test_case_decides_by_the_policies_that_it_is_tried_on() -> None:
    """The same case, after the city has come to ask more: consents to the old terms no longer hold."""
    text = f'{YES}disclosure = {{ time = "1h" }}'
    finer = policies(('time = "1h"', 'time = "15min"'))
    assert try_case(finer, case(text)).got == "`invalidated`"
    assert outcome(text, city=finer).got == "time `15min` (held by `ask`)"
