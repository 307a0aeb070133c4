"""Explanations: a sentence for every outcome in every language, and the right names for whoever sets a limit."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.core.consents.records import Consent, Status
from consent.core.decide import Decision, Owner, decide
from consent.core.disclosure import BOTTOM, TOP, AxisLevel, Disclosure, Identity, Space, Time
from consent.core.explain.explain import OF_CONSENT, OF_LIMITS, OF_RULES, Explanation, ExplanationRequest, explain
from consent.core.explain.phrases import SENTENCES, PhraseBook
from consent.core.exposure import Exposure, Telling
from consent.core.languages import LANGUAGES
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from tests.support.consent_samples import BEN, METER, NOW_MS, SUBJECT, agreed, limits_of, points, policies, small_city

SOUND = METER.replace("fields.consumption", "fields.LAeq").replace("kwh", "db").replace("kW.h", "dB").replace("Meter", "Ear")
CITY = parse_policies(small_city(files={"devices/sound.toml": SOUND.encode()}))
GIVEN = agreed(CITY, "hourly")
DECIDED = set(re.findall(r"`([a-z-]+)`", (Decision.__doc__ or "").partition("one of")[2].partition("bounds:")[0]))
BY_THE_GATEWAY = {"group", "no-noise", "no-recipient", "not-measured", "retention", "unknown-class", "unsupported"}
OUGHT_NOT = re.compile(r"[{}]|None|\bnan\b|  |“”|«»|\(\)")

Consents = Sequence[Consent | None] | None


def explained(
    flow: str = "hourly",
    consents: Consents = (GIVEN,),
    zone: str = "mill",
    profile: str = "meter",
    *,
    city: PolicySet = CITY,
    language: str = "en",
    asker: int | None = None,
    owner: Owner = Owner.RESIDENT,
) -> Explanation:
    """Decide and explain."""
    decision = decide(city, flow, consents, zone, city.profiles[profile].cap, NOW_MS, owner)
    return explain(ExplanationRequest(city, flow, consents, zone, profile, NOW_MS, owner, asker), decision, language)


def holders(explanation: Explanation) -> dict[str, str]:
    """Return who bounds each axis, in words."""
    return {note.axis: note.holders_text for note in explanation.axes}


# words


def test_words_name_every_level_of_the_lattice() -> None:
    """Also those that no flow may ask for."""
    for level in (*Identity, *Time, *Space):
        assert f"{type(level).__name__.lower()}.{level.label}" in SENTENCES["en"]


def test_reasons_are_all_of_those_that_decide_and_the_gateway_give() -> None:
    """A reason that is new has to be put into words."""
    assert {"no-consent", "not-aggregable"} <= DECIDED
    assert {*OF_CONSENT, *OF_LIMITS, *OF_RULES} == DECIDED | BY_THE_GATEWAY


def withholding(reason: str, language: str = "en") -> Explanation:
    """Explain a decision with a reason, for somebody for whom it can come about."""

    def said(flow: str = "hourly", consents: Consents = (GIVEN,), **otherwise: Any) -> Explanation:
        return explained(flow, consents, language=language, **otherwise)

    statuses = {"refused": Status.REFUSED, "withdrawn": Status.WITHDRAWN, "paused": Status.PAUSED, "revoked": Status.REVOKED}
    statuses |= {"expired": Status.EXPIRED, "invalidated": Status.INVALIDATED, "requested": Status.REQUESTED}
    if reason in statuses:
        return said(consents=[replace(GIVEN, status=statuses[reason], limits=BOTTOM)])
    closed = limits_of(space=Space.NONE)
    match reason:
        case "no-consent":
            return said(consents=[None])
        case "ceiling":
            return said(city=replace(CITY, ceiling=closed))
        case "class-cap":
            shut = replace(CITY.profiles["meter"], cap=closed)
            return said(city=replace(CITY, profiles={**CITY.profiles, "meter": shut}))
        case "not-aggregable":
            return said("raw", [agreed(CITY, "raw", limits_of(identity=Identity.AGGREGATE))])
        case "no-subject-consent":
            return said(consents=None)
        case "has-subject":
            return said("noise", profile="sound", owner=Owner.CITY)
        case "resident-owned":
            return said("noise", profile="sound")
        case "unknown-flow":
            return said("nowhere")
        case "unknown-zone":
            return said(zone="nowhere")
        case "unknown-class" | "not-measured":
            matter = ExplanationRequest(
                CITY, "hourly", [GIVEN], "mill", "nothing" if reason == "unknown-class" else "sound", NOW_MS, Owner.RESIDENT
            )
            return explain(matter, Decision(BOTTOM, reason, (), 0, None), language)
        case "unsupported":
            asking = policies(('"sum" }', '"max" }'))
            matter = ExplanationRequest(asking, "hourly", [agreed(asking, "hourly")], "mill", "meter", NOW_MS, Owner.RESIDENT)
            return explain(matter, matter.decide(), language)
        case "budget":
            return said(consents=[agreed(CITY, "hourly", limits_of(budget=0.1))])
        case "no-noise" | "no-recipient" | "group" | "retention":
            leaving_out: dict[str, dict[str, Any]] = {"no-noise": {"former_epsilon": 0.5}, "group": {"group": 99}}
            leaving_out["retention"] = {"retention_days": 1}
            limits = limits_of(**leaving_out.get(reason, {}))
            consents = [agreed(CITY, "hourly", limits)]
            decision = decide(CITY, "hourly", consents, "mill", TOP, NOW_MS)
            return explain(
                ExplanationRequest(CITY, "hourly", consents, "mill", "meter", NOW_MS, Owner.RESIDENT), decision, language, reason
            )
    raise AssertionError(reason)


@pytest.mark.parametrize("reason", sorted(DECIDED | BY_THE_GATEWAY))
def test_explanation_of_every_reason_is_a_whole_sentence_in_every_language(reason: str) -> None:
    """It says that nothing leaves, why, and what would change it, and nothing leaves."""
    said = {language: withholding(reason, language) for language in LANGUAGES}
    for explanation in said.values():
        assert (explanation.reason, explanation.disclosure, explanation.expires_ms) == (reason, BOTTOM, None)
        assert_whole(explanation)
        assert len(explanation.sentences) == 3
    for one, other in combinations(said.values(), 2):
        assert not set(one.sentences) & set(other.sentences)


@pytest.mark.parametrize("language", LANGUAGES)
def test_explanation_of_every_level_is_a_whole_sentence(language: str) -> None:
    """For households and for the city's own sensors."""
    for identity, time, space in product([*Identity][1:], [*Time][1:], [*Space][1:]):
        told = limits_of(identity=identity, time=time, space=space, group=15, retention_days=1)
        for flow, profile, consents, owner in (
            ("hourly", "meter", [GIVEN], Owner.RESIDENT),
            ("noise", "sound", None, Owner.CITY),
        ):
            matter = ExplanationRequest(CITY, flow, consents, "mill", profile, NOW_MS, owner)
            explanation = explain(matter, Decision(told, "", (), 0, None), language)
            assert_whole(explanation)
            assert len(explanation.sentences) == 4


