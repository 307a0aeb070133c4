"""What one should know before answering: of the rules, of the gateway, and nothing where neither says anything."""

from __future__ import annotations

import asyncio
from typing import Any

from consent.portal.asking.asked import AskedQuestion
from consent.portal.asking.terms import BeforeView, before_answering
from consent.portal.visit import Visit
from tests.support.portal import NOW_MS, SaidGate, SaidRecord, said_site
from tests.support.questions import offer, permitted, question
from tests.support.ways import hidden, served, shipped, speaking_gate


def before(flow: str = "energy-hourly", gate: SaidGate | None = None, **others: Any) -> BeforeView:
    """Return it for a question."""
    site = said_site(gate or speaking_gate(served(flow, days=hidden((15, 30)))), SaidRecord(shipped()))
    return asyncio.run(before_answering(site, Visit("en"), AskedQuestion(shipped(), shipped().flows[flow], question(**others))))


def test_who_and_why_are_of_the_rules() -> None:
    """With how to ask them."""
    view = before()
    assert (view.recipient, view.purpose, view.is_for_all) == ("City energy office", "Planning the electricity grid", False)
    assert "energy@ribera.example" in [each.text for each in view.contacts]
    assert view.if_no.startswith("Nothing changes for you")
    assert before("energy-typical-week").is_for_all


def test_kept_and_odds_are_of_this_household_s_yes() -> None:
    """The gateway has computed them, with all that it permits already."""
    view = before()
    assert view.kept == "2 years"
    assert view.odds == (question().offered[0].exposures[0].text,)


def test_nothing_that_leaves_is_kept_for_no_time() -> None:
    """Where the rules let nothing leave."""
    view = before(offered=[offer("yes", reason="limits", retention_days=0, exposures=[]), offer("no")])
    assert (view.kept, view.odds) == ("", ())


def test_gateway_that_is_silent_about_numbers_is_said_to_be() -> None:
    """No number is made up."""
    gate = speaking_gate()
    gate.away = True
    assert before(gate=gate).among.kind == "away"
    assert before(gate=speaking_gate()).among.kind == "away"
    assert before().among.kind == "figures"


def test_end_of_the_answer_in_force_is_told() -> None:
    """One of no end has none."""
    assert before(row=permitted(expiry_ms=NOW_MS)).ends == "30 November 2026"
    assert before(row=permitted()).ends == ""
