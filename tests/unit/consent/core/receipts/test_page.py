"""A receipt as a page: on one sheet, in the reader's language, with all that they have to know and nothing from anybody else."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from hashlib import sha256
from itertools import product
from pathlib import Path

import pytest

from consent.core.consents.records import Status
from consent.core.disclosure import BOTTOM, TOP, Disclosure, Identity, Time
from consent.core.languages import LANGUAGES
from consent.core.receipts.canonical_json import Json, read_receipt
from consent.core.receipts.page import LINES, SENTENCES, WIDTH, receipt_page
from consent.core.receipts.receipts import Issue
from consent.errors import RecordError
from tests.support.checkout import ROOT
from tests.support.consent_samples import NOW_MS, agreed, limits_of
from tests.support.policy_folder import load_policies
from tests.support.receipt_samples import CASES, PHONE, PLACE, receipt_of, signed, signed_with

RIBERA = load_policies(ROOT / "policies")
SCOPES = ("purpose:energy-planning", "energy-hourly", "energy-typical-week", "energy-daily-totals", "noise-hourly")
FIGURES = limits_of(identity=Identity.AGGREGATE)


def receipt(scope: str = "energy-hourly", status: Status = Status.GIVEN, limits: Disclosure = TOP) -> Json:
    """Return a receipt of the shipped city, with a label key and bundles on their way."""
    ending = status not in (Status.GIVEN, Status.RENEWED, Status.PAUSED)
    consent = replace(
        agreed(RIBERA, scope, BOTTOM if ending else limits),
        status=status,
        expiry_ms=None if ending else NOW_MS + 86_400_000,
        authority="Juzgado de Ribera" if status is Status.REVOKED else "",
    )
    return receipt_of(signed(consent), RIBERA, PLACE, Issue(NOW_MS + 1, b"l" * 32, (30, 41)))


@pytest.mark.parametrize(
    ("language", "where", "check", "find"),
    [
        ("en", "at the end", "--key KEY", "find LOG "),
        ("es", "al final", "--key CLAVE", "find REGISTRO "),
        ("pt", "no fim", "--key CHAVE", "find REGISTO "),
    ],
)
def test_page_that_was_not_checked_says_where_the_command_stands(language: str, where: str, check: str, find: str) -> None:
    """It stands below, with words of the page's language for what is to be put in."""
    verdict, _, rest = receipt_page(receipt(), asked=language, verdict="unchecked").partition("UTC")
    assert where in " ".join(verdict.split())
    assert check in rest
    assert find in rest


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", list(Status))
def test_page_of_every_status_fits_on_one_sheet_in_every_language(status: Status, language: str) -> None:
    """For every flow and purpose that the shipped city asks for, with limits on each axis."""
    most = limits_of(time=Time.HOUR_4, group=20, retention_days=30, budget=0.5)
    for scope, limits in product(SCOPES, (TOP, most)):
        page = receipt_page(receipt(scope, status, limits), asked=language, verdict="unchecked")
        lines = page.splitlines()
        assert len(lines) <= LINES, (scope, page)
        assert max(map(len, lines)) <= WIDTH
        assert not set("{}") & set(page)


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_of_what_a_passkey_signed_names_its_key_and_fits_its_sheet(language: str) -> None:
    """By it the holder finds the passkey in the history of the household."""
    for scope in SCOPES:
        consent = replace(agreed(RIBERA, scope, limits_of(time=Time.HOUR_4, group=20)), expiry_ms=NOW_MS + 86_400_000)
        made = receipt_of(signed_with(PHONE, consent), RIBERA, PLACE, Issue(NOW_MS + 1, b"l" * 32, (30, 41)))
        page = receipt_page(made, asked=language, verdict="unchecked")
        assert sha256(PHONE.public_key).hexdigest() in page
        assert len(page.splitlines()) <= LINES, (scope, page)
        assert max(map(len, page.splitlines())) <= WIDTH