def assert_whole(explanation: Explanation) -> None:
    """Check that sentences are sentences."""
    for sentence in explanation.sentences:
        assert not OUGHT_NOT.search(sentence), sentence
        assert sentence[0].isupper()
        assert sentence[-1] in ".!?"
    for note in explanation.axes:
        assert note.label
        assert note.value_text
        assert note.more.endswith(".")
        assert not OUGHT_NOT.search(f"{note.label} {note.value_text} {note.summary} {note.more}")
    assert json.loads(json.dumps(explanation.as_data()))["text"] == " ".join(explanation.sentences)


# how far all that leaves tells


NOISY = Exposure("electricity", ("consumption",), Telling.NOISY, day_mu=2.0)


def test_explanation_ends_with_the_odds_of_all_that_leaves_of_the_quantity() -> None:
    """Not of the flow alone: recipients may join what they have. And only of what the flow tells."""
    request = ExplanationRequest(CITY, "hourly", [GIVEN], "mill", "meter", NOW_MS, Owner.RESIDENT)
    other = Exposure("noise", ("LAeq",), Telling.EXACT)
    explanation = explain(request, request.decide(), "en", exposures=[NOISY, other])
    assert explanation.sentences[-1] == (
        "From all that your household permits of “consumption”, someone who knows everything about all others is right about "
        "your day at most 84 times in 100; guessing is right 50 times. About your whole month: nearly always."
    )
    (shown,) = explanation.as_data()["exposures"]
    assert shown == {**NOISY.as_data(), "text": explanation.sentences[-1]}


