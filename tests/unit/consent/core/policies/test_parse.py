"""Policies from text: every fault is one line that names the file and the key."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.disclosure import TOP, Disclosure, Identity, Space, Time
from consent.core.policies.notice import notice_of
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import Statistic
from consent.core.profiles.profile import Codec, Field, Scheme, TimeFormat, TimeOrigin
from consent.errors import PolicyError
from tests.support.consent_samples import CITY, METER, OLD, policies, small_city

_HOURLY_ASK = next(line for line in CITY.splitlines() if line.startswith("ask = "))
"""What `flow.hourly`, the first of the flows, asks."""


def _fault(files: dict[str, bytes]) -> str:
    with pytest.raises(PolicyError) as caught:
        parse_policies(files)
    error = caught.value
    assert "\n" not in str(error)
    assert str(error) == (f"`{error.file}`: `{error.key}`: {error.message}" if error.key else f"`{error.file}`: {error.message}")
    assert error.message[0].islower() or error.message[0] == "`"
    return str(error)


def test_parse_of_the_small_city_gives_what_it_says() -> None:
    """All that the text says is there, typed."""
    city = policies()
    assert (city.city.id, city.city.languages, city.city.timezone) == ("town", ("en", "pt"), "Europe/Madrid")
    flow = city.flows["hourly"]
    assert (flow.properties, flow.statistic) == (("consumption",), {"consumption": Statistic.SUM})
    assert flow.ask == Disclosure(
        Identity.AGGREGATE, Time.HOUR_1, Space.DISTRICT, (("consumption", Decimal("0.1")),), 15, 365, float("inf")
    )
    assert flow.title == flow.why == {"en": "To plan", "pt": "Para planear"}
    assert city.ceiling == Disclosure(Identity.PER_EPOCH, Time.EXACT, Space.BLOCK, (), 10, TOP.retention_days, float("inf"))
    assert (city.limits.mu_day, city.limits.exact_group, city.limits.ignored) == (None, 1, ())
    assert city.neighbourhoods["old"].time is Time.HOUR_4
    assert city.properties["consumption"].ladder == tuple(map(Decimal, ("0.001", "0.01", "0.1", "1")))
    assert city.recipients["public"].public_key_file is None
    assert len(city.sha256) == 32


def test_parse_of_a_device_class_gives_what_it_says() -> None:
    """The field map, clock, numbering and key of a class."""
    profile = policies().profiles["meter"]
    assert (profile.codec, profile.fields) == (Codec.JSON, {"consumption": Field(("kwh",), "kW.h", Decimal(1))})
    assert profile.time is not None
    assert (profile.time.path, profile.time.format, profile.time.source) == ("t", TimeFormat.UNIX_S, TimeOrigin.DEVICE)
    assert profile.sequence is not None
    assert (profile.sequence.path, profile.sequence.boot) == ("seq", "boot")
    assert (profile.authentication.scheme, profile.cap) == (Scheme.NONE, TOP)
    bare = METER[: METER.index("[time]")]
    keyed = bare + '[authentication]\nscheme = "mac0"\n[sequence]\nboot = "b"\n[cap]\ntime = "1h"\nbudget = 0.5\n'
    files = small_city(files={"devices/bare.toml": bare.encode(), "devices/keyed.toml": keyed.encode()})
    profiles = parse_policies(files).profiles
    assert (profiles["bare"].time, profiles["bare"].sequence) == (None, None)
    assert profiles["keyed"].sequence is not None
    assert profiles["keyed"].sequence.path is None
    assert (profiles["keyed"].cap.time, profiles["keyed"].cap.budget) == (Time.HOUR_1, 0.5)


def test_parse_hashes_the_files_whatever_their_order() -> None:
    """The name of a policy set depends on paths and bytes only."""
    files = small_city()
    other = parse_policies(dict(reversed(files.items())))
    assert other.sha256 == parse_policies(files).sha256
    assert parse_policies(small_city(files={"devices/meter.toml": METER.encode() + b"\n"})).sha256 != other.sha256


def test_cell_of_a_zone_is_named_by_the_level() -> None:
    """Exact places of fixed sensors are their blocks."""
    city = policies()
    levels = [Space.CITY, Space.DISTRICT, Space.BLOCK, Space.EXACT]
    assert [city.cell("mill", level) for level in levels] == ["town", "north", "mill", "mill"]
    with pytest.raises(ValueError, match="no cell"):
        city.cell("mill", Space.NONE)
    with pytest.raises(KeyError):
        city.cell("nowhere", Space.CITY)


def test_notice_changes_with_terms_and_not_with_wording() -> None:
    """It is the hash of what a consent agrees to."""
    terms = policies().terms_for("hourly")
    assert notice_of(policies(("To plan", "To plan well")).terms_for("hourly")) == notice_of(terms)
    assert notice_of(policies(("group = 15", "group = 16")).terms_for("hourly")) != notice_of(terms)
    assert policies().terms_for("nowhere") == ()


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("[ceiling]", "[roof]", "`roof`: is not a known key"),
        ('name = "Town"', 'nmae = "Town"', "`city.nmae`: is not a known key"),
        ('name = "Town"\n', "", "`city.name`: is missing"),
        ('name = "Town"', "name = 5", "`city.name`: should be text, not a whole number"),
        ('name = "Town"', 'name = " "', "`city.name`: should be a text of 1 to 2000 characters"),
        ('id = "town"', 'id = "Town Hall"', "`city.id`: `Town Hall` is no name of lower-case letters, digits and single hyphens"),
        ('jurisdiction = "ES"', 'jurisdiction = "Spain"', "`city.jurisdiction`: should be of the form `ES`"),
        ('timezone = "Europe/Madrid"', 'timezone = "../etc"', "`city.timezone`: should be of the form `Europe/Madrid`"),
        ('languages = ["en", "pt"]', "languages = []", "`city.languages`: should name at least one language, and each once"),
        ('languages = ["en", "pt"]', 'languages = ["en", "PT"]', "`city.languages`: should be language codes such as `en`"),
        ('languages = ["en", "pt"]', 'languages = ["en", "pt", "es"]', "`purpose.energy.title.es`: is missing"),
        ("exact_group = 1", "exact_group = 0", "`limits.exact_group`: `0` should be from 1 to 1000000"),
        ("exact_group = 1", "mu_day = nan", "`limits.mu_day`: `NaN` should be a number from 0.000001 to 1000000"),
        ("exact_group = 1", "mu_day = 0", "`limits.mu_day`: `0` should be a number from 0.000001 to 1000000"),
        ("exact_group = 1", "mu_rungs = []", "`limits.mu_rungs`: should be 1 to 16 numbers"),
        ("exact_group = 1", "mu_rungs = [1, 1]", "`limits.mu_rungs`: `1` should be greater than `1` before it"),
        ("exact_group = 1", "mu_rungs = [-1, 1]", "`limits.mu_rungs`: `-1` should be a number from 0.000001 to 1000000"),
        ("group = 10", "group = -10", "`ceiling.group`: `-10` should be from 1 to 1000000"),
        ("group = 10", "group = 10.5", "`ceiling.group`: should be a whole number, without a point"),
        ("group = 10", "group = true", "`ceiling.group`: should be a whole number, not true or false"),
        ("group = 10", "precision = { LAeq = 0.2 }", "`ceiling.precision.LAeq`: `0.2` is no step of the ladder 0.1, 0.5, 1, 5"),
        ("group = 10", "precision = { sound = 1 }", "`ceiling.precision.sound`: there is no property `sound`"),
        ("group = 10", 'precision = { LAeq = "fine" }', "`ceiling.precision.LAeq`: should be a number"),
        ("group = 10", "budget = 0", "`ceiling.budget`: `0` should be a number from 0.000001 to 1000000"),
        ("group = 10", "retention = 0", "`ceiling.retention`: `0` should be from 1 to 36500 days"),
        ('space = "block"\n', 'space = "house"\n', "`ceiling.space`: `house` is none of none, city, district, block, exact"),
        ('identity = "per-epoch"\nspace', "identity = 3\nspace", "`ceiling.identity`: should be text, not a whole number"),
        (
            '[zone.mill]\ndistrict = "north"',
            '[zone.mill]\ndistrict = "south"',
            "`zone.mill.district`: there is no district `south`",
        ),
        ('neighbourhood = "old"', 'neighbourhood = "new"', "`zone.chapel.neighbourhood`: there is no neighbourhood `new`"),
        ("[zone.mill]", "[zone.north]", "`zone.north`: has the name of a larger cell"),
        ("[zone.mill]", "[zone.town]", "`zone.town`: has the name of a larger cell"),
        ("[district.north]", "[district.town]", "`district.town`: has the name of the city, which is the cell that is all of it"),
        ("[zone.mill]", "[zone]\nmill = 5\n[zone.yard]", "`zone.mill`: should be a table, not a whole number"),
        ('{ en = "North", pt = "Norte" }', '{ en = "North" }', "`district.north.title.pt`: is missing"),
        (
            '{ en = "North", pt = "Norte" }',
            '{ en = "North", pt = "Norte", fr = "Nord" }',
            "`district.north.title.fr`: is none of the city's languages, `en`, `pt`",
        ),
        (
            '{ en = "North", pt = "Norte" }',
            '{ en = "North", pt = "" }',
            "`district.north.title.pt`: should be a text of 1 to 2000",
        ),
        ('{ en = "North", pt = "Norte" }', '{ en = "North", pt = 5 }', "`district.north.title.pt`: should be a text"),
        ('{ en = "North", pt = "Norte" }', '"North"', "`district.north.title`: should be a table, not text"),
        (
            "ladder = [0.1, 0.5, 1, 5]",
            "ladder = [0.1, 0.5, 0.7]",
            "`property.LAeq.ladder`: `0.7` should be a multiple of the step before it, `0.5`",
        ),
        (
            "ladder = [0.1, 0.5, 1, 5]",
            "ladder = [1, 0.5]",
            "`property.LAeq.ladder`: `0.5` should be a multiple of the step before it",
        ),
        (
            "ladder = [0.1, 0.5, 1, 5]",
            "ladder = [1, 1]",
            "`property.LAeq.ladder`: `1` should be a multiple of the step before it",
        ),
        ("ladder = [0.1, 0.5, 1, 5]", "ladder = []", "`property.LAeq.ladder`: should have at least one step"),
        (
            "ladder = [0.1, 0.5, 1, 5]",
            "ladder = [0, 1]",
            "`property.LAeq.ladder`: `0` should be a number from 0.000000001 to 1000000000",
        ),
        (
            "ladder = [0.1, 0.5, 1, 5]",
            "ladder = [inf]",
            "`property.LAeq.ladder`: `Infinity` should be a number from 0.000000001 to 1000000000",
        ),
        (
            "ladder = [0.1, 0.5, 1, 5]",
            'ladder = [0.1, "0.5"]',
            "`property.LAeq.ladder[1]`: should be a number, not text",
        ),
        ("clamp = [20, 140]", "clamp = [140, 20]", "`property.LAeq.clamp`: `140` should be below `20`"),
        ("clamp = [20, 140]", "clamp = {}", "`property.LAeq.clamp`: should name at least one length of window"),
        (
            "clamp = [20, 140]",
            "clamp = { exact = [20, 140] }",
            "`property.LAeq.clamp.exact`: is none of day, 4h, 1h",
        ),
        ("clamp = [20, 140]", "clamp = { 1h = 5 }", "`property.LAeq.clamp.1h`: should be a list, not a whole number"),
        (
            "clamp = [20, 140]",
            "clamp = { 1h = [20, true] }",
            "`property.LAeq.clamp.1h[1]`: should be a number, not",
        ),
        ("clamp = [20, 140]", "clamp = { 1h = [140, 20] }", "`property.LAeq.clamp.1h`: `140` should be below `20`"),
        ("clamp = [20, 140]", "clamp = [20]", "`property.LAeq.clamp`: should be the least and the greatest value"),
        (
            "clamp = [20, 140]",
            "clamp = [20, 140.05]",
            "`property.LAeq.clamp`: `140.05` should be a multiple of the first step, `0.1`",
        ),
        ("[property.LAeq]", '[property."L Aeq"]', "`property.L Aeq`: `L Aeq` is no name of letters, digits and underscores"),
        (
            'dpv = "CombatClimateChange"',
            'dpv = "dpv:X"',
            "`purpose.energy.dpv`: `dpv:X` is no purpose of the data privacy vocabulary",
        ),
        (
            'legal_basis = "consent"',
            'legal_basis = "interest"',
            "`purpose.energy.legal_basis`: `interest` is none of consent, public-task",
        ),
        (
            '"keys/office.pub"',
            '"/etc/office.pub"',
            "`recipient.office.public_key_file`: should be a path inside the policies folder",
        ),
        (
            '"keys/office.pub"',
            '"keys/../../x"',
            "`recipient.office.public_key_file`: should be a path inside the policies folder",
        ),
        (
            'public_key_file = "keys/office.pub"',
            'public_key_files = ["keys/office.pub", "../x"]',
            "`recipient.office.public_key_files[1]`: should be a path inside the policies folder",
        ),
        (
            'public_key_file = "keys/office.pub"',
            "public_key_files = []",
            "`recipient.office.public_key_files`: should be 1 to 4 files",
        ),
        (
            'public_key_file = "keys/office.pub"',
            'public_key_files = ["keys/a.pub", "keys/./a.pub"]',
            "`recipient.office.public_key_files`: names a file twice",
        ),
        (
            'public_key_file = "keys/office.pub"',
            'public_key_file = "keys/office.pub"\npublic_key_files = ["keys/a.pub"]',
            "`recipient.office.public_key_files`: stands beside `public_key_file`",
        ),
        ('"keys/office.pub"\nsink = "city"', '"keys/office.pub"', "`recipient.office.sink`: is missing"),
        (
            'public_key_file = "keys/office.pub"\n',
            "",
            "`flow.hourly.recipient`: `office` has no key and may only get data of a public",
        ),
        ('purpose = "energy"', 'purpose = "fun"', "`flow.hourly.purpose`: there is no purpose `fun`"),
        ('recipient = "office"', 'recipient = "firm"', "`flow.hourly.recipient`: there is no recipient `firm`"),
        (
            'properties = ["consumption"]\nstat',
            'properties = ["heat"]\nstat',
            "`flow.hourly.properties`: there is no property `heat`",
        ),
        (
            'properties = ["consumption"]\nstat',
            "properties = []\nstat",
            "`flow.hourly.properties`: should name at least one property, and each once",
        ),
        (
            'statistic = { consumption = "sum" }\n',
            "",
            "`flow.hourly.statistic.consumption`: is missing: a figure has no default statistic",
        ),
        (
            'statistic = { consumption = "sum" }',
            'statistic = { consumption = "median" }',
            "`flow.hourly.statistic.consumption`: `median` is none of count, sum, mean, energy-mean, delta, typical-day, min",
        ),
        (
            'statistic = { consumption = "sum" }',
            'statistic = { consumption = "energy-mean" }',
            "`flow.hourly.statistic.consumption`: `energy-mean` is for levels in `dB`, not `kW.h`",
        ),
        (
            'statistic = { consumption = "sum" }',
            'statistic = { consumption = "sum", LAeq = "mean" }',
            "`flow.hourly.statistic.LAeq`: is none of the flow's properties",
        ),
        ('why = { en = "To plan", pt = "Para planear" }\n', "", "`flow.hourly.why`: is missing"),
        ("[flow.hourly]", '[flow.hourly]\ntitle = { en = "x" }', "`flow.hourly.title.pt`: is missing"),
        ("[flow.hourly]", "[flow.Hourly_1]", "`flow.Hourly_1`: `Hourly_1` is no name of lower-case letters"),
        (_HOURLY_ASK, "ask = 5", "`flow.hourly.ask`: should be a table, not a whole number"),
    ],
)
def test_parse_of_a_city_with_a_fault_names_the_key(old: str, new: str, line: str) -> None:
    """Unknown keys, unknown references and impossible values of `city.toml`."""
    fault = _fault(small_city((old, new)))
    assert fault.startswith(f"`city.toml`: {line}")


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        ('identity = "aggregate", time = "exact"', "`flow.hourly.ask.time`: `exact` has no window to draw a figure over"),
        ('identity = "aggregate", time = "2h"', "`flow.hourly.ask.time`: `2h` is none of none, day, 4h, 1h, 15min, 1min, exact"),
        ('identity = "aggregate", time = "none"', "`flow.hourly.ask.time`: `none` asks for nothing"),
        ('identity = "none", time = "1h"', "`flow.hourly.ask.identity`: `none` asks for nothing"),
        ('identity = "stable", time = "day"', "`flow.hourly.ask.identity`: `stable` is not offered"),
        (
            'identity = "per-epoch", time = "1h"',
            "`flow.hourly.ask.time`: `1h` is too fine for `per-epoch`, which is by the `day`",
        ),
        ('identity = "per-epoch", time = "day", group = 5', "`flow.hourly.ask.group`: `5` binds only at identity `aggregate`"),
        ('identity = "per-record", time = "day", group = 5', "`flow.hourly.ask.group`: `5` binds only at identity `aggregate`"),
        ('identity = "per-record", time = "day", budget = 1', "`flow.hourly.ask.budget`: binds only at identity `aggregate`"),
        ('identity = "aggregate", time = "1h", group = 0', "`flow.hourly.ask.group`: `0` should be from 1 to 1000000"),
        ('identity = "aggregate", time = "1h", grp = 3', "`flow.hourly.ask.grp`: is not a known key"),
        ('time = "1h"', "`flow.hourly.ask.identity`: is missing"),
        (
            'identity = "aggregate", time = "1h", precision = { LAeq = 1 }',
            "`flow.hourly.ask.precision.LAeq`: is none of the flow's properties",
        ),
        (
            'identity = "aggregate", time = "1h", precision = { consumption = 0.5 }',
            "`flow.hourly.ask.precision.consumption`: `0.5` is no step of the ladder 0.001, 0.01, 0.1, 1",
        ),
        (
            'identity = "aggregate", time = "1h", precision = { consumption = true }',
            "`flow.hourly.ask.precision.consumption`: should be a number",
        ),
    ],
)
def test_parse_of_an_ask_that_cannot_be_given_names_the_axis(ask: str, line: str) -> None:
    """What a flow asks has to be something that the gateway can and will give."""
    fault = _fault(small_city((_HOURLY_ASK, f'ask = {{ {ask}, space = "district", retention = 5 }}')))
    assert fault.startswith(f"`city.toml`: {line}")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('codec = "json"', 'codec = "xml"', "`codec`: `xml` is none of json, cbor, senml"),
        ('codec = "json"', "", "`codec`: is missing"),
        ('codec = "json"', 'codec = "json"\ndevice = "a4c138"', "`device`: is not a known key"),
        ("[fields.consumption]", "[fields.heat]", "`fields.heat`: there is no property `heat`"),
        ('[fields.consumption]\npath = "kwh"\nunit = "kW.h"\n', "fields = {}\n", "`fields`: should name at least one property"),
        (
            'unit = "kW.h"',
            'unit = "V"',
            "`fields.consumption.unit`: `V` is not the property's `kW.h`: `scale` should say how many `kW.h` it is",
        ),
        (
            'unit = "kW.h"',
            'unit = "W.h"\nscale = 0',
            "`fields.consumption.scale`: `0` should be a number from 0.000000001 to 1000000000",
        ),
        ('path = "kwh"', 'path = "a..b"', "`fields.consumption.path`: `a..b` should be names joined by dots"),
        ('path = "kwh"', "", "`fields.consumption.path`: is missing"),
        (
            'format = "unix-s"',
            'format = "rfc850"',
            "`time.format`: `rfc850` is none of unix-s, unix-ms, unix-us, unix-ns, iso8601, pattern",
        ),
        ('format = "unix-s"', "", "`time.format`: is missing"),
        ('format = "unix-s"', 'format = "unix-s"\nsource = "sun"', "`time.source`: `sun` is none of device, network"),
        ('path = "seq"', "", "`sequence.path`: is missing"),
        (
            "[sequence]",
            '[authentication]\nscheme = "mac0"\n[sequence]',
            "`sequence.path`: should be left out: with `mac0` the partial",
        ),
        (
            "[sequence]",
            '[authentication]\nscheme = "rot13"\n[sequence]',
            "`authentication.scheme`: `rot13` is none of none, mac0",
        ),
        ("[sequence]", '[cap]\nspace = "moon"\n[sequence]', "`cap.space`: `moon` is none of none, city, district, block, exact"),
        ("[sequence]", "[cap]\nretain = 5\n[sequence]", "`cap.retain`: is not a known key"),
        (', pt = "Contador"', "", "`title.pt`: is missing"),
    ],
)
def test_parse_of_a_device_class_with_a_fault_names_the_key(old: str, new: str, line: str) -> None:
    """Faults of a device profile name its own file."""
    assert old in METER
    text = METER.replace(old, new, 1)
    fault = _fault(small_city(files={"devices/meter.toml": text.encode()}))
    assert fault.startswith(f"`devices/meter.toml`: {line}")


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("neighbourhoods/old.toml", OLD.replace("time", "tiem"), "`neighbourhoods/old.toml`: `ceiling.tiem`: is not a known key"),
        ("neighbourhoods/old.toml", OLD.split("[ceiling]")[0], "`neighbourhoods/old.toml`: `ceiling`: is missing"),
        ("neighbourhoods/Old.toml", OLD, "`neighbourhoods/Old.toml`: `Old` is no name of lower-case letters"),
        ("devices/a b.toml", METER, "`devices/a b.toml`: `a b` is no name of lower-case letters"),
        ("devices/sub/meter.toml", METER, "`devices/sub/meter.toml`: is neither `city.toml` nor "),
        ("town.toml", CITY, "`town.toml`: is neither `city.toml` nor "),
    ],
)
def test_parse_of_a_neighbourhood_or_stray_file_with_a_fault_names_it(path: str, text: str, line: str) -> None:
    """Faults of a neighbourhood, of file names and of files in the wrong place."""
    assert _fault(small_city(files={path: text.encode()})).startswith(line)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"\xff\xfe", "`city.toml`: is not utf-8, but looks like utf-16: save it as utf-8"),
        (b"[city\n", "`city.toml`: is not toml: expected "),
        (b"a = 1\na = 2\n", "`city.toml`: is not toml: cannot overwrite a value (at line 2, column 6)"),
        (b"[city]\n[limits]\n[city]\n", "`city.toml`: is not toml: `city` stands there twice, the second time in line 3"),
        (CITY.encode()[:500], "`city.toml`: "),
        (b"a = " + b"[" * 5000, "`city.toml`: arrays and tables lie more than 16 deep in each other (line 1)"),
        (b"a = 1e9999999999999999999", "`city.toml`: "),
        (b"a = " + b"9" * 5000, "`city.toml`: a key, number or date is longer than 128 characters (line 1)"),
        (b"", "`city.toml`: `city`: is missing"),
        (b"city = 5", "`city.toml`: `city`: should be a table, not a whole number"),
        (b'"a\\nb" = 5', "`city.toml`: `a\\nb`: is not a known key"),
    ],
)
def test_parse_of_what_is_no_policy_text_says_where(data: bytes, line: str) -> None:
    """Half-written files, files in another encoding and other accidents."""
    assert _fault(small_city(files={"city.toml": data})).startswith(line)


def test_parse_without_a_city_says_so() -> None:
    """An empty folder and one without `city.toml` have the same fault."""
    files = small_city()
    del files["city.toml"]
    assert _fault({}) == _fault(files) == "`city.toml`: is missing"


@given(st.data())
def test_parse_of_a_damaged_city_gives_policies_or_one_fault(data: st.DataObject) -> None:
    """Whatever is cut or overwritten, there is a policy set or one ``PolicyError``, and nothing else."""
    text = bytearray(CITY.encode())
    start = data.draw(st.integers(0, len(text) - 1))
    text[start : start + data.draw(st.integers(0, 80))] = data.draw(
        st.binary(max_size=10) | st.sampled_from([b"-1", b"nan", b"\n[x]\n"])
    )
    try:
        parse_policies(small_city(files={"city.toml": bytes(text)}))
    except PolicyError as error:
        assert "\n" not in str(error)  # noqa: PT017  # one or the other is right
