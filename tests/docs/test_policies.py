"""`docs/policies.md` lists the keys that the program reads, each with whether it may be left out, and its examples hold."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec
import pytest

from consent.core.cases import parse, residents
from consent.core.cases.cases import REASONS, try_case
from consent.core.cases.parse import read_cases
from consent.core.consents.records import Status
from consent.core.disclosure import AxisLevel, Identity, Space, Time
from consent.core.policies import bounds, use
from consent.core.policies import parse as policy_text
from consent.core.policies.policy import LegalBasis, Statistic
from consent.core.policies.tables import flows, quantities, signs, subjects
from consent.core.profiles import fields as field_text
from consent.core.profiles import parse as profile_text
from consent.core.profiles import selection, timing
from consent.core.profiles.profile import AbsentSequence, Codec, Compression, Restart, Scheme, TimeFormat, TimeOrigin
from consent.core.toml.file import Table, TomlFile
from gateway.core.examples import example
from gateway.core.examples.compare import try_example
from tests.docs.pages import pages
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.profiles import parsed_profile

PAGE = pages()["docs/policies.md"]
TABLES: dict[str, type[Table]] = {
    "Bounds": bounds.BoundsTable,
    "`city.toml`": policy_text.CityFile,
    "`[city]`": policy_text.CityTable,
    "`[use]`": use.UseTable,
    "`[limits]`": quantities.LimitsTable,
    "`[district.<id>]`": policy_text.DistrictTable,
    "`[zone.<id>]`": policy_text.ZoneTable,
    "`[property.<property>]`": flows.PropertyTable,
    "`[quantity.<id>]`": quantities.QuantityTable,
    "`[purpose.<id>]`": flows.PurposeTable,
    "`[recipient.<id>]`": flows.RecipientTable,
    "`[sign.<id>]`": signs.SignTable,
    "`[flow.<id>]`": flows.FlowTable,
    "`ask`": bounds.AskTable,
    "`neighbourhoods/<id>.toml`": policy_text.NeighbourhoodFile,
    "`devices/<id>.toml`": profile_text.ProfileTable,
    "`[hub]`": selection.HubTable,
    "`[fields.<property>]`": field_text.FieldTable,
    "`counter`": field_text.CounterTable,
    "`[time]`": timing.TimeTable,
    "`[sequence]`": timing.SequenceTable,
    "`[repeat]`": timing.RepeatTable,
    "`[authentication]`": profile_text.AuthenticationTable,
    "`[[example]]`": example.ExampleTable,
    "`readings`": example.ReadingTable,
    "`[case.<id>]`": parse.CaseTable,
    "`residents`": residents.ConsentTable,
    "`told`": residents.ToldTable,
}
CHOICES: dict[tuple[str, str], type[StrEnum | AxisLevel]] = {
    ("Bounds", "identity"): Identity,
    ("Bounds", "time"): Time,
    ("Bounds", "space"): Space,
    ("`[purpose.<id>]`", "legal_basis"): LegalBasis,
    ("`[flow.<id>]`", "statistic"): Statistic,
    ("`devices/<id>.toml`", "codec"): Codec,
    ("`devices/<id>.toml`", "compression"): Compression,
    ("`counter`", "restarts"): Restart,
    ("`[sequence]`", "absent"): AbsentSequence,
    ("`[time]`", "format"): TimeFormat,
    ("`[time]`", "source"): TimeOrigin,
    ("`[authentication]`", "scheme"): Scheme,
    ("`residents`", "status"): Status,
}
_SECTION = re.compile(r"^##+ (?P<title>.+)\n(?P<text>(?:(?!#).*\n)*)", re.MULTILINE)
_ROW = re.compile(r"^\| `(?P<key>[a-z_]+)` \| (?P<required>yes|no) \| (?P<value>.*) \|$", re.MULTILINE)


def rows(title: str) -> dict[str, tuple[bool, str]]:
    """Return (required, value) of each key that a section lists."""
    (text,) = (match["text"] for match in _SECTION.finditer(PAGE.prose()) if match["title"] == title)
    return {match["key"]: (match["required"] == "yes", match["value"]) for match in _ROW.finditer(text)}


@pytest.mark.parametrize("title", TABLES)
def test_table_lists_the_keys_that_the_program_reads(title: str) -> None:
    """Each key, no other, and rightly whether it may be left out."""
    read = {field.name: field.required for field in msgspec.structs.fields(TABLES[title])}
    assert {key: required for key, (required, _) in rows(title).items()} == read


def test_every_table_of_policies_and_cases_is_documented() -> None:
    """A struct that is added to the readers is added to the page."""
    rooms = (residents, parse, bounds, profile_text, field_text, selection, timing, example, flows, quantities, policy_text, use)
    shapes = {shape for room in rooms for shape in vars(room).values() if isinstance(shape, type) and issubclass(shape, Table)}
    parts = {Table, parse.CaseFile, example.MessageTable, selection.PresenceTable, subjects.FiguresTable}
    assert shapes - parts == set(TABLES.values())


@pytest.mark.parametrize(("title", "key"), CHOICES, ids=str)
def test_row_names_every_choice(title: str, key: str) -> None:
    """Each member that a key may have, between backticks."""
    named = set(re.findall(r"`([^`]+)`", rows(title)[key][1]))
    assert {each.label if isinstance(each, AxisLevel) else str(each) for each in CHOICES[title, key]} == named


def test_row_of_reasons_names_every_reason() -> None:
    """All that a case can expect."""
    assert set(re.findall(r"`([^`]+)`", rows("`[case.<id>]`")["reason"][1])) == set(REASONS)


def test_row_of_refusals_names_every_reason() -> None:
    """All that an example can expect."""
    assert set(re.findall(r"`([^`]+)`", rows("`[[example]]`")["reject"][1])) == example.REASONS


def test_examples_of_cases_hold_on_the_shipped_policies() -> None:
    """What the page shows can be copied."""
    policies = load_policies(ROOT / "policies")
    examples = [block.text for block in PAGE.blocks("toml") if "[case." in block.text]
    cases = [case for text in examples for case in read_cases("docs/policies.md", text.encode(), policies)]
    assert len(cases) == 2
    assert not [outcome for outcome in (try_case(policies, case) for case in cases) if not outcome.passed]


def test_examples_of_classes_hold_on_the_shipped_meter() -> None:
    """What the page shows can be copied."""
    policies = load_policies(ROOT / "policies")
    profile = policies.profiles["meter"]
    (text,) = [block.text for block in PAGE.blocks("toml") if "[[example]]" in block.text]
    examples = example.read_examples(TomlFile("docs/policies.md", text.encode()), profile)
    assert len(examples) == 2
    assert not [each for each in (try_example(one, profile, policies.properties) for one in examples) if not each.passed]


def test_example_of_conditions_is_a_part_of_a_profile() -> None:
    """What the page shows can be copied."""
    (text,) = [block.text for block in PAGE.blocks("toml") if "[match]" in block.text]
    assert len(parsed_profile(text).match.conditions) == 3
