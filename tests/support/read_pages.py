"""Pages about the record as somebody reads them without a script, and what they hand to the script."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

from starlette.testclient import TestClient

from consent.core.policies.policy import PolicySet
from consent.portal.record import Head, SeenBy
from tests.support.checkout import ROOT
from tests.support.log import SIGNER
from tests.support.policy_folder import load_policies
from tests.support.portal import NOW_MS, SaidGate, SaidRecord, portal_client, said_state

WITNESS = SeenBy("asociacion-vecinal", NOW_MS - 8000, "asociacion.example/w+00000000+AAAA")


def head(size: int = 2418, witnesses: tuple[SeenBy, ...] = (WITNESS,)) -> Head:
    """Return a checkpoint."""
    return Head(SIGNER.name, SIGNER.vkey(), size, bytes(range(32)), NOW_MS, NOW_MS, witnesses)


def record(**others: Any) -> SaidRecord:
    """Return a record of the shipped rules, but for what is given."""
    return SaidRecord(**{"policies": rules(), "head": head(), **others})


def rules() -> PolicySet:
    """Return the shipped rules."""
    return load_policies(ROOT / "policies")


def client(said: SaidRecord, *, away: bool = True) -> TestClient:
    """Return somebody without a script."""
    return portal_client(SaidGate(said_state(), away=away), said)


def words_of(page: str) -> str:
    """Return the text of a page, without its tags and with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def setup_of(page: str) -> dict[str, Any]:
    """Return what the page hands to the script."""
    found = re.search(r'data-setup="([^"]*)"', page)
    assert found is not None
    setup: dict[str, Any] = json.loads(unescape(found[1]))
    return setup
