"""Facts in the reader's words: in each language something, whatever the rules say."""

from __future__ import annotations

import pytest

from consent.core.languages import LANGUAGES
from consent.portal.sensors.facts import facts_of, listed
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


def test_titles_within_a_sentence_begin_small_but_for_names() -> None:
    """`CO2` is one."""
    assert listed(["Noise level", "CO2", "Ñandú", "X"]) == "noise level, CO2, ñandú, X"
