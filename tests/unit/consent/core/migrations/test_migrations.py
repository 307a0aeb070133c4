"""Migrations: the edits that a version asks for are made, and what remains is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consent.core.migrations import migrations
from consent.core.migrations.migrations import migrate
from consent.core.outcome import decide_device
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet, Unsupported
from consent.errors import PolicyError
from consent.policy_files import read_policy_files
from tests.support.checkout import ROOT
from tests.support.city import city
from tests.support.consent_samples import NOW_MS, agreed, policies, small_city
from tests.support.gate import town

LOUDEST = ('statistic = { consumption = "sum" }', 'statistic = { consumption = "max" }')


def test_folder_with_nothing_to_do_stays_as_it_is() -> None:
    """Byte for byte."""
    migrated = migrate(small_city())
    assert (migrated.files, migrated.edits, migrated.by_hand) == (small_city(), (), ())


def test_statistic_of_one_home_becomes_the_mean_and_the_result_is_permitted() -> None:
    """With file, line, key, and what it was; nothing else differs."""
    before = small_city(LOUDEST)
    migrated = migrate(before)
    (step,) = migrated.edits
    assert (step.change.file, step.change.key, step.change.old, step.change.new) == (
        "city.toml",
        "flow.hourly.statistic.consumption",
        "max",
        "mean",
    )
    assert before["city.toml"].decode().splitlines()[step.line - 1] == LOUDEST[1]
    assert migrated.files == small_city((LOUDEST[0], LOUDEST[1].replace("max", "mean")))
    assert parse_policies(migrated.files).unsupported == ()
    assert migrated.by_hand == ()
    assert migrate(migrated.files).edits == ()


def test_every_statistic_of_a_flow_is_migrated_and_public_ones_stay() -> None:
    """Edits follow one another in one file."""
    asking = town(
        ('statistic = { LAeq = "mean" }\npurpose = "quiet"', 'statistic = { LAeq = "min" }\npurpose = "quiet"'),
        ('statistic = { LAeq = "mean" }\npurpose = "streets"', 'statistic = { LAeq = "max" }\npurpose = "streets"'),
        ('statistic = { totalConsumption = "delta" }', 'statistic = { totalConsumption = "max" }'),
    )
    migrated = migrate(asking.files)
    assert [(step.change.key, step.change.old) for step in migrated.edits] == [
        ("flow.register.statistic.totalConsumption", "max"),
        ("flow.nights.statistic.LAeq", "min"),
    ]
    after = parse_policies(migrated.files)
    assert after.unsupported == ()
    assert str(after.flows["street-hourly"].statistic_of("LAeq")) == "max"


def test_what_cannot_be_edited_is_left_to_hand_once() -> None:
    """Named with its line; so is what no migration knows."""
    written = ('statistic = { consumption = "sum" }', 'statistic = { consumption = "m\\u0061x" }')
    migrated = migrate(small_city(written))
    (step,) = migrated.by_hand
    assert migrated.edits == ()
    assert step.change.key == "flow.hourly.statistic.consumption"
    assert small_city(written)["city.toml"].decode().splitlines()[step.line - 1] == written[1]


def test_what_no_migration_knows_is_left_to_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what is wrong with it."""
    unknown = Unsupported("city.toml", "flow.hourly.purpose", "is no longer permitted: write another", "hourly", "consumption")

    def parsed(files: dict[str, bytes]) -> PolicySet:
        return replace(parse_policies(files), unsupported=(unknown,))

    monkeypatch.setattr(migrations, "parse_policies", parsed)
    (step,) = migrate(small_city()).by_hand
    assert (step.change.key, step.change.why) == (unknown.key, unknown.message)
    assert small_city()["city.toml"].decode().splitlines()[step.line - 1].startswith("purpose")


def test_consent_to_the_former_statistic_does_not_cover_the_new_one() -> None:
    """What a figure is made of is a term: residents are asked anew, and nothing leaves until they answer."""
    asking = policies(LOUDEST)
    after = parse_policies(migrate(asking.files).files)
    given = agreed(asking, "hourly")
    assert decide_device(after, "hourly", [given], "mill", "meter", NOW_MS).reason == "invalidated"


def test_wide_clamps_are_suggested_and_not_edited() -> None:
    """Only the city knows what a home of its own can be."""
    migrated = migrate(small_city())
    assert [note.key for note in migrated.suggestions] == ["property.consumption.clamp", "property.LAeq.clamp"]


def test_folder_that_cannot_be_understood_is_not_migrated() -> None:
    """A malformed text is an error here as everywhere."""
    with pytest.raises(PolicyError):
        migrate({"city.toml": b"[city"})


def test_shipped_city_needs_no_edit_and_no_suggestion() -> None:
    """The city that is copied is as this version asks."""
    migrated = migrate(read_policy_files(ROOT / "policies"))
    assert (migrated.edits, migrated.by_hand, migrated.suggestions) == ((), (), ())


def test_limits_that_bind_nothing_any_more_are_taken_out_with_their_lines() -> None:
    """Whatever else stands on them; the rest stays byte for byte."""
    limits = "share = 0.15  # of a figure\np=15\nexact_group = 1\n"
    migrated = migrate(small_city(("exact_group = 1\n", limits)))
    assert [(step.change.key, step.change.old) for step in migrated.edits] == [("limits.share", "0.15"), ("limits.p", "15")]
    assert migrated.files == small_city()
    assert migrated.by_hand == ()


def test_limits_in_a_form_that_cannot_be_edited_are_left_to_hand() -> None:
    """An inline table is one line."""
    migrated = migrate(small_city(("[limits]\nexact_group = 1\n", ""), ("[city]", "limits = { share = 0.15 }\n[city]")))
    assert [(step.change.key, step.line) for step in migrated.by_hand] == [("limits.share", 2)]
    assert migrated.edits == ()


def test_city_of_before_quantities_is_told_all_that_people_have_to_decide() -> None:
    """Whether there is noise, how much, of what, and what an ε of before is to be as a μ."""
    town = city().ceiling(budget=3).former().district("north").zone("mill", "north").measures("consumption").purpose("energy")
    town = town.recipient("office").neighbourhood("old", budget=1).device("meter", {"consumption": "kwh"})
    asked = {"identity": "aggregate", "space": "district", "retention": 30}
    for name, budget in (("hourly", {}), ("noisy", {"budget": 0.5})):
        ask = asked | budget
        town.flow(name, "consumption", statistic="sum", purpose="energy", recipient="office", time="1h", **ask)  # type: ignore[arg-type]
    migrated = migrate({path: text.encode() for path, text in town.files().items()})
    assert [step.change.key for step in migrated.edits] == ["limits.share", "limits.p"]
    assert [(step.change.file, step.change.key) for step in migrated.by_hand] == [
        ("city.toml", "flow.hourly.ask.budget"),
        ("city.toml", "flow.hourly.properties"),
        ("city.toml", "flow.noisy.properties"),
        ("city.toml", "ceiling.budget"),
        ("city.toml", "flow.noisy.ask.budget"),
        ("neighbourhoods/old.toml", "ceiling.budget"),
    ]
