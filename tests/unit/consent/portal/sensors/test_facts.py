"""Facts in the reader's words: in each language something, whatever the rules say, and links that lead where they say."""

from __future__ import annotations

import pytest

from consent.core.languages import LANGUAGES
from consent.portal.sensors.facts import Contact, contact, contacts_of, facts_of, kept_for, listed, who_to_ask
from consent.portal.sensors.uses import uses_of
from consent.portal.visit import Visit
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.street_city import street

RIBERA = load_policies(ROOT / "policies")


def test_facts_of_a_sound_level_meter() -> None:
    """What, to which step; why; who; in what form; for how long; on what basis."""
    (use,) = uses_of(RIBERA, "north-quay", "noise")
    facts = facts_of(use, Visit("en"))
    assert facts.what == ("Noise level, rounded down to 0.1\N{NO-BREAK SPACE}dB",)
    assert facts.why.startswith("To warn of bad air")
    assert (facts.who, facts.kept) == ("City environment office", "10 years at most")
    assert facts.how == "Each reading by itself, with its time, with this place"
    assert "watching over air" in facts.basis
    assert facts_of(use, Visit("pt")).what == ("Nível de ruído, com arredondamento para baixo a 0,1\N{NO-BREAK SPACE}dB",)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("time", ["exact", "1min", "15min", "1h", "4h", "day"])
@pytest.mark.parametrize("space", ["exact", "block", "district", "city"])
def test_every_form_has_words(language: str, time: str, space: str) -> None:
    """Whichever time and place policies let leave, as readings and as figures."""
    asked = {"recipient": "office", "purpose": "streets", "time": time, "space": space, "retention": 1}
    town = street().flow("single", "temperature", identity="per-record", **asked)  # type: ignore[arg-type]
    if time != "exact":
        town = town.flow("figures", "temperature", identity="aggregate", statistic="max", **asked)  # type: ignore[arg-type]
    uses = [use for use in uses_of(town.policies(), "mill", "station") if use.flow.id != "noise"]
    assert len(uses) == 1 + (time != "exact")
    assert all(facts_of(use, Visit(language)).how for use in uses)


def test_time_that_is_kept_is_in_years_where_it_is_whole_years() -> None:
    """And in days elsewhere."""
    english = Visit("en")
    assert [kept_for(days, english) for days in (1, 90, 365, 730, 731)] == [
        "1 day at most",
        "90 days at most",
        "1 year at most",
        "2 years at most",
        "731 days at most",
    ]


def test_titles_within_a_sentence_begin_small_but_for_names() -> None:
    """`CO2` is one."""
    assert listed(["Noise level", "CO2", "Ñandú", "X"]) == "noise level, CO2, ñandú, X"


def test_whom_to_ask_is_who_gets_it_and_the_city() -> None:
    """Each with links for what can be one; a recipient of whom the rules say nothing is left out."""
    uses = uses_of(RIBERA, "north-quay", "noise")
    office, town = who_to_ask(RIBERA, uses, Visit("en"))
    assert office.name == "City environment office"
    assert office.contacts == (
        Contact("environment@ribera.example", "mailto:environment@ribera.example"),
        Contact("+34 555 010 012", "tel:+34555010012"),
    )
    assert town.contacts[0] == Contact("ribera.example/sensors", "https://ribera.example/sensors")
    bare = street().policies()
    assert contacts_of(bare.recipients["office"]) == ()
    assert [each.name for each in who_to_ask(bare, uses_of(bare, "mill", "station"), Visit("en"))] == ["Town"]


@pytest.mark.parametrize(
    "text", ["Town hall, room 3", "javascript:alert(1)", "http://town.example", "a@b.example?bcc=c@d.example"]
)
def test_text_that_is_no_address_is_no_link(text: str) -> None:
    """`city.contact` may be any text."""
    assert contact(text) == Contact(text)