def test_explanation_of_what_does_not_leave_tells_no_odds() -> None:
    """They would be of something else."""
    request = ExplanationRequest(CITY, "hourly", [None], "mill", "meter", NOW_MS, Owner.RESIDENT)
    explanation = explain(request, request.decide(), "en", exposures=[NOISY])
    assert explanation.exposures == ()
    assert "times in 100" not in " ".join(explanation.sentences)


@pytest.mark.parametrize("telling", list(Telling))
def test_every_way_of_telling_is_a_whole_sentence_in_every_language(telling: Telling) -> None:
    """By the day and by the week, with the same numbers in each language."""
    for exposure in (replace(NOISY, telling=telling), replace(NOISY, telling=telling, day_mu=0.0, week_mu=0.62)):
        said = [" ".join(PhraseBook(CITY, language).exposed(exposure).split()) for language in LANGUAGES]
        assert len(set(said)) == len(LANGUAGES)
        assert len({tuple(re.findall(r"\d+", text)) for text in said}) == 1
        for text in said:
            assert not OUGHT_NOT.search(text)
            assert text[-1] == "."
            assert ("100" in text) is (telling is Telling.NOISY)


def test_odds_of_a_month_are_a_number_as_long_as_they_are_not_nearly_certain() -> None:
    """With μ = 0.3 a day someone is right 79 times about a month."""
    assert PhraseBook(CITY, "en").exposed(replace(NOISY, day_mu=0.3)).endswith("About your whole month: at most 79 times in 100.")
    weekly = replace(NOISY, day_mu=0.0, week_mu=2.5)
    assert PhraseBook(CITY, "es").exposed(weekly).endswith("Sobre cuatro de sus semanas juntas: casi siempre.")


# what they say


def test_explanation_names_no_axis_that_nobody_bounds() -> None:
    """Who asks for a pseudonym that lasts, exactly where and when, is held by nobody there; whoever limits is named."""
    wide = limits_of(identity=Identity.STABLE, time=Time.EXACT, space=Space.EXACT, retention_days=30)
    asking = replace(CITY, ceiling=TOP, flows={**CITY.flows, "raw": replace(CITY.flows["raw"], ask=wide)})
    told = explained("raw", [agreed(asking, "raw")], city=asking)
    assert [note.axis for note in told.axes] == ["retention"]
    assert all(note.bounded_by for note in told.axes)
    own = explained("raw", [agreed(asking, "raw", limits_of(time=Time.DAY))], city=asking)
    assert [(note.axis, note.holders_text) for note in own.axes if note.axis == "time"] == [("time", "your own answer")]


def test_explanation_says_what_leaves_how_coarse_to_whom_why_and_for_how_long() -> None:
    """Everything that a citizen has to be told stands in the sentences."""
    text = " ".join(explained().sentences)
    for said in ("consumption", "at least 15", "by the hour", "North", "0.1 kWh", "Office", "Energy", "365 days", "To plan."):
        assert said in text


def test_explanation_in_portuguese_uses_the_citys_titles_and_decimal_comma() -> None:
    """Titles come from the policies, numbers are written as people write them."""
    text = " ".join(explained(language="pt").sentences)
    for said in ("pelo menos, 15", "Norte", "0,1 kWh", "«Gabinete»", "«Energia»", "365 dias", "Para planear."):
        assert said in text


