"""What an opening holds, in words: titles where the policies have them, and of limits only those that were set."""

from __future__ import annotations

import re
from itertools import product

import pytest
from msgspec import structs

from consent.core.consents.records import Consent, encode
from consent.core.disclosure import TOP, Disclosure, Time
from consent.core.languages import LANGUAGES
from consent.core.policies.policy import PolicySet
from gateway.audit.explain.content import SENTENCES, OpeningContent
from gateway.audit.log.chain import Chain
from gateway.audit.log.entries import Kind
from gateway.audit.log.openings import Opening, Part, commit
from gateway.audit.log.payloads import Contribution, GapPayload, PublicationPart, ReleasedDraw, ReleasePayload, ReleaseRecord
from tests.support.checkout import ROOT
from tests.support.consent_samples import agreed, limits_of
from tests.support.policy_folder import load_policies

RIBERA = load_policies(ROOT / "policies")
REASONS = ("unclean-end", "away", "session-lost", "clock-set", "unwitnessed", "restored", "restored-books")
SUBJECT = bytes(range(16))


def told(kind: Kind, *parts: bytes, language: str = "en", policies: PolicySet | None = RIBERA) -> list[str]:
    """Return the lines of an opening of a kind."""
    salted = [(bytes([n]) * 32, part) for n, part in enumerate(parts)]
    of_release = bytes(32) if kind is Kind.RELEASE else None
    entry = Chain().make(kind, 0, commit(salted), bundle_sha256=of_release, labels_root=of_release)
    return list(OpeningContent(language, policies).lines(entry, Opening(0, tuple(Part(*part) for part in salted))))


def said(limits: Disclosure) -> Consent:
    """Return a consent to the planning of the grid."""
    return agreed(RIBERA, "purpose:energy-planning", limits)


def test_consent_names_the_limits_that_were_set_and_no_axis_that_is_open() -> None:
    """Nobody said `stable`, `exact` or a century; who set none is told that there are none."""
    one = "\n".join(told(Kind.CONSENT, encode(said(limits_of(time=Time.HOUR_4)))))
    assert "limits set by the resident:\n  Time: in stretches of four hours\nin force" in one
    none = "\n".join(told(Kind.CONSENT, encode(said(TOP))))
    assert "limits set by the resident: none\nin force" in none


def test_flows_recipients_and_places_go_by_their_titles_in_the_language_of_the_explanation() -> None:
    """Never by an id."""
    lines = "\n".join(told(Kind.CONSENT, encode(said(TOP)), language="pt"))
    assert "sobre todas as utilizações de dados com a finalidade «Planear a rede elétrica»" in lines
    level = ("1h", "district", "0.1")
    record = ReleaseRecord("energy-hourly", level, "riverside", (0, 1), 1, "aggregate", "consumption", "sum")
    share = Contribution(0, SUBJECT, {}, 1, (2,), 1, "meter", "north-quay")
    lines = "\n".join(told(Kind.RELEASE, ReleasePayload("city-energy", (record,)).encode(), share.encode(), language="es"))
    assert "destinatario: «Oficina municipal de energía»" in lines
    assert "«Electricidad consumida, por hora», «La Ribera»" in lines
    assert "magnitud: «Electricidad consumida», cifra: suma" in lines
    assert "momento, por horas; lugar, por distritos; valor, en pasos de 0,1 kWh" in lines
    assert "su dispositivo: «Contador eléctrico», «Muelle Norte»" in lines
    assert not re.search("energy|district|meter|quay", lines)


DRAW = ReleasedDraw(
    flow="energy-hourly", level=("1h", "district", "0.1"), cell="riverside", property="consumption", statistic="sum",
    period="day", span=(0, 86_400_000), mechanism="gaussian", mu="2", draws=1, clip="10", presence="2",
    told=25, records=23, struck=(3,), n=640,
)  # fmt: skip


def published(draw: ReleasedDraw, language: str = "en") -> str:
    """Return what is said of a publication of one draw with one home in it."""
    payload = ReleasePayload("city-energy", (), (draw,), PublicationPart("day", 86_400_000, 0, 2))
    share = Contribution(0, SUBJECT, {}, 1, (2,), 24, "meter", "north-quay")
    return "\n".join(told(Kind.RELEASE, payload.encode(), share.encode(), language=language))


def test_draw_is_told_with_its_noise_and_how_many_homes_were_told() -> None:
    """And without the noise itself, which is nowhere."""
    text = published(DRAW)
    assert "published: the day that ended at 1970-01-02T00:00:00" in text
    assert "part 1 of 2" in text
    assert "records: 23, each about 25 homes (rounded down to fives), as the recipient is told" in text
    assert "noise: Gaussian, μ = 2, shared by so many draws: 1; each home bounded to 10 kWh, being there weighs 2 kWh" in text
    assert "spans that the gateway missed and that stand in no figure: 1" in text
    assert "draw 0: readings of subject" in text
    exact = published(structs.replace(DRAW, mechanism="none", mu="", clip="", presence="", struck=()))
    assert "noise: none, the figures are exact" in exact
    assert "missed" not in exact


def test_draw_with_anything_but_numbers_in_it_is_told_as_it_stands() -> None:
    """An opening is what its writer made it."""
    assert "each home bounded to `a lot`" in published(structs.replace(DRAW, clip="a lot"))


@pytest.mark.parametrize("language", ["es", "pt"])
def test_draw_is_told_in_the_language_of_the_explanation(language: str) -> None:
    """No word of it is English."""
    text = published(DRAW, language)
    assert "μ = 2" in text
    assert not re.search("noise|draw|publish|home|energy|district|the day", text)


def test_what_the_policies_do_not_have_goes_by_its_id_and_is_marked_as_one() -> None:
    """Also everything where there are none at hand; the whole city goes by its name."""
    record = ReleaseRecord("old-flow", ("3h", "town", "some"), "ribera", (0, 1), 1, "aggregate", "radon", "median")
    lines = "\n".join(told(Kind.RELEASE, ReleasePayload("city-energy", (record,)).encode()))
    assert "record 0: `old-flow`, “Ayuntamiento de Ribera”," in lines
    assert "property: `radon`, figure: `median`" in lines
    assert "time `3h`, place `town`, value `some`" in lines
    assert "recipient: `city-energy`" in told(Kind.RELEASE, ReleasePayload("city-energy", ()).encode(), policies=None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_gap_says_why_in_words(language: str) -> None:
    """Every reason and state of the clock that the log may hold; of a later version's, its name."""
    for reason, clock in product(REASONS, ("synchronised", "unsynchronised", "unknown", "simulated")):
        lines = told(Kind.GAP, GapPayload(reason, "b", clock).encode(), language=language)
        assert lines == [SENTENCES[language][f"gap-reason.{reason}"], SENTENCES[language][f"clock.{clock}"]]
    assert told(Kind.GAP, GapPayload("a.b", "", "sun").encode(), language=language) == ["`a.b`", "`sun`"]