def test_page_tells_who_what_why_how_much_until_when_and_how_to_withdraw_and_check() -> None:
    """In the words of the city, with the resident's own limits and no axis that they left open."""
    page = " ".join(receipt_page(receipt(limits=limits_of(time=Time.HOUR_4)), asked="en").split())
    for told in (
        "On 19 March 2026 at 23:00 UTC you said yes to “Electricity used, by the hour”.",
        "inside a figure about at least 15 participants, you included",
        "Time is told in stretches of four hours, place by the district, and the value in steps of 0.1 kWh.",
        "Who gets it: “City energy office”, for 730 days at most. What for: “Planning the electricity grid”.",
        "Why: To see when the grid is strained",
        "no more than this may leave: Time: in stretches of four hours. What really",
        "Until 21 March 2026 at 23:00 UTC, if you do not take it back before.",
        "at https://ribera.example/sensors. Once a withdrawal is confirmed",
        "Ayuntamiento de Ribera, Plaza del Puente 1, 00001 Ribera.",
        f"household {bytes(range(16)).hex()}",
        "entry 5 of the public log `sluice.town-1/log`",
        "sluice consent check-receipt receipt.jsonld --key KEY",
        "sluice audit find LOG --receipt receipt.jsonld",
    ):
        assert told in page, told
    assert "You set no limits of your own" in " ".join(receipt_page(receipt(), asked="en").split())


@pytest.mark.parametrize(("language", "log", "key"), [("es", "REGISTRO", "CLAVE"), ("pt", "REGISTO", "CHAVE")])
def test_page_names_what_to_type_in_its_own_language_and_where_it_stands(language: str, log: str, key: str) -> None:
    """The commands stand at the end, and what is to be put into them is no English word."""
    page = receipt_page(receipt(), asked=language, verdict="unchecked")
    assert f"audit find {log} --receipt" in page
    assert f"--key {key}" in page
    assert "type the command at the end of this page" in " ".join(
        receipt_page(receipt(), asked="en", verdict="unchecked").split()
    )


def test_page_of_what_ended_says_that_nothing_leaves_and_what_had_been_sent() -> None:
    """And asks for nothing in return: the next yes is the resident's."""
    page = " ".join(receipt_page(receipt(status=Status.WITHDRAWN), asked="pt").split())
    assert "retirou o seu sim a «Eletricidade consumida, por hora»" in page
    assert "Nada: com esta resposta não sai nenhum dado seu." in page
    assert "vejam-se estas entradas do registo: 30, 41." in page


def test_page_is_in_the_locales_language_where_the_receipts_city_has_it() -> None:
    """The receipt itself names the languages of its notice."""
    titles = {language: SENTENCES[language]["title"].upper() for language in LANGUAGES}
    assert receipt_page(CASES["Given"], locale="pt").startswith(titles["pt"])
    assert receipt_page(CASES["Given"], locale="es").startswith(titles["en"])
    assert receipt_page(CASES["Given"], locale="pt", asked="es").startswith(titles["es"])
    assert receipt_page(CASES["policies unknown"], locale="es").startswith(titles["es"])


@pytest.mark.parametrize("case", CASES)
def test_page_of_every_receipt_can_be_read(case: str) -> None:
    """Also where the policies that describe things were not known, and of the first version."""
    for language in LANGUAGES:
        assert receipt_page(CASES[case], asked=language)
    first = read_receipt((Path(__file__).parent / "first_version.jsonld").read_bytes())
    second = read_receipt((Path(__file__).parent / "second_version.jsonld").read_bytes())
    assert receipt_page(first) == receipt_page(second)


# how far it tells on somebody