def test_explanation_in_a_language_that_the_city_lacks_falls_back_to_its_first_for_titles() -> None:
    """The sentence is in the language asked for all the same."""
    text = " ".join(explained(language="es").sentences)
    assert "«Office»" in text
    assert "Lo recibe" in text


def test_explanation_for_one_who_need_share_with_nobody_says_so() -> None:
    """A figure over one is no company."""
    city = replace(CITY, ceiling=TOP)
    alone = replace(city.flows["hourly"], ask=replace(city.flows["hourly"].ask, group=1))
    city = replace(city, flows={**city.flows, "hourly": alone})
    assert "about you alone" in explained(consents=[agreed(city, "hourly")], city=city).sentences[0]


def test_explanation_above_figures_speaks_of_no_group() -> None:
    """A ceiling's group does not bind a pseudonym's totals, so it must not comfort anybody."""
    explanation = explained("daily", [agreed(CITY, "daily")])
    assert explanation.disclosure.group == 10
    assert "10" not in " ".join(explanation.sentences)
    assert "group" not in holders(explanation)


def test_explanation_of_open_data_says_that_anyone_may_read_it() -> None:
    """A recipient without a key is everyone."""
    assert "open data that anyone may read" in explained("noise", None, profile="sound", owner=Owner.CITY).sentences[2]


def test_explanation_names_the_neighbourhood_by_its_title_and_the_resident_who_limits() -> None:
    """One's own answer and another's are told apart; with one resident there is no other."""
    limited = agreed(CITY, "hourly", limits_of(space=Space.CITY))
    free = agreed(CITY, "hourly", resident=BEN)
    alone = holders(explained(consents=[limited], zone="chapel"))
    assert alone["time"] == "the limit of the neighbourhood “Old town”"
    assert alone["space"] == "your own answer"
    assert holders(explained(consents=[limited, free], asker=0))["space"] == "your own answer"
    assert holders(explained(consents=[limited, free], asker=1))["space"] == "another resident's answer"
    assert holders(explained(consents=[limited, free]))["space"] == "a resident's answer"


def test_explanation_names_the_class_and_everybody_who_holds_an_axis_together() -> None:
    """More leaves only if all of them change."""
    meter = replace(CITY.profiles["meter"], cap=limits_of(space=Space.DISTRICT))
    explanation = explained(city=replace(CITY, profiles={"meter": meter}))
    (note,) = [note for note in explanation.axes if note.axis == "space"]
    assert note.bounded_by == ("ask", "class-cap")
    assert note.more.endswith("what this use of data asks for, the limit for sensors of the kind “Meter”.")


def test_explanation_where_several_refuse_says_it_of_each_and_ones_own_first() -> None:
    """Two who say no alike are told once."""
    refused, paused = replace(GIVEN, status=Status.REFUSED), replace(GIVEN, status=Status.PAUSED)
    explanation = explained(consents=[refused, refused, paused], asker=2)
    assert explanation.sentences[1:3] == ("Your own answer is paused.", "Another resident's answer is no.")
    assert explanation.axes[0].bounded_by == ("consent:0", "consent:1", "consent:2")


def test_explanation_of_what_was_invalidated_holds_also_where_the_terms_are_the_former_ones_again() -> None:
    """Terms that are changed back, and a restored gateway, revive nothing: today's may be those that were agreed to."""
    assert GIVEN.terms == CITY.terms_for("hourly")
    assert withholding("invalidated").sentences[1].endswith(" ended when the terms changed or the gateway was restored.")


def test_explanation_of_a_household_without_residents_says_that_nobody_can_answer() -> None:
    """It is nobody's answer that is missing."""
    assert "Nobody is entered" in explained(consents=[]).sentences[1]


