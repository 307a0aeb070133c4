"""The first page, over the shipped rules."""

from __future__ import annotations

from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_head, said_state


def test_home_speaks_the_readers_language() -> None:
    """By the address first, then by what the browser accepts."""
    client = portal_client(SaidGate(said_state()), SaidRecord(load_policies(ROOT / "policies"), said_head()))
    assert "What is sensed in Ayuntamiento de Ribera" in client.get("/").text
    assert '<html lang="pt">' in client.get("/", headers={"accept-language": "fr, pt-BR;q=0.8, en;q=0.5"}).text
    assert '<html lang="es">' in client.get("/?lang=es", headers={"accept-language": "pt"}).text