@pytest.mark.parametrize(
    ("language", "day", "month"),
    [
        ("en", "is right about your day at most 84 times in 100;", "About your whole month: nearly always."),
        ("es", "acierta sobre su día, como mucho, 84 veces de cada 100;", "Sobre su mes entero: casi siempre."),
        ("pt", "acerta sobre o seu dia, no máximo, 84 vezes em 100;", "Sobre o seu mês inteiro: quase sempre."),
    ],
)
def test_page_tells_the_odds_of_figures_with_noise_by_the_day(language: str, day: str, month: str) -> None:
    """And does not promise of a month what holds of a day."""
    page = " ".join(receipt_page(receipt(), asked=language).split())
    assert day in page
    assert month in page


@pytest.mark.parametrize(
    ("language", "week", "weeks"),
    [
        ("en", "about your week at most 62 times in 100;", "About four of your weeks together: at most 73 times in 100."),
        ("es", "sobre su semana, como mucho, 62 veces de cada 100;", "cuatro de sus semanas juntas: como mucho, 73 veces"),
        ("pt", "sobre a sua semana, no máximo, 62 vezes em 100;", "quatro das suas semanas em conjunto: no máximo, 73 vezes"),
    ],
)
def test_page_tells_the_odds_of_a_typical_day_by_the_week(language: str, week: str, weeks: str) -> None:
    """A week is drawn once, and a month has four."""
    page = " ".join(receipt_page(receipt("energy-typical-week"), asked=language).split())
    assert week in page
    assert weeks in page


@pytest.mark.parametrize("scope", ["energy-daily-totals", "purpose:energy-planning"])
def test_page_tells_no_odds_where_anything_of_the_quantity_leaves_singly(scope: str) -> None:
    """Odds beside a total of one's own would be a promise that the total breaks."""
    page = " ".join(receipt_page(receipt(scope), asked="en").split())
    assert "Of “Electricity used”, your day is told under a made-up name." in page
    assert "times in 100" not in page


def test_page_of_a_purpose_counts_all_of_its_figures_together() -> None:
    """Somebody who permits figures only permits two flows of the purpose: √(2² + 0.62²)."""
    page = " ".join(receipt_page(receipt("purpose:energy-planning", limits=FIGURES), asked="en").split())
    assert "about your day at most 85 times in 100" in page


def test_page_counts_a_demand_for_more_noise() -> None:
    """With μ = 0.5 someone is right 60 times."""
    page = " ".join(receipt_page(receipt(limits=limits_of(budget=0.5)), asked="en").split())
    assert "about your day at most 60 times in 100" in page


def test_page_of_who_demands_a_larger_group_than_the_flow_has_says_that_nothing_leaves() -> None:
    """Such a household stands in no figure, and there are no odds of what does not leave."""
    page = " ".join(receipt_page(receipt(limits=limits_of(group=20)), asked="en").split())
    assert "Under this answer nothing of yours leaves for it." in page
    assert "times in 100" not in page


@pytest.mark.parametrize("version", ["first_version", "second_version"])
def test_page_of_a_receipt_from_before_tells_no_odds(version: str) -> None:
    """Its figures had no noise, and a budget in it was another number."""
    page = receipt_page(read_receipt((Path(__file__).parent / f"{version}.jsonld").read_bytes()), asked="en")
    assert "times in 100" not in page
    assert "ε 0.5 a day" in page


def test_receipt_cannot_write_to_the_terminal() -> None:
    """It may come from anybody, and is shown before anyone has checked it."""
    forged = deepcopy(receipt())
    for node in forged["included"]:
        if node["@type"] == "dpv:Process":
            node["title"]["en"] = "Nice\x1b[2J\u202e title"
    page = receipt_page(forged, asked="en")
    assert r"Nice\u001b[2J\u202e title" in page
    assert all(line.isprintable() for line in page.splitlines())


def test_what_is_no_receipt_has_no_page() -> None:
    """One error, whatever is wrong with it."""
    for wrong in ({}, {**receipt(), "included": [{}]}, {**receipt(), "hasRecordOfActivity": {}}, {**receipt(), "logEntry": 5}):
        with pytest.raises(RecordError):
            receipt_page(wrong)