def test_explanation_where_limits_close_names_only_those_that_do() -> None:
    """Who merely holds some other axis is not to blame."""
    closed = replace(CITY, neighbourhoods={"old": limits_of(space=Space.NONE, time=Time.HOUR_4)})
    explanation = explained(zone="chapel", city=closed)
    assert explanation.sentences[1] == "There are limits that do not permit it: the limit of the neighbourhood “Old town”."
    own = explained(consents=[agreed(CITY, "hourly", limits_of(time=Time.NONE))])
    assert (own.reason, own.sentences[1]) == ("refused", "There are limits that do not permit it: your own answer.")


def test_explanation_where_only_figures_are_permitted_says_whose_limit_it_is() -> None:
    """The way out is that limit, not the city's rules."""
    explanation = withholding("not-aggregable")
    assert explanation.sentences[2] == "More would leave only if the following changed: your own answer."
    for reason in ("no-noise", "group", "retention", "budget"):
        assert withholding(reason).sentences[2] == "More would leave only if the following changed: your own answer."


def test_explanation_tells_nothing_that_identifies() -> None:
    """No id of a subject or resident stands in it."""
    for explanation in (explained(consents=[GIVEN, agreed(CITY, "hourly", resident=BEN)]), withholding("refused")):
        text = json.dumps(explanation.as_data())
        assert not [each for each in (SUBJECT, BEN) if each.hex() in text]


@settings(deadline=None)
@given(points(), points(), points(), points(), st.sampled_from(["hourly", "daily"]))
def test_explanation_is_sound(first: Disclosure, second: Disclosure, ceiling: Disclosure, cap: Disclosure, flow: str) -> None:
    """Without all that are named an axis rises, without anybody else it stays: so does what is said about what would help."""
    meter = replace(CITY.profiles["meter"], cap=cap)
    city = replace(CITY, ceiling=ceiling, profiles={"meter": meter})
    consents = [agreed(CITY, flow, first), agreed(CITY, flow, second, BEN)]
    explanation = explained(flow, consents, "chapel", city=city)
    if explanation.reason:
        return
    speakers = {"ask", "ceiling", "class-cap", "neighbourhood:old", "consent:0", "consent:1"}
    for note in explanation.axes:
        assert set(note.bounded_by) <= speakers
        lifted = _without(city, flow, consents, set(note.bounded_by))
        assert note.value == _written(explanation.disclosure, note.axis)
        if lifted != BOTTOM:  # a figure over an exact time is none
            assert (_written(lifted, note.axis) != note.value) is bool(note.bounded_by) or _is_first_step(lifted, note.axis)
        for other in speakers - set(note.bounded_by):
            same = _without(city, flow, consents, {other})
            assert same == BOTTOM or _written(same, note.axis) == note.value or not note.bounded_by


def _without(city: PolicySet, flow: str, consents: Sequence[Consent], sources: set[str]) -> Disclosure:
    """Decide as if some had set no limit at all."""
    asked = city.flows[flow]
    if "ask" in sources:
        asked = replace(asked, ask=TOP)
    fewer = replace(
        city,
        flows={**city.flows, flow: asked},
        ceiling=TOP if "ceiling" in sources else city.ceiling,
        neighbourhoods={"old": TOP if "neighbourhood:old" in sources else city.neighbourhoods["old"]},
    )
    limits = [TOP if f"consent:{n}" in sources else consent.limits for n, consent in enumerate(consents)]
    anew = [agreed(fewer, flow, each) for each in limits]
    cap = TOP if "class-cap" in sources else city.profiles["meter"].cap
    return decide(fewer, flow, anew, "chapel", cap, NOW_MS).disclosure


def _written(point: Disclosure, axis: str) -> object:
    if axis.startswith("precision."):
        return f"{point.step('consumption') or Decimal('0.001'):f}"
    value: object = point.retention_days if axis == "retention" else getattr(point, axis.replace("-", "_"))
    return value.label if isinstance(value, AxisLevel) else value


def _is_first_step(point: Disclosure, axis: str) -> bool:
    """Say whether nobody bounds a property any more, which is to be told to the first step of its ladder."""
    return axis == "precision.consumption" and point.step("consumption") is None
